"""What the cloud issues, judged by the firmware's own gate under the policy that the cloud published."""

from __future__ import annotations

import threading

import pytest

from cloud.tests.gates import Door, qr
from lockmate import db, doors, keys, stays
from lockmate.stays import Stay

pytestmark = pytest.mark.both_databases


@pytest.fixture
def door(hotel):
    """`door("801")`: a door with a companion as it left enrolment."""
    return lambda name: Door(hotel.companion(name))


def guest_in(hotel, phone, room):
    stay = hotel.draft(room)
    key = phone.gets_key(hotel, stay)
    return stays.check_in(Stay.get_by_id(stay.id), by=hotel.desk), key


def test_a_guests_qr_opens_room_and_lift_and_nothing_else(hotel, phone, door, time):
    room, other, lift, gate_of_staff = door("801"), door("802"), door("Lift"), door("Staff gate")
    _, key = guest_in(hotel, phone, "801")
    text = qr(key, time)
    assert [d.scan(text, time.now_s) for d in (room, other, lift, gate_of_staff)] == [
        "open",
        "wrong_door",
        "open",
        "wrong_door",
    ]


def test_every_token_of_a_day_opens_in_its_slot(hotel, phone, door, time):
    room = door("801")
    _, key = guest_in(hotel, phone, "801")
    for slot in keys.sheaf(key, time.now_s)[::24]:
        middle = (slot.nbf + slot.exp) // 2
        assert room.scan(slot.text, middle) == "open"
        assert room.scan(slot.text, slot.nbf - 1) == "not_yet_valid"
        assert room.scan(slot.text, slot.exp + 1) == "expired"


def test_after_check_out_a_door_that_heard_refuses_and_one_that_did_not_hear_opens(hotel, phone, door, time):
    room, lift = door("801"), door("Lift")
    stay, key = guest_in(hotel, phone, "801")
    text = qr(key, time)
    stays.check_out(stay, by=hotel.desk)
    assert (room.scan(text, time.now_s), lift.scan(text, time.now_s)) == ("open", "open")
    room.hears_newest(hotel, "801")
    lift.hears_newest(hotel, "Lift")
    assert (room.scan(text, time.now_s), lift.scan(text, time.now_s)) == ("revoked", "revoked")


def test_the_next_guests_key_supersedes_at_a_door_that_never_heard(hotel, phone, phones, door, time):
    room = door("801")
    stay, key = guest_in(hotel, phone, "801")
    former = qr(key, time)
    stays.check_out(stay, by=hotel.desk)
    _, key = guest_in(hotel, phones("13900001234"), "801")
    assert room.scan(former, time.now_s) == "open"
    assert room.scan(qr(key, time), time.now_s) == "open"
    assert room.scan(former, time.now_s) == "superseded"


def test_another_hotels_door_of_the_same_number_calls_it_forged(hotel, another_hotel, phone, time):
    theirs = Door(another_hotel.companion("801", "seaside-801"))
    _, key = guest_in(hotel, phone, "801")
    assert theirs.scan(qr(key, time), time.now_s) == "forged"


@pytest.mark.both_databases(commits=True)
def test_two_desks_that_check_in_the_same_room_at_once_give_it_once(hotel):
    drafts = [hotel.draft("801") for _ in range(4)]
    outcomes = []

    def check_in(stay):
        try:
            outcomes.append(stays.check_in(stay, by=hotel.desk).state)
        except doors.RoomOccupied:
            outcomes.append("occupied")
        finally:
            db.database.close()

    threads = [threading.Thread(target=check_in, args=[stay]) for stay in drafts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["in_house", "occupied", "occupied", "occupied"]
    assert Stay.select().where(Stay.state == "in_house").count() == 1
