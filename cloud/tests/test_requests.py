"""A request that is sent twice has one effect and the same answer."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from lockmate import db, doors, staff, stays
from lockmate.keys import Key
from lockmate.staff import Actor, Audit, Request
from lockmate.stays import Move, Payment, Stay


@pytest.fixture
def asks(hotel):
    """The desk with a request key."""
    return lambda key: replace(hotel.desk, request=key)


def lines(verb):
    return Audit.select().where(Audit.verb == verb).count()


def test_a_walk_in_sent_twice_is_one_stay(hotel, asks, time):
    ends_at = time.now_ms + 3_600_000
    room = hotel.door("801")
    first = stays.walk_in(hotel.property, room, [("Li", "")], ends_at=ends_at, by=asks("r-1"))
    again = stays.walk_in(hotel.property, room, [("Li", "")], ends_at=ends_at, by=asks("r-1"))
    assert (again.id, again.state) == (first.id, "in_house")
    assert Stay.select().count() == lines("stay:walk_in") == 1


def test_the_answer_is_the_rows_as_they_are_now(hotel, asks):
    stay = hotel.checked_in("801")
    moved = stays.move(stay, hotel.door("802"), by=asks("r-1"))
    assert stays.move(stay, hotel.door("802"), by=asks("r-1")).id == moved.id
    assert Move.select().count() == 1
    stays.check_out(Stay.get_by_id(stay.id), by=asks("r-2"))
    assert stays.check_out(stay, by=asks("r-2")).state == "ended"  # with the version of before: it is the same request
    assert lines("stay:check_out") == 1


def test_a_payment_sent_twice_is_paid_once_and_another_key_pays_again(hotel, asks):
    stay = hotel.checked_in("801")
    for key in ("r-1", "r-1", "r-2"):
        stays.pay(Stay.get_by_id(stay.id), 45_000, "CNY", "cash", by=asks(key))
    assert Payment.select().count() == 2


def test_a_key_that_comes_again_with_something_else_is_a_conflict(hotel, asks):
    stay = hotel.checked_in("801")
    stays.move(stay, hotel.door("802"), by=asks("r-1"))
    with pytest.raises(staff.RequestReused) as refused:
        stays.move(Stay.get_by_id(stay.id), hotel.door("803"), by=asks("r-1"))
    assert refused.value.status == 409
    with pytest.raises(staff.RequestReused):
        stays.check_out(Stay.get_by_id(stay.id), by=asks("r-1"))


def test_what_was_refused_may_be_tried_again_under_the_same_key(hotel, asks):
    there = hotel.checked_in("801")
    draft = hotel.draft("801", name="Li")
    with pytest.raises(doors.RoomOccupied):
        stays.check_in(draft, by=asks("r-1"))
    assert not Request.select().exists()
    stays.check_out(there, by=hotel.desk)
    assert stays.check_in(Stay.get_by_id(draft.id), by=asks("r-1")).state == "in_house"


def test_a_key_of_another_hotel_is_another_key(hotel, another_hotel, asks):
    hotel.checked_in("801")
    stays.check_out(Stay.get(), by=asks("r-1"))
    theirs = another_hotel.checked_in("801")
    assert stays.check_out(theirs, by=replace(another_hotel.desk, request="r-1")).property_id == theirs.property_id


def test_the_same_request_at_the_same_time_is_done_once(hotel, asks, time):
    ends_at, room, made = time.now_ms + 3_600_000, hotel.door("801"), []

    def ask():
        try:
            made.append(stays.walk_in(hotel.property, room, [("Li", "")], ends_at=ends_at, by=asks("r-1")).id)
        finally:
            db.database.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(set(made))) == (4, 1)
    assert Stay.select().count() == 1


def test_old_answers_are_forgotten(hotel, asks, time):
    hotel.checked_in("801")
    stays.check_out(Stay.get(), by=asks("r-1"))
    assert staff.requests.forget(time.now_ms) == 0
    time.passes(days=8)
    assert staff.requests.forget(time.now_ms) == 1


def test_a_guest_is_evicted_only_by_a_person_who_confirms_it(hotel, phone, phones):
    sleeper = hotel.draft("801")
    key = phone.gets_key(hotel, sleeper)
    sleeper = stays.check_in(Stay.get_by_id(sleeper.id), by=hotel.desk)
    draft = hotel.draft("801", name="Li")
    pms = Actor(None, "pms Harbour", hotel.property, hotel.desk.permissions)
    with pytest.raises(doors.RoomOccupied) as conflict:
        stays.check_in(draft, by=pms)
    assert (conflict.value.status, conflict.value.facts["stay"]) == (409, sleeper.id)
    with pytest.raises(staff.NeedsPerson):
        stays.evict(Stay.get_by_id(draft.id), sleeper=sleeper, by=pms)
    assert Key.get_by_id(key.id).state == "active"
    begun = stays.evict(Stay.get_by_id(draft.id), sleeper=sleeper, by=hotel.desk)
    assert (begun.state, begun.generation) == ("in_house", sleeper.generation + 1)
    assert (Stay.get_by_id(sleeper.id).state, Key.get_by_id(key.id).state) == ("ended", "ended")
    told = Audit.get(Audit.verb == "stay:evict")
    assert (told.actor, told.subject) == ("anna@Lakeside", f"stay {sleeper.id}")


def test_a_confirmation_does_not_count_for_somebody_else(hotel):
    former = hotel.checked_in("801")
    stays.check_out(former, by=hotel.desk)
    hotel.checked_in("801", name="Chen")
    draft = hotel.draft("801", name="Li")
    with pytest.raises(doors.RoomOccupied):
        stays.evict(draft, sleeper=former, by=hotel.desk)


def test_who_is_moving_out_loses_the_old_room_only(hotel, phone):
    stay = hotel.draft("801")
    phone.gets_key(hotel, stay)
    stay = stays.check_in(Stay.get_by_id(stay.id), by=hotel.desk)
    stays.move(stay, hotel.door("802"), by=hotel.desk)
    draft = hotel.draft("801", name="Li")
    stays.evict(draft, sleeper=stay, by=hotel.desk)
    assert (Stay.get_by_id(stay.id).state, Move.get().how) == ("in_house", "at_once")
    assert [key.door.name for key in Key.select().where(Key.state == "active")] == ["802"]
