"""Who was refused, where and why: named after the signature, counted before it."""

from __future__ import annotations

import pytest

from lockmate import clock, doors, keys, records, stays
from lockmate.doors import RemoteOpen
from lockmate.keys import Key
from lockmate.stays import Stay

pytestmark = pytest.mark.both_databases


@pytest.fixture
def stay(hotel, guest_key):
    return Stay.get(Stay.state == "in_house")


@pytest.fixture
def room(hotel, stay):
    companion = hotel.companion("801")
    companion.reports()
    return companion


def refused(companion, verdict, key_id="", **other):
    fields = {"road": "qr", "verdict": verdict} | ({"key_id": key_id} if key_id else {}) | other
    line = companion.line("refused", **fields)
    records.store(companion.row, [records.parse(companion.link_key, line)], clock.now_ms())


def told(subject):
    return [(one.door.name, one.verdict, one.person, one.unverified, one.count) for one in records.refusals(subject)]


def test_a_guest_who_was_refused_is_named_at_the_door_and_at_the_stay(hotel, stay, room, guest_key, time):
    refused(room, "privacy", guest_key.key_id)
    expected = [("801", "privacy", "Wang Xiaoming", False, 1)]
    assert told(hotel.door("801")) == told(stay) == expected
    [one] = records.refusals(stay)
    assert (one.guest.stay_id, one.key, one.at, one.received_at) == (stay.id, guest_key, time.now_s, time.now_ms)


def test_what_was_refused_unverified_is_counted_and_names_nobody(hotel, stay, room):
    refused(room, "forged", count=7)
    assert told(hotel.door("801")) == told(stay) == [("801", "forged", "", True, 7)]


def test_another_rooms_refusals_are_not_the_stays(hotel, stay, room, phones):
    other = hotel.companion("802")
    theirs = phones("13900005678").gets_key(hotel, hotel.checked_in("802", name="Li Na"))
    refused(other, "privacy", theirs.key_id)
    refused(other, "malformed")
    refused(room, "privacy", theirs.key_id)  # Li Na at Wang's door
    assert told(stay) == []
    assert told(hotel.door("801")) == [("801", "privacy", "Li Na", False, 1)]


def test_a_guest_refused_elsewhere_is_found_at_the_stay(hotel, stay, room, guest_key):
    refused(hotel.companion("Lift"), "lockdown", guest_key.key_id)
    assert told(stay) == [("Lift", "lockdown", "Wang Xiaoming", False, 1)]


def test_a_guest_refused_with_the_key_of_the_former_room_is_found(hotel, stay, room, guest_key):
    stays.move(stay, hotel.door("803"), by=hotel.desk, at_once=True)
    refused(room, "revoked", guest_key.key_id)
    assert told(Stay.get_by_id(stay.id)) == [("801", "revoked", "Wang Xiaoming", False, 1)]


def test_the_unverified_of_another_day_or_of_the_guest_before_are_left_out(hotel, stay, room, time):
    refused(room, "expired")
    time.passes(hours=24, seconds=1)
    assert told(stay) == []
    assert told(hotel.door("801")) == [("801", "expired", "", True, 1)]


def test_after_check_out_the_doors_unverified_are_the_next_guests(hotel, stay, room, guest_key):
    stay = stays.check_out(stay, by=hotel.desk)
    refused(room, "forged")
    refused(room, "revoked", guest_key.key_id)
    assert told(stay) == [("801", "revoked", "Wang Xiaoming", False, 1)]


def test_a_remote_open_that_was_refused_names_who_asked(hotel, stay, room, guest_key):
    asked = doors.open_remotely(hotel.door("801"), key_id_of=Key.get_by_id(guest_key.id))
    refused(room, "privacy", asked.key_id, road="mqtt")
    assert told(stay) == [("801", "privacy", "Wang Xiaoming", False, 1)]
    assert records.refusals(stay)[0].remote == asked
    RemoteOpen.update(answer="privacy").execute()
    by_desk = doors.open_remotely(hotel.door("801"), reason="locked out", by=hotel.desk)
    refused(room, "privacy", by_desk.key_id, road="mqtt")
    assert told(hotel.door("801"))[0] == ("801", "privacy", hotel.desk.name, False, 1)
    assert len(told(stay)) == 1


def test_a_staff_key_is_named_by_its_label_and_a_strangers_by_nothing(hotel, room, phones, time):
    maid = keys.issue_staff(
        phones("13600000001").holder, hotel.property, 1 << 8, "Lin", time.now_ms, time.now_ms + 9_000, by=hotel.desk
    )
    refused(room, "privacy", maid.key_id)
    refused(room, "revoked", "00" * 8)
    assert [one.person for one in records.refusals(hotel.door("801"))] == ["", "Lin"]


def test_the_newest_come_first_and_no_more_than_asked_for(hotel, stay, room, guest_key):
    for verdict in ("privacy", "lockdown", "revoked"):
        refused(room, verdict, guest_key.key_id)
    assert [one.verdict for one in records.refusals(stay, limit=2)] == ["revoked", "lockdown"]


def test_people_behind_events_in_a_list_of_a_door(hotel, stay, room, guest_key):
    refused(room, "privacy", guest_key.key_id)
    refused(room, "forged")
    assert [name for _, name in records.of_door(hotel.door("801"))] == ["", "Wang Xiaoming"]
