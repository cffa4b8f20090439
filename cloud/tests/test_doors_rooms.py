"""The ledger of generations keeps to protocol section 7."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lockmate import db, doors, keys, stays
from lockmate.doors import rooms
from lockmate.doors.models import Companion, DoorRules

pytestmark = pytest.mark.both_databases


def reports(companion, generation):
    Companion.update(generation=generation).where(Companion.companion_id == companion.id).execute()


def test_the_first_stay_takes_the_first_generation_and_the_next_stay_the_next(hotel):
    room = hotel.door("801")
    assert rooms.give(room) == 1
    assert rooms.close(room) == 2
    assert rooms.give(room) == 2


def test_a_room_is_not_given_twice(hotel):
    rooms.give(hotel.door("801"))
    with pytest.raises(doors.RoomOccupied):
        rooms.give(hotel.door("801"))


def test_a_common_door_is_given_to_nobody(hotel):
    for verb in (rooms.give, rooms.close, rooms.restored):
        with pytest.raises(doors.NotARoom):
            verb(hotel.door("Lift"))
    assert rooms.rules_of(hotel.door("Lift")).generation == 0


def test_a_door_that_is_ahead_of_a_restored_database_is_followed(hotel):
    companion = hotel.companion("801")
    reports(companion, 7)
    assert rooms.give(hotel.door("801")) == 8


def test_a_door_that_reports_what_it_was_told_costs_no_generation(hotel):
    companion = hotel.companion("801")
    reports(companion, 1)
    assert rooms.give(hotel.door("801")) == 1


def test_after_a_restore_the_next_generation_is_beyond_both(hotel):
    reports(hotel.companion("801"), 1)
    assert rooms.restored(hotel.door("801")) == 2
    reports(hotel.companion("802"), 9)
    assert rooms.restored(hotel.door("802")) == 10


def test_a_jump_that_no_restore_explains_alarms(hotel):
    companion = hotel.companion("801")
    reports(companion, 1001)
    assert rooms.give(hotel.door("801")) == 1002
    rooms.close(hotel.door("801"))
    reports(companion, 1003 + 1001)
    with pytest.raises(doors.GenerationJump) as refused:
        rooms.give(hotel.door("801"))
    assert refused.value.facts["reported"] == 2004
    assert not rooms.rules_of(hotel.door("801")).taken


def test_no_report_of_a_door_keeps_a_stay_from_ending(hotel, guest_key, time):
    keys.sheaf(guest_key, time.now_s)
    reports(hotel.companion("801"), 4_000_000_000)
    stays.check_out(stays.Stay.get(), by=hotel.desk)
    assert keys.Key.get().state == "ended"
    assert rooms.rules_of(hotel.door("801")).generation == 2


def test_a_retired_companion_counts_no_more(hotel):
    companion = hotel.companion("801")
    reports(companion, 50)
    Companion.update(state="retired").where(Companion.companion_id == companion.id).execute()
    assert rooms.give(hotel.door("801")) == 1


@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.one_of(st.sampled_from(["give", "close", "restored"]), st.integers(0, 40)), max_size=25))
def test_no_generation_is_ever_given_twice_nor_below_what_the_door_knows(hotel, steps):
    room = hotel.door("803")
    companion = Companion.get_or_none(Companion.companion_id == "c-803-test")
    companion = companion or hotel.companion("803").row
    with db.database.atomic() as everything:
        given_so_far, highest = [], 0
        for step in steps:
            if isinstance(step, int):
                highest = max(highest, step)
                Companion.update(generation=highest).where(Companion.id == companion.id).execute()
            elif step == "give":
                if rooms.rules_of(room).taken:
                    continue
                generation = rooms.give(room)
                assert generation >= highest
                given_so_far.append(generation)
            else:
                before = rooms.rules_of(room).generation
                assert getattr(rooms, step)(room) > max(before, highest)
        assert given_so_far == sorted(set(given_so_far))
        everything.rollback()
        DoorRules.delete().where(DoorRules.door == room).execute()
