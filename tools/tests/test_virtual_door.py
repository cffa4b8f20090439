"""The virtual door page on the real firmware, in a real browser."""

from __future__ import annotations

import io
import threading

import pytest
import requests
import segno
from PIL import Image
from werkzeug.serving import make_server

from lockmate.protocol import VERDICTS
from tools.hotel.cable import Cable
from tools.hotel.house import ROOT
from tools.hotel.trial import TrialDoor
from tools.processes import free_port
from tools.virtual.companion import VirtualCompanion
from tools.virtual_door.app import LANGUAGES, catalogue, create_app
from tools.virtual_door.doors import VirtualDoor, VirtualDoors
from tools.virtual_door.pixels import PixelsError, read_code

HAND = {"X-Lockmate-Hand": "1"}
DESK = "http://127.0.0.1:8000/desk/"
SCREENS = ROOT / "build" / "screens"


class Doors:
    """Two virtual rooms behind a page."""

    def __init__(self, folder):
        self.trials = [TrialDoor(door=number, companion_id=f"trial-{number}") for number in (801, 802)]
        self.doors = [
            VirtualDoor(
                trial.companion_id, str(trial.door), trial.door, "room",
                VirtualCompanion(trial.flash(folder / f"{trial.door}.img"), log=folder / f"{trial.door}.log"),
                Cable(free_port()),
            )
            for trial in self.trials
        ]  # fmt: skip
        for door in self.doors:
            door.power_on()
        self.server = make_server("127.0.0.1", 0, create_app(VirtualDoors(self.doors), desk_url=DESK), threaded=True)
        self.url = f"http://127.0.0.1:{self.server.port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        for door in self.doors:
            door.stop()

    def post(self, place, headers=HAND, **body):
        with requests.post(self.url + place, headers=headers, timeout=20, **body) as answer:
            return answer

    def verdict(self, door=0):
        companion = self.doors[door].companion
        return companion.wait(lambda seen: "verdict" in seen, 10, since=self.mark)["verdict"]

    def listen(self, door=0):
        self.mark = self.doors[door].companion.mark()


@pytest.fixture
def doors(tmp_path):
    made = Doors(tmp_path)
    yield made
    made.close()


def picture(text, **how):
    file = io.BytesIO()
    segno.make(text, error="l", micro=False, **how).save(file, kind="png", scale=5)
    return file.getvalue()


# --- without a browser


def test_the_catalogues_have_the_same_texts_and_every_verdict():
    def keys(node, path=""):
        return {path} if isinstance(node, str) else {key for name in node for key in keys(node[name], f"{path}.{name}")}

    assert keys(catalogue("en")) == keys(catalogue("zh-CN"))
    for language in LANGUAGES:
        assert set(VERDICTS) <= set(catalogue(language)["verdict"])


def test_a_picture_of_a_code_gives_its_text_and_others_say_why_not():
    assert read_code(picture("HK1:ABC")) == "HK1:ABC"
    white = io.BytesIO()
    Image.new("RGB", (200, 200), "white").save(white, "PNG")
    for content, code in ((b"GIF89a nonsense", "not_an_image"), (b"", "not_an_image"),
                          (white.getvalue(), "no_code_in_image"), (bytes(9 * 1024 * 1024), "image_too_big")):
        with pytest.raises(PixelsError) as refused:
            read_code(content)
        assert refused.value.code == code


def test_a_pasted_code_reaches_the_scanner_and_opens(doors):
    doors.listen()
    assert doors.post("/doors/trial-801/scan", json={"text": f"  {doors.trials[0].token()}\n"}).json() == {"bytes": 151}
    assert doors.verdict() == "open"
    assert doors.doors[0].companion.opens == 1


def test_the_power_can_be_cut_and_given_again(doors):
    assert doors.post("/doors/trial-801/power", json={"on": False}).status_code == 200
    refused = doors.post("/doors/trial-801/scan", json={"text": "HK1:"})
    assert (refused.status_code, refused.json()) == (409, {"error": "no_power"})
    assert not doors.doors[0].ended_by_itself()
    assert doors.post("/doors/trial-801/power", json={"on": True}).status_code == 200
    doors.listen()
    doors.post("/doors/trial-801/scan", json={"text": doors.trials[0].token()})
    assert doors.verdict() == "open"


@pytest.mark.parametrize(("place", "body", "status", "code"), [
    ("/doors/trial-801/scan", {"json": {"text": ""}}, 400, "nothing_to_scan"),
    ("/doors/trial-801/scan", {"json": {"text": "x" * 5000}}, 400, "code_too_long"),
    ("/doors/trial-801/scan", {"json": ["x"]}, 400, "bad_request"),
    ("/doors/trial-801/scan", {"data": b"\xff\xfe"}, 400, "bad_request"),
    ("/doors/nobody/scan", {"json": {"text": "x"}}, 404, "unknown_door"),
    ("/doors/trial-801/sense", {"json": {"name": "door", "on": 1}}, 400, "bad_request"),
    ("/doors/trial-801/sense", {"json": {"name": "window", "on": True}}, 400, "unknown_sense"),
    ("/doors/trial-801/gesture", {"json": {"name": "kick"}}, 400, "unknown_sense"),
    ("/doors/trial-801/image", {}, 400, "nothing_to_scan"),
    ("/doors/trial-801/image", {"files": {"image": b"nonsense"}}, 400, "not_an_image"),
    ("/phone/image", {"files": {"image": picture("http://evil.example/desk/")}}, 400, "not_our_address"),
    ("/nowhere", {}, 404, "not_found"),
])  # fmt: skip
def test_what_is_wrong_gets_a_code_that_the_catalogue_has(doors, place, body, status, code):
    answer = doors.post(place, **body)
    assert (answer.status_code, answer.json()) == (status, {"error": code})
    assert all(code in catalogue(language)["error"] for language in LANGUAGES)


def test_another_sites_page_can_move_no_door(doors):
    assert doors.post("/doors/trial-801/gesture", headers={}, json={"name": "card"}).status_code == 403
    assert doors.post("/doors/trial-801/gesture", headers={**HAND, "Host": "evil.example"},
                      json={"name": "card"}).status_code == 403


# --- in a browser


def visit(chromium, doors, language, width, height=844):
    context = chromium.new_context(viewport={"width": width, "height": height}, locale=language)
    page = context.new_page()
    page.said = []
    page.on("console", lambda line: page.said.append(line.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.goto(doors.url)
    return page


@pytest.mark.browser
@pytest.mark.parametrize(("language", "width"), [("zh-CN", 1280), ("zh-CN", 390), ("en", 1280), ("en", 390)])
def test_a_door_is_used_from_the_page(chromium, doors, language, width):
    page = visit(chromium, doors, language, width)
    texts = catalogue(language)
    room = page.locator("#trial-801")
    room.locator("input[type=file]").set_input_files(
        {"name": "card.png", "mimeType": "image/png", "buffer": picture(doors.trials[0].token(), mode="alphanumeric")})
    room.get_by_text(texts["verdict"]["open"], exact=True).first.wait_for()
    page.wait_for_selector('#trial-801[data-light="green"]')
    other = page.locator("#trial-802")
    other.locator("input[name=text]").fill(doors.trials[0].token())
    other.locator("button[type=submit]").click()
    other.get_by_text(texts["verdict"]["wrong_door"], exact=True).first.wait_for()
    other.get_by_role("button", name=texts["hand"]["network_cut"]).click()
    other.get_by_text(texts["door"]["no_network"], exact=True).wait_for()
    other.get_by_role("button", name=texts["hand"]["power_cut"]).click()
    other.get_by_text(texts["door"]["no_power"], exact=True).wait_for()
    assert other.get_by_role("button", name=texts["hand"]["card"]).is_disabled()
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENS / f"virtual-doors-{language}-{width}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.said == []
    page.context.close()


@pytest.mark.browser
def test_the_guests_phone_reads_the_desks_qr(chromium, doors):
    page = visit(chromium, doors, "en", 1280)
    page.locator("#phone input[type=file]").set_input_files(
        {"name": "desk.png", "mimeType": "image/png", "buffer": picture("http://127.0.0.1:8000/g/claim?t=abc")})
    page.locator("#phone .open").wait_for()
    assert page.locator("#phone .open").get_attribute("href") == "http://127.0.0.1:8000/g/claim?t=abc"
    page.context.close()


@pytest.mark.browser
def test_the_language_can_be_changed(chromium, doors):
    page = visit(chromium, doors, "zh-CN", 390)
    page.get_by_role("link", name="English").click()
    page.get_by_role("heading", name=catalogue("en")["page"]["title"]).wait_for()
    assert page.locator("html").get_attribute("lang") == "en"
    page.context.close()
