"""The pages in a real Chromium, served by the real application on a port of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import re
import threading
from datetime import timedelta

import pytest
import zxingcpp
from base45 import b45decode
from PIL import Image
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wsgi import ClosingIterator

from lockmate import claims, clock, db, staff, stays
from lockmate.app import create_app
from lockmate.stays import Stay

DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


class Time:
    """Time runs; `passes` makes the server's clock jump, and nobody else's."""

    def __init__(self, file):
        self._file = file
        self._ahead_ms = 0

    @property
    def now_s(self):
        return clock.now_s()

    def passes(self, **span):
        self._ahead_ms += int(timedelta(**span).total_seconds() * 1000)
        self._file.write_text(str(self._ahead_ms))


@pytest.fixture
def time(house):
    return Time(house.test_clock)


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_args):
        """The tests say what matters."""


def _whole(app):
    """The application with each answer read before it is sent: a browser that leaves early leaves no file open."""

    def answer(environ, start_response):
        with contextlib.closing(ClosingIterator(app(environ, start_response))) as parts:
            return [b"".join(parts)]

    return answer


@pytest.fixture
def site(hotel, house):
    """The address of the running application."""
    staff.Account.update(language="en").execute()
    db.database.close()
    app = create_app(dataclasses.replace(house, public_url="http://127.0.0.1:1"))
    server = make_server("127.0.0.1", 0, _whole(app), threaded=True, request_handler=_Quiet)
    app.config["LOCKMATE_PUBLIC_URL"] = address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield address
    server.shutdown()
    thread.join()
    server.server_close()


class Screen:
    """One person before one browser; what the browser complains of fails the test."""

    def __init__(self, browser, site, **context):
        self.site = site
        self.context = browser.new_context(base_url=site, **context)
        self.context.set_default_timeout(15_000)
        self.page = self.context.new_page()
        self.complaints = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._heard)
        self.page.on("response", lambda answer: answer.status >= 500 and self.complaints.append(answer.url))

    def _heard(self, message):
        # a refused answer is told by the browser too; the pages' own tests look at those
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def opens(self, path):
        self.page.goto(path)
        return self.page

    def logs_in(self, name="anna@Lakeside"):
        page = self.opens("/desk/login")
        page.fill("[name=name]", name)
        page.fill("[name=password]", "correct horse")
        page.press("[name=password]", "Enter")
        page.wait_for_url("**/desk/")
        return page

    def decoded(self):
        """The one QR code in what the screen shows, read from its pixels."""
        picture = Image.open(io.BytesIO(self.page.screenshot()))
        found = zxingcpp.read_barcodes(picture)
        assert len(found) == 1, [code.text for code in found]
        return found[0]

    def says(self, text):
        """Waits until the page shows a text."""
        self.page.get_by_text(text, exact=False).first.wait_for()

    def closes(self):
        self.context.close()
        assert self.complaints == []


@pytest.fixture
def screens(chromium, site):
    opened = []

    def make(language="en-GB", **context):
        opened.append(Screen(chromium, site, locale=language, **context))
        return opened[-1]

    yield make
    for screen in opened:
        screen.closes()


@pytest.fixture
def desk(screens):
    """Anna at the front desk, logged in."""
    anna = screens(viewport=DESK)
    anna.logs_in()
    return anna


@pytest.fixture
def mobile(screens):
    """A guest's phone."""
    return screens(viewport=PHONE, device_scale_factor=3, is_mobile=True, has_touch=True)


@pytest.fixture
def scan():
    """What a phone's camera makes of a code: the path of our site in it."""
    return lambda code, site: re.sub("^" + re.escape(site), "", code.text)


@pytest.fixture
def record():
    """nbf and exp of a token's text, seconds."""

    def read(text):
        wire = b45decode(text[4:])
        return {"nbf": int.from_bytes(wire[22:26], "big"), "exp": int.from_bytes(wire[26:30], "big")}

    return read


@pytest.fixture
def carded(hotel):
    """Brings a phone's card of a stay that is checked in; answers (page, stay)."""

    def bring(screen, room="801", number="13800001234", shows="canvas:visible"):
        page = screen.opens(f"/g/claim?t={claims.desk_ticket(hotel.property)}")
        page.fill("#phone", number)
        page.locator("form.phone-entry button.main").click()
        page.locator("strong.code").first.wait_for()
        stay = hotel.draft(room, name="Wang")
        claim = claims.waiting(hotel.property)[0].claim
        claims.confirm(claim, stay.present()[0], claim.code, number[-4:], by=hotel.desk)
        stays.check_in(Stay.get_by_id(stay.id), by=hotel.desk)
        page.wait_for_url("**/g/card")
        page.locator(shows).wait_for()
        return page, stay

    return bring


@pytest.fixture
def card(mobile, carded):
    """A phone with the card of a stay that is checked in; answers (page, stay)."""
    return carded(mobile)
