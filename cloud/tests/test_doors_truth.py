"""What the desk is told about a key is never more optimistic than the doors."""

from __future__ import annotations

import pytest

from lockmate import keys, stays
from lockmate.doors import policies, truth
from lockmate.keys import Key

pytestmark = pytest.mark.both_databases


@pytest.fixture
def room(hotel):
    return hotel.companion("801")


@pytest.fixture
def lift(hotel):
    return hotel.companion("Lift")


@pytest.fixture
def checked_out(hotel, guest_key, room, lift, time):
    """A key with tokens in hand whose stay has just ended; both doors were heard a minute before."""
    room.reports()
    lift.reports()
    time.passes(minutes=1)
    keys.sheaf(guest_key, time.now_s)
    time.passes(minutes=1)
    stays.check_out(stays.Stay.get(), by=hotel.desk)
    return Key.get_by_id(guest_key.id)


def hears(companion, hotel, door):
    companion.holds(policies.newest(hotel.door(door)))
    companion.reports()


def test_a_prepared_key_opens_nothing(hotel, phone):
    assert truth.of(phone.gets_key(hotel, hotel.draft("801"))).kind == "prepared"


def test_an_active_key_opens_until_its_end(guest_key):
    assert truth.of(guest_key) == truth.Truth("open_until", until=guest_key.ends_at, latest=guest_key.ends_at)


def test_a_key_of_which_no_token_was_minted_ended_at_once(hotel, guest_key, room, time):
    stays.check_out(stays.Stay.get(), by=hotel.desk)
    assert truth.of(Key.get_by_id(guest_key.id)) == truth.Truth("ended", at=time.now_ms)


def test_an_ended_key_may_open_until_its_last_token_ended_by_the_doors_clock(checked_out, room, time):
    told = truth.of(checked_out)
    assert (told.kind, told.heard_at, told.doors) == ("ended_may_open", room.row.heard_at, ("801", "Lift"))
    assert checked_out.newest_exp < told.until // 1000 <= checked_out.newest_exp + 4


def test_it_is_confirmed_only_when_every_door_has_said_so(checked_out, hotel, room, lift, time):
    time.passes(seconds=2)
    hears(room, hotel, "801")
    assert truth.of(checked_out).doors == ("Lift",)
    time.passes(seconds=3)
    hears(lift, hotel, "Lift")
    assert truth.of(checked_out) == truth.Truth("ended_confirmed", at=time.now_ms)


def test_a_later_policy_does_not_make_the_confirmation_younger(checked_out, hotel, room, lift, time):
    hears(room, hotel, "801")
    hears(lift, hotel, "Lift")
    confirmed_at = time.now_ms
    time.passes(hours=1)
    policies.publish(hotel.door("801"))
    hears(room, hotel, "801")
    assert truth.of(checked_out).at == confirmed_at


def test_a_door_that_saw_a_newer_key_has_said_so_too(checked_out, hotel, room, lift, time):
    hears(lift, hotel, "Lift")
    time.passes(minutes=5)
    room.generation = 2
    room.reports()  # it still holds the old policy
    assert truth.of(checked_out) == truth.Truth("ended_confirmed", at=time.now_ms)


def test_a_door_that_lost_the_time_has_no_bound(checked_out, room, lift, time):
    room.reports(clock=[time.now_s, None])
    told = truth.of(checked_out)
    assert (told.kind, told.until) == ("ended_may_open", None)


def test_a_door_whose_clock_is_behind_may_open_longer(checked_out, room, time):
    room.reports(clock=[time.now_s - 500, time.now_s])
    assert truth.of(checked_out).until // 1000 >= checked_out.newest_exp + 500


def test_a_silent_door_may_open_for_ever_since_its_clock_stops_in_a_power_cut(checked_out, time):
    time.passes(days=2)
    told = truth.of(checked_out)
    assert (told.kind, told.until, told.doors) == ("ended_may_open", None, ("801", "Lift"))


def test_a_door_whose_clock_is_well_past_the_last_token_opens_no_more(checked_out, room, lift, time):
    time.passes(days=2)
    room.reports()
    lift.reports(clock=[checked_out.newest_exp + 3_600, None])
    assert truth.of(checked_out).doors == ("Lift",)
    lift.reports(clock=[checked_out.newest_exp + 3_601, None])
    assert truth.of(checked_out) == truth.Truth("ended", at=checked_out.newest_exp * 1000)


def test_a_policy_made_before_the_end_by_a_clock_that_ran_ahead_confirms_nothing(hotel, guest_key, room, lift, time):
    keys.sheaf(guest_key, time.now_s)
    time.passes(hours=3)
    for companion, door in ((room, "801"), (lift, "Lift")):
        policies.publish(hotel.door(door))
        hears(companion, hotel, door)
    time.passes(hours=-2)
    stays.check_out(stays.Stay.get(), by=hotel.desk)
    key = Key.get()
    assert (truth.of(key).kind, truth.of(key).doors) == ("ended_may_open", ("801", "Lift"))
    hears(room, hotel, "801")
    hears(lift, hotel, "Lift")
    assert truth.of(key).kind == "ended_confirmed"


def test_a_door_without_a_companion_opens_for_nobody(hotel, guest_key, time):
    keys.sheaf(guest_key, time.now_s)
    stays.check_out(stays.Stay.get(), by=hotel.desk)
    assert truth.of(Key.get_by_id(guest_key.id)).kind == "ended"


def test_a_companion_that_was_never_heard_has_no_bound(hotel, guest_key, room, time):
    keys.sheaf(guest_key, time.now_s)
    stays.check_out(stays.Stay.get(), by=hotel.desk)
    told = truth.of(Key.get_by_id(guest_key.id))
    assert (told.kind, told.until, told.heard_at) == ("ended_may_open", None, None)
