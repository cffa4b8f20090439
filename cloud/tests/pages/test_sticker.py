"""At the door: the sticker's page, held to open, and what the door answered."""

from __future__ import annotations

import pytest

from lockmate import doors, stays
from lockmate.doors import remote
from lockmate.stays import Stay

pytestmark = pytest.mark.browser


@pytest.fixture
def at_door(mobile, card, hotel):
    """The guest's phone on the page of the room's door."""
    page = mobile.opens(f"/g/d/{hotel.property.property_id}/801")
    page.locator("canvas:visible").wait_for()
    return page


def answers(kind="opened", verdict="open"):
    """The door's event comes home."""
    asked = doors.RemoteOpen.select().order_by(doors.RemoteOpen.id.desc()).get()
    companion = doors.companions.by_id("c-801-test")
    remote.answered([remote.Answer(companion, asked.key_id, kind, verdict)], asked.asked_at + 900)


def hold(page):
    return page.get_by_role("button", name="Hold to open")


def test_held_for_a_second_it_opens_and_the_door_says_so(mobile, at_door, hotel):
    hotel.companion("801").reports()
    hold(at_door).hover()
    at_door.mouse.down()
    mobile.says("Asking the door")
    at_door.mouse.up()
    answers()
    mobile.says("The door is open")
    assert doors.RemoteOpen.select().count() == 1


def test_let_go_early_it_asks_nobody(mobile, at_door, hotel):
    hotel.companion("801").reports()
    button = hold(at_door)
    button.click()
    mobile.says("for a full second")
    button.hover()
    at_door.mouse.down()
    at_door.locator(".hold.held").wait_for()
    at_door.mouse.move(5, 5)  # slipped off
    at_door.locator(".hold:not(.held)").wait_for()
    at_door.mouse.up()
    button.focus()
    at_door.keyboard.press("Enter")
    at_door.clock.install()
    at_door.clock.run_for(3000)
    assert doors.RemoteOpen.select().count() == 0


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_it_opens_from_the_keyboard(mobile, at_door, hotel, key):
    hotel.companion("801").reports()
    hold(at_door).focus()
    at_door.keyboard.down(key)
    mobile.says("Asking the door")
    at_door.keyboard.up(key)
    answers()
    mobile.says("The door is open")


def test_the_doors_refusal_is_told_as_it_is(mobile, at_door, hotel):
    hotel.companion("801").reports()
    hold(at_door).focus()
    at_door.keyboard.down("Enter")
    mobile.says("Asking the door")
    answers("refused", "privacy")
    mobile.says("Do not disturb is on")


def test_a_door_that_is_offline_is_said_to_be_with_the_code_right_there(mobile, at_door, hotel):
    hotel.companion("801")
    hold(at_door).focus()
    at_door.keyboard.down("Enter")
    at_door.locator(".note.warn:visible").wait_for()
    assert "offline" in at_door.locator("[data-told]").inner_text().lower()
    at_door.locator(".instead").wait_for()
    assert len(mobile.decoded().text) == 151


def test_without_a_network_the_phone_says_so(mobile, at_door, hotel):
    mobile.context.set_offline(True)
    hold(at_door).focus()
    at_door.keyboard.down("Enter")
    mobile.says("Your phone has no network")
    assert len(mobile.decoded().text) == 151
    mobile.context.set_offline(False)


def test_the_page_follows_the_stay(mobile, at_door, hotel):
    stays.check_out(Stay.get(), by=hotel.desk)
    at_door.reload()
    mobile.says("Scan the QR at the desk")
