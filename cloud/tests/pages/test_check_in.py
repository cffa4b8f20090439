"""The main job through real pages: scan, claim, confirm, check in; the card's pixels open the real gate."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from cloud.tests.pages.screen import DESK
from lockmate import properties, stays
from lockmate.doors import policies
from lockmate.keys import Key
from lockmate.stays import Payment
from tools.virtual.firmware import binary

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[3]
# In byte mode these versions hold 106 characters: 151 can only have been alphanumeric (ISO/IEC 18004, table 7).
VERSIONS = {("5", "L"), ("6", "M")}

BELIEVED = (
    "door", "class", "zones", "generation", "staff_epoch", "emergency_epoch", "min_iat", "mode", "clock_lost",
)  # fmt: skip
FOCUSED = "() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText"


@pytest.fixture
def verdict(hotel, tmp_path):
    """The verdict of the firmware's own gate, run by a MicroPython of the board's word size."""

    def judge(text, door, now_s):
        at = hotel.door(door)
        policy = json.loads(bytes((policies.newest(at) or policies.publish(at)).body))
        beliefs = {name: policy[name] for name in BELIEVED} | {"deny": [], "used": [], "privacy": False}
        case = {"name": "scan", "text": text, "road": "qr", "clock": [now_s, now_s + 1], "door": beliefs}
        file = tmp_path / "scan.json"
        vectors = {"property_id": hotel.property.property_id, "trust": policy["trust"], "cases": [case]}
        file.write_text(json.dumps(vectors))
        command = [str(binary(32)), str(ROOT / "firmware/tests/verdicts.py"), str(file)]
        ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        return ran.stdout.split("\t")[1]

    return judge


def is_token(code):
    """The text is a token's, and the code has the form that the scanners read best."""
    assert (code.extra["Version"], code.ec_level) in VERSIONS
    assert len(code.text) == 151
    return code.text.startswith("HK1:")


def test_from_the_order_to_the_open_door(desk, mobile, hotel, site, scan, verdict, time):
    page = desk.opens("/desk/arrivals")
    page.get_by_role("link", name="New order").click()
    page.fill("#guest_name", "Wang Xiaoming")
    page.get_by_role("button", name="Enter order").click()
    page.get_by_role("radio", name="801").check()
    page.get_by_role("button", name="Take this room").click()
    desk.says("Check-in: room 801")

    qr = desk.context.new_page()
    qr.goto("/desk/qr")
    qr.locator("canvas:not([hidden])").wait_for()
    desk.page, page = qr, desk.page
    guest = mobile.opens(scan(desk.decoded(), site))
    desk.page = page
    guest.fill("#phone", "138 0000 1234")
    guest.get_by_role("button", name="Go on").click()
    code = guest.locator("strong.code").first.inner_text()

    page.get_by_role("link", name="Issue a key to Wang Xiaoming").click()
    page.get_by_role("dialog").get_by_text(code).wait_for()
    page.get_by_role("link", name=f"The phone with code {code}").click()
    match = page.get_by_role("dialog").locator(".match strong")
    match.first.wait_for()
    assert match.all_inner_texts() == [code, "1234"]
    page.get_by_role("button", name="They match: issue key").click()
    desk.says("Wang Xiaoming now holds a key for room 801.")

    guest.wait_for_url("**/g/card")
    mobile.says("Your card is being prepared")
    assert guest.locator("canvas:visible").count() == 0
    page.get_by_role("button", name="Check in", exact=True).click()
    desk.says("Room 801 is checked in.")

    guest.locator("canvas:visible").wait_for()
    shown = mobile.decoded()
    assert is_token(shown)
    assert verdict(shown.text, "801", time.now_s) == "open"
    assert verdict(shown.text, "802", time.now_s) == "wrong_door"
    assert verdict(shown.text, "Lift", time.now_s) == "open"

    page.get_by_role("link", name="Check out").click()
    page.get_by_role("dialog").get_by_role("button", name="Check out").click()
    desk.says("Room 801 is checked out.")
    assert verdict(shown.text, "801", time.now_s) == "superseded"
    guest.get_by_role("button", name="Refresh").click()
    mobile.says("This card has ended")
    assert Key.get().end_reason == "check_out"


def test_the_check_in_works_with_the_keyboard_alone(desk, hotel, phone):
    stay = hotel.draft("801", name="Wang")
    claim = phone.claims_at(hotel)
    page = desk.opens(f"/desk/stays/{stay.id}")

    def tab_to(name):
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate(FOCUSED) == name:
                return
        raise AssertionError(f"Tab does not reach {name}")

    tab_to("Issue a key to Wang")
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_text(claim.code).wait_for()
    tab_to(f"The phone with code {claim.code}")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="They match: issue key").wait_for()
    page.keyboard.press("Enter")
    desk.says("Wang now holds a key for room 801.")
    tab_to("Check in")
    page.keyboard.press("Enter")
    desk.says("Room 801 is checked in.")


def test_the_desk_works_without_scripts(screens, hotel, phone):
    anna = screens(java_script_enabled=False, **DESK)
    anna.logs_in()
    stay, claim = hotel.draft("801", name="Wang"), phone.claims_at(hotel)
    page = anna.opens(f"/desk/stays/{stay.id}")
    page.get_by_role("link", name="Issue a key to Wang").click()
    page.get_by_role("link", name=f"The phone with code {claim.code}").click()
    page.get_by_role("button", name="They match: issue key").click()
    page.get_by_role("button", name="Check in", exact=True).click()
    anna.says("Room 801 is checked in.")
    page.get_by_role("link", name="Check out").click()
    page.get_by_role("button", name="Check out").click()
    anna.says("Room 801 is checked out.")


def test_the_claims_list_refreshes_by_itself_and_by_its_button(desk, hotel, phone, phones):
    page = desk.opens("/desk/claims")
    desk.says("No phone is waiting")
    first = phone.claims_at(hotel)
    desk.says(first.code)
    second = phones("13900005678").claims_at(hotel)
    page.get_by_role("button", name="Refresh").click()
    desk.says(second.code)


def test_a_desk_page_that_lost_the_connection_says_so_and_recovers(desk, hotel, phone):
    page = desk.opens("/desk/claims")
    desk.says("No phone is waiting")
    desk.context.set_offline(True)
    desk.says("No connection.")
    desk.context.set_offline(False)
    page.get_by_text("No connection.").wait_for(state="hidden")
    claim = phone.claims_at(hotel)
    desk.says(claim.code)


def test_a_dialog_without_a_network_says_so_and_tries_again(desk, hotel):
    stay = hotel.checked_in("801", name="Wang")
    page = desk.opens(f"/desk/stays/{stay.id}")
    page.get_by_role("link", name="Add payment").click()
    desk.dialog.locator("#amount").fill("20")
    desk.context.set_offline(True)
    desk.dialog.get_by_role("button", name="Write down").click()
    desk.dialog.get_by_text("The server did not answer.").wait_for()
    assert "Room: 801" in desk.dialog.locator("textarea").input_value()
    desk.context.set_offline(False)
    desk.dialog.get_by_role("button", name="Try again").click()
    desk.says("Written down: CN¥20.00.")
    assert Payment.select().count() == 1


def test_a_form_that_is_sent_twice_enters_one_order(desk, hotel):
    page = desk.opens("/desk/orders/new")
    page.fill("#guest_name", "Wang")
    page.evaluate("() => { const b = document.querySelector('main form button'); b.click(); b.click(); }")
    desk.says("Which room?")
    assert stays.Order.select().count() == 1


def test_the_rack_shows_what_another_desk_did(desk, hotel):
    page = desk.opens("/desk/")
    page.get_by_role("link", name="801 Free").wait_for()
    hotel.checked_in("801", name="Wang")
    page.get_by_role("link", name="801 Occupied Wang").wait_for()
    assert properties.rooms_of(hotel.property)[0].name == "801"
