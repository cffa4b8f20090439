"""Moves, judged by the firmware's gate at doors that heard and at doors that did not."""

from __future__ import annotations

import threading

import pytest

from cloud.tests.gates import Door, Floor, qr
from lockmate import clock, db, doors, keys, notices, stays
from lockmate.doors import rooms, truth
from lockmate.errors import NotFound
from lockmate.keys import Key
from lockmate.staff import Audit
from lockmate.stays import Guest, Stay

pytestmark = pytest.mark.both_databases


def fresh(row):
    return type(row).get_by_id(row.id)


@pytest.fixture
def floor(hotel, time):
    return Floor(hotel, time, "801", "802", "803", "Lift")


@pytest.fixture
def party(hotel, phone, floor):
    """A guest in 801 with a key."""
    stay = hotel.checked_in("801", nights=3)
    return stay, phone.gets_key(hotel, stay)


def key_now(stay, n=0):
    return fresh(stay).present()[n].key


def opens(hotel, key, name):
    """A door tells of an open, as ingest passes it on."""
    return stays.note_opened(key.key_id, clock.now_ms(), hotel.door(name).id)


def test_while_a_move_is_open_the_guest_may_in_both_rooms(hotel, floor, party, time):
    stay, old = party
    in_hand = qr(old, time)
    move = stays.move(stay, hotel.door("802"), by=hotel.desk)
    assert (move.how, move.closes_at - move.started_at) == ("", 15 * 60_000)
    new = key_now(stay)
    assert (new.door.name, new.holder, new.key_id == old.key_id) == ("802", old.holder, False)
    assert fresh(stay).room.name == "802"
    for name, text in (("801", in_hand), ("801", qr(old, time)), ("802", qr(new, time)), ("Lift", in_hand)):
        assert floor.both(name, text) == ("open", "open"), name
    assert floor.both("802", in_hand) == ("wrong_door", "wrong_door")


def test_the_first_open_of_the_new_room_closes_the_old_one(hotel, floor, party, time):
    stay, old = party
    in_hand = qr(old, time)
    stays.move(stay, hotel.door("802"), by=hotel.desk)
    new = key_now(stay)
    time.passes(minutes=2)
    assert not opens(hotel, new, "Lift")  # on the way there
    assert not opens(hotel, old, "801")
    assert floor.told("801", in_hand) == "open"
    assert opens(hotel, new, "802")
    assert not opens(hotel, new, "802")
    assert stays.moves_of(stay)[0].how == "opened"
    assert (floor.told("801", in_hand), floor.told("Lift", in_hand)) == ("revoked", "revoked")
    assert floor.deaf("801", in_hand) == "open"
    for name in ("802", "Lift"):
        assert floor.both(name, qr(new, time)) == ("open", "open")
    with pytest.raises(keys.KeyEnded):
        keys.sheaf(old, time.now_s)
    assert truth.of(fresh(old)).kind == "ended_may_open"  # one of the two doors never spoke
    assert not rooms.rules_of(hotel.door("801")).taken


def test_an_open_of_an_earlier_time_in_that_room_told_late_closes_nothing(hotel, floor, party, time):
    stay, first = party
    stays.move(stay, hotel.door("802"), by=hotel.desk, at_once=True)
    second = key_now(stay)
    in_hand = qr(second, time)
    stays.move_back(fresh(stay), by=hotel.desk)
    assert not opens(hotel, first, "801")  # the door of 801 was offline, and tells of this morning only now
    assert stays.open_move(stay)
    assert floor.both("802", in_hand) == ("open", "open")
    assert opens(hotel, key_now(stay), "801")


def test_the_grace_closes_the_old_room_once(hotel, floor, party, time):
    stay, old = party
    stays.move(stay, hotel.door("802"), by=hotel.desk)
    time.passes(minutes=14)
    assert stays.tend() == 0
    assert floor.told("801", qr(old, time)) == "open"
    time.passes(minutes=1)
    in_hand = qr(old, time)
    assert (stays.tend(), stays.tend()) == (1, 0)
    assert stays.moves_of(stay)[0].how == "grace"
    assert floor.told("801", in_hand) == "revoked"
    assert not opens(hotel, key_now(stay), "802")


def test_at_once_closes_the_old_room_now(hotel, floor, party, time):
    stay, old = party
    in_hand = qr(old, time)
    move = stays.move(stay, hotel.door("802"), by=hotel.desk, at_once=True)
    assert (move.how, move.closed_at) == ("at_once", time.now_ms)
    assert floor.both("801", in_hand) == ("revoked", "open")
    assert floor.both("802", qr(key_now(stay), time)) == ("open", "open")
    assert stays.tend() == 0


def test_the_next_guest_of_the_old_room_ends_the_movers_key_at_a_door_that_was_offline(
    hotel, floor, party, phones, time
):
    stay, old = party
    in_hand = qr(old, time)
    stays.move(stay, hotel.door("802"), by=hotel.desk, at_once=True)
    next_key = phones("13900005678").gets_key(hotel, hotel.checked_in("801", name="Li"))
    assert floor.deaf("801", in_hand) == "open"
    assert floor.both("801", qr(next_key, time)) == ("open", "open")
    assert floor.deaf("801", in_hand) == "superseded"
    assert floor.both("802", qr(key_now(stay), time)) == ("open", "open")


def test_the_old_room_is_given_to_nobody_while_the_move_is_open(hotel, party, time):
    stay, _ = party
    stays.move(stay, hotel.door("802"), by=hotel.desk)
    draft = hotel.draft("801", name="Li")
    with pytest.raises(doors.RoomOccupied) as refused:
        stays.check_in(draft, by=hotel.desk)
    assert refused.value.facts["guest"] == "Wang Xiaoming"
    assert refused.value.facts["until"] == "2026-11-24 01:16"
    assert [row.leaving for row in stays.rack(hotel.property)] == [stay, None, None, None]
    time.passes(minutes=15)
    stays.tend()
    assert stays.check_in(draft, by=hotel.desk).generation == 2


def test_moving_back_while_open_leaves_the_old_key_as_it_was(hotel, floor, party, time):
    stay, old = party
    in_hand = qr(old, time)
    stays.move(stay, hotel.door("802"), by=hotel.desk)
    new = key_now(stay)
    new_in_hand = qr(new, time)
    back = stays.move_back(fresh(stay), by=hotel.desk)
    assert back.how == "back"
    assert (fresh(stay).room.name, fresh(stay).generation, key_now(stay)) == ("801", 1, old)
    assert floor.both("801", in_hand) == ("open", "open")
    assert floor.both("801", qr(old, time)) == ("open", "open")
    assert floor.both("Lift", in_hand) == ("open", "open")
    assert floor.told("802", new_in_hand) == "revoked"
    assert floor.told("Lift", new_in_hand) == "revoked"
    assert not opens(hotel, new, "802")  # told late, by a door that was offline
    assert fresh(stay).room.name == "801"
    assert hotel.checked_in("802", name="Li").generation == 2


def test_moving_back_after_the_guest_opened_the_new_room_is_a_new_move(hotel, floor, party, time):
    stay, old = party
    in_hand = qr(old, time)
    stays.move(stay, hotel.door("802"), by=hotel.desk)
    second = key_now(stay)
    opens(hotel, second, "802")
    back = stays.move_back(fresh(stay), by=hotel.desk)
    assert (back.from_room.name, back.to_room.name, back.to_generation, back.how) == ("802", "801", 2, "")
    third = key_now(stay)
    assert floor.both("801", qr(third, time)) == ("open", "open")
    assert floor.both("802", qr(second, time)) == ("open", "open")
    assert floor.both("801", in_hand) == ("revoked", "superseded")
    assert opens(hotel, third, "801")
    with pytest.raises(keys.KeyEnded):
        keys.sheaf(second, time.now_s)
    assert stays.move_back(fresh(stay), by=hotel.desk).to_room.name == "802"  # and forth again


def test_moving_back_into_a_room_that_was_given_again_is_refused(hotel, party):
    stay, _ = party
    stays.move(stay, hotel.door("802"), by=hotel.desk, at_once=True)
    hotel.checked_in("801", name="Li")
    with pytest.raises(doors.RoomOccupied) as refused:
        stays.move_back(fresh(stay), by=hotel.desk)
    assert refused.value.facts["guest"] == "Li"
    assert fresh(stay).room.name == "802"


def test_a_joiner_of_the_move_opens_the_new_room_and_after_moving_back_the_old_one(hotel, floor, party, phones, time):
    stay, _ = party
    stays.move(stay, hotel.door("802"), by=hotel.desk)
    joiner = stays.name_guest(fresh(stay), "Li", by=hotel.desk)
    key = phones("13900005678").gets_key(hotel, stay, joiner)
    assert floor.both("802", qr(key, time)) == ("open", "open")
    stays.move_back(fresh(stay), by=hotel.desk)
    key = fresh(joiner).key
    assert floor.both("801", qr(key, time)) == ("open", "open")
    assert len(stays.keys_by_guest(stay)[joiner.id]) == 2


def test_a_guest_removed_during_a_move_loses_both_rooms(hotel, floor, party, phones, time):
    stay, _ = party
    joiner = stays.name_guest(fresh(stay), "Li", by=hotel.desk)
    phones("13900005678").gets_key(hotel, stay, joiner)
    stays.move(fresh(stay), hotel.door("802"), by=hotel.desk)
    texts = {key.door.name: qr(key, time) for key in stays.keys_by_guest(stay)[joiner.id]}
    assert sorted(texts) == ["801", "802"]
    stays.remove_guest(joiner, by=hotel.desk)
    assert [floor.told(name, text) for name, text in texts.items()] == ["revoked", "revoked"]
    stays.move_back(fresh(stay), by=hotel.desk)
    assert {key.state for key in stays.keys_by_guest(stay)[joiner.id]} == {"ended"}
    assert floor.both("801", qr(key_now(stay), time)) == ("open", "open")


def test_another_room_while_the_move_is_open_takes_the_first_move_back(hotel, floor, party, time):
    stay, old = party
    stays.move(stay, hotel.door("802"), by=hotel.desk)
    unopened = qr(key_now(stay), time)
    move = stays.move(fresh(stay), hotel.door("803"), by=hotel.desk)
    assert (move.from_room.name, move.to_room.name) == ("801", "803")
    assert [m.how for m in stays.moves_of(stay)] == ["", "back"]
    assert floor.told("802", unopened) == "revoked"
    assert floor.both("801", qr(old, time)) == ("open", "open")
    assert floor.both("803", qr(key_now(stay), time)) == ("open", "open")
    assert stays.move(fresh(stay), hotel.door("801"), by=hotel.desk).how == "back"
    assert key_now(stay) == old


def test_a_third_room_that_is_occupied_leaves_the_move_as_it_was(hotel, party):
    stay, _ = party
    hotel.checked_in("803", name="Li")
    stays.move(stay, hotel.door("802"), by=hotel.desk)
    with pytest.raises(doors.RoomOccupied):
        stays.move(fresh(stay), hotel.door("803"), by=hotel.desk)
    assert (fresh(stay).room.name, stays.open_move(stay).how) == ("802", "")
    assert rooms.rules_of(hotel.door("802")).taken


def test_check_out_during_a_move_ends_both_rooms(hotel, floor, party, time):
    stay, old = party
    stays.move(stay, hotel.door("802"), by=hotel.desk)
    texts = {"801": qr(old, time), "802": qr(key_now(stay), time)}
    stays.check_out(fresh(stay), by=hotel.desk)
    assert [floor.told(name, text) for name, text in texts.items()] == ["revoked", "revoked"]
    assert [rooms.rules_of(hotel.door(name)).taken for name in texts] == [False, False]
    assert (stays.open_move(stay), stays.tend()) == (None, 0)
    assert hotel.checked_in("801", name="Li").generation == 2


def test_both_companions_of_a_suite_follow_a_move(hotel, party, time):
    stay, _ = party
    both = [Door(hotel.companion("804", f"suite-804-{n}")) for n in (1, 2)]
    stays.move(stay, hotel.door("804"), by=hotel.desk, at_once=True)
    text = qr(key_now(stay), time)
    for door in both:
        assert door.scan(text, time.now_s) == "open"
        door.hears_newest(hotel, "804")
        assert door.scan(text, time.now_s) == "open"


def test_what_can_not_be_moved(hotel, another_hotel, party):
    stay, _ = party
    cases = [("801", stays.SameRoom), ("Lift", doors.NotARoom)]
    for name, refusal in cases:
        with pytest.raises(refusal):
            stays.move(fresh(stay), hotel.door(name), by=hotel.desk)
    with pytest.raises(NotFound):
        stays.move(fresh(stay), another_hotel.door("802"), by=hotel.desk)
    with pytest.raises(NotFound):
        stays.move(fresh(stay), hotel.door("802"), by=another_hotel.desk)
    with pytest.raises(stays.StayNotIn):
        stays.move(hotel.draft("803"), hotel.door("802"), by=hotel.desk)
    with pytest.raises(stays.NothingToMoveBack):
        stays.move_back(fresh(stay), by=hotel.desk)
    stays.check_out(fresh(stay), by=hotel.desk)
    with pytest.raises(stays.StayEnded):
        stays.move(fresh(stay), hotel.door("802"), by=hotel.desk)


def test_a_move_is_told_and_written_down(hotel, party, phone, time):
    stay, _ = party
    stays.move(stay, hotel.door("802"), by=hotel.desk)
    told = notices.of(phone.holder)[0]
    assert (told.kind, told.told["room"], told.told["from_room"]) == ("moved", "802", "801")
    assert Audit.get(Audit.verb == "stay:move").actor == hotel.desk.name
    time.passes(minutes=15)
    stays.tend()
    assert Audit.get(Audit.verb == "stay:move_closed").actor == "system"
    assert [guest.name for guest in stays.of_keys(Key.select()).values()] == ["Wang Xiaoming"] * 2


@pytest.mark.both_databases(commits=True)
def test_two_desks_that_move_two_stays_into_one_room_at_once(hotel, phones):
    waiting = [hotel.checked_in(name, name=f"Guest {name}") for name in ("801", "802")]
    outcomes = []

    def go(stay):
        try:
            stays.move(stay, hotel.door("803"), by=hotel.desk)
            outcomes.append("moved")
        except doors.RoomOccupied:
            outcomes.append("occupied")
        finally:
            db.database.close()

    threads = [threading.Thread(target=go, args=[stay]) for stay in waiting]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["moved", "occupied"]
    assert Stay.select().where(Stay.room == hotel.door("803")).count() == 1


def test_two_desks_that_move_one_stay_at_once(hotel, party):
    stay, _ = party
    other_desk = fresh(stay)
    stays.move(stay, hotel.door("802"), by=hotel.desk)
    with pytest.raises(stays.ChangedMeanwhile):
        stays.move(other_desk, hotel.door("803"), by=hotel.desk)
    assert Guest.select().count() == 1
    assert Key.select().where(Key.state == "active").count() == 2
