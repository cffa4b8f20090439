"""Rules of doors: who set them, how long they last, and what is told again until the door has it."""

from __future__ import annotations

import json
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from lockmate import doors, keys, pki, properties, stays
from lockmate.doors import Hours, companions, policies, rooms, schedules, truth
from lockmate.doors.models import Denial
from lockmate.errors import NotFound
from lockmate.keys import Key
from lockmate.outbox import Outbox
from lockmate.staff import Audit


def document(hotel, name):
    return json.loads(bytes(policies.newest(hotel.door(name)).body))


def at(zone, *wall):
    return int(datetime(*wall, tzinfo=ZoneInfo(zone)).timestamp())


def test_a_mode_is_renewed_as_long_as_it_is_wanted(hotel, time):
    lift = hotel.door("Lift")
    doors.set_rules(lift, mode="passage", mode_until=time.now_s + 200_000, by=hotel.desk)
    first = policies.newest(lift)
    time.passes(hours=11)
    assert doors.tend() == 0
    time.passes(hours=2)
    assert doors.tend() == 1
    assert policies.newest(lift).version > first.version
    assert document(hotel, "Lift")["mode_until"] == time.now_s + 86_400
    assert doors.tend() == 0
    time.passes(days=2)
    doors.tend()
    assert document(hotel, "Lift")["mode"] == "normal"
    assert rooms.rules_of(lift).renew_at is None


def test_who_sets_a_rule_is_written_down(hotel, another_hotel, time):
    doors.set_rules(hotel.door("801"), clock_lost="staff", by=hotel.desk)
    line = Audit.get(Audit.verb == "door:set_rules")
    assert (line.actor, json.loads(line.details)["clock_lost"]) == ("anna@Lakeside", "staff")
    with pytest.raises(NotFound):
        doors.set_rules(hotel.door("801"), clock_lost="guests", by=another_hotel.desk)


def test_hours_become_utc_intervals_and_are_renewed(hotel, time):
    week = [Hours((0, 1, 2, 3, 4), "07:00", "22:00"), Hours((5, 6), "09:00", "01:00")]
    doors.set_rules(hotel.door("Lift"), schedule=week, by=hotel.desk)
    said = document(hotel, "Lift")["schedule"]
    assert said[0] == [at("Asia/Shanghai", 2026, 11, 24, 7), at("Asia/Shanghai", 2026, 11, 24, 22)]
    assert len(said) == 8 and all(one[1] < two[0] for one, two in pairwise(said))
    saturday = next(one for one in said if one[0] == at("Asia/Shanghai", 2026, 11, 28, 9))
    assert saturday[1] == at("Asia/Shanghai", 2026, 11, 29, 1)
    time.passes(days=6)
    assert doors.tend() == 1
    assert document(hotel, "Lift")["schedule"][-1][0] > said[-1][0]


@pytest.mark.parametrize(("day", "hours"), [((2027, 3, 28), 14), ((2027, 10, 31), 16)])
def test_hours_over_a_change_of_the_clocks_are_as_long_as_that_day_is(day, hours):
    weekday = datetime(*day).weekday()  # noqa: DTZ001
    midnight = at("Europe/Lisbon", *day)
    [(begins, ends)] = schedules.intervals([Hours((weekday,), "00:00", "15:00")], "Europe/Lisbon", midnight + 60)[:1]
    assert (begins, ends - begins) == (midnight, hours * 3_600)


def test_hours_that_touch_are_one_and_no_more_than_a_policy_takes():
    week = [Hours(tuple(range(7)), "00:00", "24:00")]
    assert len(schedules.intervals(week, "Asia/Shanghai", 1_800_000_000)) == 1
    week = [Hours(tuple(range(7)), f"{h:02}:00", f"{h:02}:30") for h in range(24)]
    assert len(schedules.intervals(week, "Asia/Shanghai", 1_800_000_000)) == 16


@pytest.mark.parametrize("hours", [Hours((), "07:00", "22:00"), Hours((7,), "07:00", "22:00"), Hours((0,), "7", "x")])
def test_hours_that_are_none_are_refused(hotel, hours):
    with pytest.raises(doors.BadRules):
        doors.set_rules(hotel.door("Lift"), schedule=[hours], by=hotel.desk)


def test_a_policy_that_was_lost_on_the_way_is_put_out_again(hotel, time):
    companion = hotel.companion("801")
    companion.reports()
    policies.publish(hotel.door("801"))
    Outbox.update(state="sent").execute()  # and the broker lost it
    time.passes(seconds=30)
    assert doors.tend() == 0
    time.passes(seconds=31)
    assert doors.tend() == 1
    assert doors.tend() == 0
    time.passes(seconds=61)
    assert doors.tend() == 0  # it waits in the outbox
    companion.holds(policies.newest(hotel.door("801")))
    companion.reports()
    Outbox.update(state="sent").execute()
    time.passes(minutes=10)
    assert doors.tend() == 0


def test_a_new_door_of_a_zone_refuses_who_left_before_it_was_there(hotel, guest_key, time):
    keys.sheaf(guest_key, time.now_s)
    stays.check_out(stays.Stay.get(), by=hotel.desk)
    pool = properties.add_door(hotel.property, 9100, "Pool", "common", [0])
    hotel.companion("Pool")
    assert Denial.select().where(Denial.door == pool, Denial.key_id == guest_key.key_id).exists()
    gate = hotel.door("Staff gate")
    doors.set_zones(gate, [0, 1], by=hotel.desk)
    assert Denial.select().where(Denial.door == gate, Denial.key_id == guest_key.key_id).exists()
    assert document(hotel, "Staff gate")["zones"] == [0, 1]


def test_a_repaired_clock_takes_back_what_doors_said_of_the_wrong_time(hotel, guest_key, time):
    room, lift = hotel.companion("801"), hotel.companion("Lift")
    keys.sheaf(guest_key, time.now_s)
    guest_key = Key.get_by_id(guest_key.id)
    Key.update(ends_at=time.now_ms + 1000).execute()
    time.passes(days=3)  # our own clock runs ahead, and the doors follow it
    for board in (room, lift):
        board.reports()
    assert truth.of(Key.get_by_id(guest_key.id)).kind == "ended"
    time.passes(days=-3, hours=1)
    assert doors.repair_clock(hotel.property, by=hotel.desk) == 1
    assert document(hotel, "801")["clock_epoch"] == document(hotel, "Lift")["clock_epoch"] == 1
    assert truth.of(Key.get_by_id(guest_key.id)).kind == "ended_may_open"
    assert Audit.select().where(Audit.verb == "door:repair_clock").count() == 1


def test_a_shortened_stay_may_open_an_offline_door_longer_and_is_said_to(hotel, guest_key, time):
    room, lift = hotel.companion("801"), hotel.companion("Lift")
    for board in (room, lift):
        board.reports()
    keys.sheaf(guest_key, time.now_s)
    stays.reschedule(stays.Stay.get(), ends_at=time.now_ms + 600_000, by=hotel.desk)
    key = Key.get_by_id(guest_key.id)
    said = truth.of(key)
    assert (said.kind, said.until, said.doors) == ("open_until", time.now_ms + 600_000, ("801", "Lift"))
    assert said.latest // 1000 >= key.newest_exp > said.until // 1000


def test_a_door_that_is_ahead_of_restored_books_is_told_until_a_person_gives_new_keys(hotel, guest_key, time):
    room = hotel.companion("801")
    room.generation = 5
    room.reports(policy_version=room.policy_version + 9_000_000)
    assert truth.of(guest_key).ahead == ("801",)
    stays.rekey(stays.Stay.get(), by=hotel.desk)
    newer = Key.select().where(Key.state == "active").get()
    assert (newer.generation, truth.of(newer).ahead) == (6, ())


def test_a_jump_is_followed_once_a_person_said_so(hotel):
    room = hotel.companion("801")
    room.generation = 5_000
    room.reports()
    with pytest.raises(doors.GenerationJump):
        rooms.give(hotel.door("801"))
    assert rooms.accept(hotel.door("801"), by=hotel.desk) == 5_001
    assert rooms.give(hotel.door("801")) == 5_001


def test_a_replaced_companion_confirms_anew(hotel, guest_key, time):
    room, lift = hotel.companion("801"), hotel.companion("Lift")
    for board in (room, lift):
        board.reports()
    keys.sheaf(guest_key, time.now_s)
    made = companions.replace(room.row, "c-801-second", pki.device_key("c-801-second").request, by=hotel.desk)
    assert (made.companion.door.name, room.row.state) == ("801", "retired")
    stays.check_out(stays.Stay.get(), by=hotel.desk)
    lift.holds(policies.newest(hotel.door("Lift")))
    lift.reports()
    assert truth.of(Key.get_by_id(guest_key.id)).doors == ("801",)
    assert [row.address for row in Outbox.select().where(Outbox.channel == "crl")] == [hotel.property.property_id]


def test_after_a_restore_a_key_may_have_tokens_that_the_books_do_not_know(hotel, guest_key, time):
    room, lift = hotel.companion("801"), hotel.companion("Lift")
    for board in (room, lift):
        board.reports()
    assert stays.after_restore(hotel.property, by=hotel.desk) == []
    stays.check_out(stays.Stay.get(), by=hotel.desk)
    key = Key.get_by_id(guest_key.id)
    assert (truth.of(key).kind, key.newest_exp) == ("ended_may_open", time.now_s + 86_400)
    assert Denial.select().where(Denial.key_id == key.key_id).count() == 2


def test_a_door_that_holds_a_policy_of_the_lost_time_says_the_same(hotel, guest_key, time):
    room = hotel.companion("801")
    room.reports(policy_version=room.policy_version + 9_000_000)
    assert Key.get_by_id(guest_key.id).newest_exp == time.now_s + 86_400


def test_a_restore_lists_what_is_ahead_and_gives_new_keys_if_asked(hotel, guest_key):
    room, free, far = hotel.companion("801"), hotel.companion("802"), hotel.companion("803")
    for board, generation in ((room, 5), (free, 3), (far, 9_000)):
        board.generation = generation
        board.reports()
    told = stays.after_restore(hotel.property, by=hotel.desk)
    assert [line.split(":")[0] for line in told] == ["801", "802", "803"]
    assert "re-key it, or check it out" in told[0] and "goes beyond that" in told[1]
    assert "has new keys" in stays.after_restore(hotel.property, rekey=True, by=hotel.desk)[0]
    assert Key.select().where(Key.state == "active").get().generation == 6
    stays.after_restore(hotel.property, accept_jumps=True, by=hotel.desk)
    assert rooms.give(hotel.door("803")) == 9_001
