"""Doors at the desk: opened from afar, reset while offline, who was refused; and the staff's keys."""

from __future__ import annotations

import re

import pytest

from lockmate import clock, records, staff, stays
from lockmate.doors import RemoteOpen, policies
from lockmate.keys import Key
from lockmate.stays import Stay


@pytest.fixture
def companion(hotel):
    made = hotel.companion("801")
    made.reports()
    return made


@pytest.fixture
def manager(browser, hotel):
    staff.create_account(hotel.property, "mei", "correct horse", "manager", language="en")
    mei = browser()
    mei.logs_in("mei")
    return mei


def test_a_door_is_opened_with_a_reason_and_answers_live(desk, hotel, companion):
    assert "opens once within 30 seconds" in desk.get("/desk/doors/801/open").text
    page = desk.post("/desk/doors/801/open", reason="no_phone", words="asked at the desk")
    assert "801 is asked to open" in page.text
    assert "Waiting for the door" in page.text
    asked = RemoteOpen.get()
    assert asked.reason == "Guest has no phone at hand – asked at the desk"
    line = companion.line("opened", road="mqtt", verdict="open", key_id=asked.key_id)
    records.store(companion.row, [records.parse(companion.link_key, line)], clock.now_ms())
    RemoteOpen.update(answer="opened").execute()
    part = desk.part("/desk/doors/801/opens").text
    assert "The door itself says that it opened." in part


def test_a_refusal_of_a_remote_open_is_told_with_its_reason(desk, companion):
    desk.get("/desk/doors/801/open")
    desk.post("/desk/doors/801/open", reason="maintenance")
    RemoteOpen.update(answer="privacy").execute()
    part = desk.part("/desk/doors/801/opens").text
    assert "Refused: Privacy is on" in part
    assert "does not want to be disturbed" in part


def test_a_door_that_is_offline_or_unasked_for_is_not_opened(desk, hotel):
    desk.get("/desk/doors/802/open")
    page = desk.post("/desk/doors/802/open", reason="other")
    assert "Door 802 is offline; nothing was sent." in page.text
    assert "Room: 802" in page.text
    assert desk.post("/desk/doors/802/open", reason="").status_code == 400
    assert RemoteOpen.select().count() == 0


def test_a_reset_token_is_shown(desk, companion):
    assert "it opens nothing" in desk.get("/desk/doors/801/reset").text
    page = desk.post("/desk/doors/801/reset")
    assert re.search(r'data-token="HK1:[^"]{147}"', page.text)
    assert desk.post("/desk/doors/9001/reset").status_code in {400, 409}


def test_the_stay_says_who_was_refused_and_what_to_do(desk, hotel, companion, phone):
    stay = hotel.draft("801", name="Wang Xiaoming")
    key = phone.gets_key(hotel, stay)
    stays.check_in(Stay.get_by_id(stay.id), by=hotel.desk)
    lines = [
        companion.line("refused", road="qr", verdict="privacy", key_id=key.key_id),
        companion.line("refused", road="qr", verdict="expired", count=2),
    ]
    records.store(companion.row, [records.parse(companion.link_key, line) for line in lines], clock.now_ms())
    for page in (desk.get(f"/desk/stays/{stay.id}").text, desk.get("/desk/doors/801").text):
        assert "<strong>Wang Xiaoming</strong>" in page
        assert "does not want to be disturbed" in page
        assert "Ask the guest to open the room card anew." in page
        assert "Unverified: the door refused before it checked the signature" in page


def test_the_stay_says_whether_its_door_confirmed(desk, hotel, companion):
    stay = hotel.checked_in("801")
    assert "Door 801 has not confirmed its newest rules yet" in desk.get(f"/desk/stays/{stay.id}").text
    companion.holds(policies.newest(hotel.door("801")))
    companion.reports()
    assert "Door 801 confirmed its newest rules at" in desk.get(f"/desk/stays/{stay.id}").text


def test_the_desk_does_not_see_the_staff_keys(desk):
    assert desk.get("/desk/staff-keys").status_code == 403
    assert "staff-keys" not in desk.get("/desk/").text


def test_a_staff_key_is_issued_to_a_waiting_phone_and_ended(manager, hotel, phone):
    claim = phone.claims_at(hotel)
    assert claim.code in manager.get("/desk/staff-keys").text
    page = manager.get(f"/desk/staff-keys/issue?claim={claim.id}")
    starts, ends = re.findall(r'type="datetime-local" value="([^"]+)"', page.text)
    facts = {"claim": claim.id, "code": claim.code, "last4": "1234", "who": "Zhang Wei", "job": "housekeeping"}
    page = manager.post("/desk/staff-keys/issue", zone=["0"], starts=starts, ends=ends, **facts)
    assert "Zhang Wei now holds a staff key." in page.text
    assert "Zhang Wei · Housekeeping" in page.text
    key = Key.get()
    assert (key.kind, key.zones, key.door) == ("staff", 1, None)
    assert "This one key ends at once" in manager.get(f"/desk/staff-keys/{key.id}/end").text
    page = manager.post(f"/desk/staff-keys/{key.id}/end")
    assert "No staff key is in force." in page.text


def test_odd_staff_keys_are_refused(manager, hotel, phone):
    claim = phone.claims_at(hotel)
    manager.get("/desk/staff-keys")
    good = {
        "claim": claim.id, "code": claim.code, "last4": "1234", "who": "Zhang", "job": "manager", "zone": "0",
        "starts": "2026-11-24T01:00", "ends": "2026-11-24T09:00",
    }  # fmt: skip
    for wrong in (
        {"claim": "x"}, {"job": "king"}, {"who": " "}, {"zone": "31"}, {"zone": "x"}, {"zone": []}, {"ends": "soon"},
        {"ends": "2020-01-01T00:00"},
    ):  # fmt: skip
        assert manager.post("/desk/staff-keys/issue", **(good | wrong)).status_code == 400, wrong
    assert manager.post("/desk/staff-keys/issue", **(good | {"code": "A1-11"})).status_code == 409
    assert Key.select().count() == 0


@pytest.mark.parametrize("kind", ["staff", "emergency"])
def test_an_epoch_is_raised_and_the_doors_confirm_it(manager, hotel, companion, kind):
    question = manager.get(f"/desk/staff-keys/raise?kind={kind}").text
    assert "code" in question
    page = manager.post(f"/desk/staff-keys/raise?kind={kind}")
    assert "Doors that have not confirmed the newest rules yet: 801 (1 of 1)." in page.text
    companion.holds(policies.newest(hotel.door("801")))
    companion.reports()
    assert "Newest rules confirmed by all doors with a companion (1)." in manager.part("/desk/staff-keys/doors").text
    assert manager.get("/desk/staff-keys/raise?kind=x").status_code == 400


def test_the_emergency_set_is_printed(manager, hotel):
    assert "New emergency codes are made for one week" in manager.get("/desk/staff-keys/printed").text
    page = manager.post("/desk/staff-keys/printed")
    assert len(re.findall(r'data-token="HK1:', page.text)) >= 2
    assert "On paper" in manager.get("/desk/staff-keys").text
