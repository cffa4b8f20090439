"""The pages in a real Chromium, served by the real application on a port of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import threading
from datetime import timedelta
from functools import cached_property

import pytest
from base45 import b45decode
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wsgi import ClosingIterator

from cloud.tests.gates import Door
from cloud.tests.pages.screen import DESK, PHONE, Screen
from lockmate import claims, clock, db, staff, stays
from lockmate.app import create_app
from lockmate.stays import Stay


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
    server.daemon_threads = False  # so that closing waits for answers on their way: the database goes next
    app.config["LOCKMATE_PUBLIC_URL"] = address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield address
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def screens(chromium, site):
    opened = []

    def make(language="en", **context):
        opened.append(Screen(chromium, site, language, **context))
        return opened[-1]

    yield make
    for screen in opened:
        screen.closes()


@pytest.fixture
def desk(screens):
    """Anna at the front desk, logged in."""
    anna = screens(**DESK)
    anna.logs_in()
    return anna


@pytest.fixture
def mobile(screens):
    """A guest's phone."""
    return screens(**PHONE)


# A part of a real one's pixels to draw, and its codes are read all the same.
SMALL = {**PHONE, "device_scale_factor": 1}
NAMES = {"en": ("Olivia Martin", "Jun Tanaka"), "zh-CN": ("王小明", "李娜")}


class Walk:
    """A desk and a guest, one before a screen and the other with a phone, who read the same language."""

    def __init__(self, screens, language, desk_size, guest_size):
        staff.Account.update(language=language).execute()
        self.language = language
        self.name, self.joiner = NAMES[language]
        self._screens, self._guest_size = screens, guest_size
        self.desk = screens(language, **desk_size)
        self.desk.logs_in()
        self.t = self.desk.t

    def another(self):
        """One more guest's browser."""
        return self._screens(self.language, **self._guest_size)

    @cached_property
    def guest(self):
        return self.another()


@pytest.fixture(
    params=[("en", DESK, SMALL), ("zh-CN", DESK, SMALL), ("en", SMALL, DESK), ("zh-CN", SMALL, DESK)],
    ids=["en-desk", "zh-desk", "en-phone", "zh-phone"],
)
def walk(request, screens):
    """Every page in both languages and at both sizes: where the desk has a screen the guest has a phone, and back."""
    return Walk(screens, *request.param)


@pytest.fixture
def heard(hotel):
    """A door's gate that has heard its newest policy."""

    def listen(companion, name="801"):
        door = Door(companion)
        door.hears_newest(hotel, name)
        return door

    return listen


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

    def bring(screen, room="801", number="13800001234", shows="canvas:visible", name="Wang"):
        page = screen.opens(f"/g/claim?t={claims.desk_ticket(hotel.property)}")
        page.fill("#phone", number)
        page.locator("form.phone-entry button.main").click()
        page.locator("strong.code").first.wait_for()
        stay = hotel.draft(room, name=name, nights=2)
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
