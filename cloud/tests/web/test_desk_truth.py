"""The desk is told what the doors would say; somebody is put out of a room only after a second confirmation."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from lockmate import keys, records, staff, stays
from lockmate.doors import policies
from lockmate.keys import Key
from lockmate.records import Alarm
from lockmate.staff import Audit
from lockmate.stays import Payment, Stay


@pytest.fixture
def manager(hotel, browser):
    staff.create_account(hotel.property, "mia@Lakeside", "correct horse", "manager", language="en")
    mia = browser()
    mia.logs_in("mia@Lakeside")
    return mia


@pytest.fixture
def room(hotel):
    made = hotel.companion("801")
    made.reports()
    return made


def hears(room, hotel, name="801"):
    room.holds(policies.newest(hotel.door(name)))
    room.reports()


def test_somebody_is_put_out_of_a_room_only_by_typing_its_name(desk, hotel, guest_key):
    sleeper = Stay.get()
    draft = hotel.draft("801", name="Li")
    desk.get(f"/desk/stays/{draft.id}")
    page = desk.post(f"/desk/stays/{draft.id}/check-in")
    assert page.status_code == 409
    assert "Wang Xiaoming has a right to room 801 until" in page.text
    page = desk.post(f"/desk/stays/{draft.id}/evict", sleeper=sleeper.id, confirmed="802")
    assert page.status_code == 400
    assert Stay.get_by_id(sleeper.id).state == "in_house"
    page = desk.post(f"/desk/stays/{draft.id}/evict", sleeper=sleeper.id, confirmed="801")
    assert "the stay of Wang Xiaoming was ended" in page.text
    assert (Stay.get_by_id(sleeper.id).state, Stay.get_by_id(draft.id).state) == ("ended", "in_house")
    assert Audit.get(Audit.verb == "stay:evict").actor == "anna@Lakeside"


def test_a_form_sent_twice_is_done_once_and_one_filled_in_anew_again(desk, hotel, guest_key):
    stay = Stay.get()
    page = desk.get(f"/desk/stays/{stay.id}/payments")
    key = re.search(r'name="request" value="([^"]+)"', page.text)[1]
    for amount in ("10", "10", "20"):
        desk.post(f"/desk/stays/{stay.id}/payments", request=key, amount=amount, method="cash")
    assert [row.amount_minor for row in Payment.select().order_by(Payment.id)] == [1_000, 2_000]


def test_each_statement_is_told(desk, hotel, guest_key, room, time):
    hears(room, hotel)
    keys.sheaf(guest_key, time.now_s)
    stay = Stay.get()
    assert "Opens until" in desk.get(f"/desk/stays/{stay.id}").text
    stays.reschedule(stay, ends_at=time.now_ms + 600_000, by=hotel.desk)
    assert "a code that the phone holds already may open 801 until" in desk.get(f"/desk/stays/{stay.id}").text
    stays.check_out(Stay.get(), by=hotel.desk)
    page = desk.get(f"/desk/stays/{stay.id}").text
    assert "Can still open 801 until" in page and "last heard" in page
    assert "IC cards are not controlled here" in page
    hears(room, hotel)
    assert "Ended, confirmed by the door at" in desk.get(f"/desk/stays/{stay.id}").text


def test_a_dry_run_says_what_the_door_would_say_and_what_to_do(desk, hotel, guest_key, room, time):
    hears(room, hotel)
    stay = Stay.get()
    assert f"/desk/keys/{guest_key.id}/would-open" in desk.get(f"/desk/stays/{stay.id}").text
    assert "Yes, it opens" in desk.get(f"/desk/keys/{guest_key.id}/would-open").text
    assert f"/desk/keys/{guest_key.id}/would-open?door=801" in desk.get("/desk/doors/801").text
    keys.sheaf(guest_key, time.now_s)
    stays.check_out(Stay.get(), by=hotel.desk)
    page = desk.part(f"/desk/keys/{guest_key.id}/would-open?door=801").text
    assert "Once it holds its newest rules: Ended key" in page
    hears(room, hotel)
    page = desk.get(f"/desk/keys/{guest_key.id}/would-open").text
    assert "No: Ended key" in page and "Issue a new one" in page
    assert "No: Wrong door" in desk.get(f"/desk/keys/{guest_key.id}/would-open?door=802").text or (
        "No companion is at this door" in desk.get(f"/desk/keys/{guest_key.id}/would-open?door=802").text
    )


def test_a_door_that_differs_from_the_books_says_so(desk, hotel, guest_key, room):
    policies.publish(hotel.door("801"))
    assert "It holds the rules of" in desk.get("/desk/doors/801").text
    hears(room, hotel)
    assert "Nothing: the door holds what it should." in desk.get("/desk/doors/801").text
    room.generation = 5
    room.reports(clock=[5, None])
    page = desk.get("/desk/doors/801").text
    assert "It has seen key generation 5; our books say 1." in page
    assert "It does not know the time." in page
    stay = Stay.get()
    assert "801 refuses this key" in desk.get(f"/desk/stays/{stay.id}").text
    desk.get(f"/desk/stays/{stay.id}/new-keys")
    desk.post(f"/desk/stays/{stay.id}/new-keys")
    assert Key.select().where(Key.state == "active").get().generation == 6


def test_alarms_wait_until_somebody_acknowledges_them(desk, hotel, room, time):
    records.store(room.row, [records.parse(room.link_key, room.line("forced"))], time.now_ms)
    records.reconcile()
    assert "Forced open" in desk.get("/desk/alarms").text
    alarm = Alarm.get()
    desk.get(f"/desk/alarms/{alarm.id}/acknowledge")
    page = desk.post(f"/desk/alarms/{alarm.id}/acknowledge", note="a guest lost his key")
    assert "a guest lost his key" in page.text
    assert "Nothing waits for anybody" in page.text


def test_records_show_what_is_missing_and_are_exported_by_who_may(desk, manager, hotel, room, guest_key, time):
    lines = [room.line("opened", road="qr", key_id=guest_key.key_id) for _ in range(5)]
    parsed = [records.parse(room.link_key, line) for line in (lines[0], lines[4])]
    records.store(room.row, parsed, time.now_ms)
    page = desk.get("/desk/records").text
    assert "Events 2–4 missing" in page and "Wang Xiaoming" in page
    assert "records.csv" not in page
    assert desk.get("/desk/records.csv?first=2026-11-01&last=2026-11-30").status_code == 403
    assert "records.csv" in manager.get("/desk/records?door=801").text
    answer = manager.raw("/desk/records.csv?first=2026-11-01&last=2026-11-30")
    assert answer.mimetype == "text/csv" and "events 2-4 missing" in answer.text
    assert manager.raw("/desk/records.csv?first=2026-11-30&last=2026-11-01").status_code == 400
    assert Audit.select().where(Audit.verb == "record:export").count() == 1


def test_a_system_is_no_person(hotel):
    assert hotel.desk.is_person()
    assert not replace(hotel.desk, account_id=None).is_person()
