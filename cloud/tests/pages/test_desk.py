"""The desk's pages as such: by the keyboard alone, without scripts, kept fresh, without a network, sent twice."""

from __future__ import annotations

import pytest

from cloud.tests.pages.screen import DESK
from lockmate import properties, stays
from lockmate.stays import Payment

pytestmark = pytest.mark.browser

FOCUSED = "() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText"


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
