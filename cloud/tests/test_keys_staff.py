"""Staff keys by zones, the emergency set on paper, and what ends them; judged by the firmware's own gate."""

from __future__ import annotations

import json

import pytest

from cloud.tests.gates import Door
from companion.core import token as door_token
from lockmate import doors, keys
from lockmate.doors import Denial, policies
from lockmate.errors import BadField
from lockmate.keys import Key
from lockmate.protocol import DENY_MAX, EMERGENCY, LIVES, STAFF
from lockmate.staff import Audit

pytestmark = pytest.mark.both_databases

FLOOR = 1 << 8
BACK = 1 << 1
SHIFT_MS = 8 * 3_600_000


@pytest.fixture
def maid(phones):
    return phones("13600000001").holder


@pytest.fixture
def floor_key(hotel, maid, time):
    return keys.issue_staff(
        maid, hotel.property, FLOOR, "Lin, floor 8", time.now_ms, time.now_ms + SHIFT_MS, by=hotel.desk
    )


def text_of(key, time):
    return keys.sheaf(key, time.now_s, slots=1)[0].text


def door(hotel, name):
    return Door(hotel.companion(name))


def test_a_staff_key_opens_every_door_of_its_zones_and_no_other(hotel, floor_key, time):
    text = text_of(floor_key, time)
    verdicts = {name: door(hotel, name).scan(text, time.now_s) for name in ("801", "804", "Lift", "Staff gate")}
    assert verdicts == {"801": "open", "804": "open", "Lift": "wrong_door", "Staff gate": "wrong_door"}


def test_its_tokens_live_a_shift_at_most_and_carry_the_epoch(hotel, floor_key, time):
    Key.update(ends_at=time.now_ms + 3 * 86_400_000).where(Key.id == floor_key.id).execute()
    slots = keys.sheaf(floor_key, time.now_s)
    tokens = [door_token.read(slot.text) for slot in slots]
    assert slots[-1].exp == time.now_s + LIVES[STAFF]
    assert {(t.slot, t.kind, t.door, t.zones, t.generation, t.over_privacy) for t in tokens} == {
        (4, STAFF, 0, FLOOR, 0, False)
    }


def test_a_shift_begins_and_ends(hotel, maid, time):
    later = time.now_ms + 13 * 3_600_000
    key = keys.issue_staff(maid, hotel.property, FLOOR, "Night", later, later + SHIFT_MS, by=hotel.desk)
    with pytest.raises(keys.KeyNotYet):
        keys.sheaf(key, time.now_s)
    time.passes(hours=14)
    assert door(hotel, "801").scan(text_of(key, time), time.now_s) == "open"
    time.passes(hours=8)
    with pytest.raises(keys.KeyEnded):
        keys.sheaf(key, time.now_s)


def test_privacy_stops_the_staff_and_not_an_emergency(hotel, maid, floor_key, time):
    room = door(hotel, "801")
    room.privacy = True
    assert room.scan(text_of(floor_key, time), time.now_s) == "privacy"
    key = keys.issue_staff(
        maid, hotel.property, FLOOR, "Duty manager", time.now_ms, time.now_ms + SHIFT_MS, "emergency", by=hotel.desk
    )
    assert room.scan(text_of(key, time), time.now_s) == "open"


def test_a_raised_epoch_ends_what_is_in_hand_and_the_next_fetch_brings_new_tokens(hotel, floor_key, time):
    room, heard_nothing = door(hotel, "801"), door(hotel, "802")
    text = text_of(floor_key, time)
    assert doors.raise_epoch(hotel.property, "staff", by=hotel.desk) == 1
    room.hears_newest(hotel, "801")
    assert room.scan(text, time.now_s) == "superseded"
    assert heard_nothing.scan(text, time.now_s) == "open"
    assert room.scan(text_of(floor_key, time), time.now_s) == "open"
    assert doors.raise_epoch(hotel.property, "staff", by=hotel.desk) == 2


def test_one_epoch_leaves_the_other_alone_and_every_door_hears(hotel, another_hotel, time):
    doors.raise_epoch(hotel.property, "emergency", by=hotel.desk)
    told = [json.loads(bytes(policies.newest(one).body)) for one in hotel.property.doors]
    assert {(policy["staff_epoch"], policy["emergency_epoch"]) for policy in told} == {(0, 1)}
    assert keys.epochs.of(another_hotel.property, "emergency") == 0
    assert Audit.select().where(Audit.verb == "door:raise_epoch").count() == 1


def test_there_is_no_epoch_of_guests(hotel):
    with pytest.raises(BadField):
        doors.raise_epoch(hotel.property, "guest", by=hotel.desk)


def test_the_printed_set_opens_every_door_for_a_week_over_privacy(hotel, time):
    printed = dict(keys.printed_set(hotel.property, by=hotel.desk))
    assert set(printed) == {"Lakeside", "Guests"}
    rooms = {name: door(hotel, name) for name in ("801", "Lift", "Staff gate")}
    for one in rooms.values():
        one.privacy = True
        assert one.scan(printed["Lakeside"], time.now_s) == "open"
        assert one.scan(printed["Lakeside"], time.now_s + LIVES[EMERGENCY]) == "open"
        assert one.scan(printed["Lakeside"], time.now_s + LIVES[EMERGENCY] + 1) == "expired"
    assert rooms["Lift"].scan(printed["Guests"], time.now_s) == "open"
    assert rooms["801"].scan(printed["Guests"], time.now_s) == "wrong_door"


def test_a_door_in_no_zone_has_a_sheet_of_its_own(hotel, time):
    doors_of_property = hotel.property
    from lockmate.properties import add_door

    add_door(doors_of_property, 9009, "Boiler", "common")
    printed = dict(keys.printed_set(hotel.property, by=hotel.desk))
    boiler = door(hotel, "Boiler")
    assert boiler.scan(printed["Lakeside"], time.now_s) == "wrong_door"
    assert boiler.scan(printed["Boiler"], time.now_s) == "open"


def test_a_raised_epoch_makes_the_printed_set_waste_paper(hotel, time):
    room = door(hotel, "801")
    text = dict(keys.printed_set(hotel.property, by=hotel.desk))["Lakeside"]
    doors.raise_epoch(hotel.property, "staff", by=hotel.desk)
    assert {key.label for key in keys.staff_keys(hotel.property)} == {"Lakeside", "Guests"}
    doors.raise_epoch(hotel.property, "emergency", by=hotel.desk)
    room.hears_newest(hotel, "801")
    assert room.scan(text, time.now_s) == "superseded"
    assert keys.staff_keys(hotel.property) == []  # nobody trusts a sheet in the safe that opens nothing
    assert room.scan(dict(keys.printed_set(hotel.property, by=hotel.desk))["Lakeside"], time.now_s) == "open"


def test_a_lost_phone_is_denied_at_every_door_of_its_zones(hotel, floor_key, time):
    room, lift = door(hotel, "801"), hotel.companion("Lift")
    text = text_of(floor_key, time)
    before = policies.newest(hotel.door("Lift")).version
    due = doors.end_staff_key(floor_key, "lost", by=hotel.desk)
    assert {one.name for one in due} == {"801", "802", "803", "804"}
    room.hears_newest(hotel, "801")
    assert room.scan(text, time.now_s) == "revoked"
    assert policies.newest(hotel.door("Lift")).version == before
    assert {row.kind for row in Denial.select()} == {"staff"}
    with pytest.raises(keys.KeyEnded):
        keys.sheaf(floor_key, time.now_s)
    assert lift


def test_a_lost_sheet_is_denied_alone(hotel, time):
    room = door(hotel, "Lift")
    printed = dict(keys.printed_set(hotel.property, by=hotel.desk))
    sheet = Key.get(Key.label == "Guests")
    assert {one.name for one in doors.end_staff_key(sheet, "lost", by=hotel.desk)} == {"Lift"}
    room.hears_newest(hotel, "Lift")
    assert room.scan(printed["Guests"], time.now_s) == "revoked"
    assert room.scan(printed["Lakeside"], time.now_s) == "open"


def test_where_a_list_is_full_the_epoch_is_raised_instead(hotel, floor_key, time):
    room = door(hotel, "801")
    text = text_of(floor_key, time)
    for n in range(DENY_MAX):
        Denial.create(
            door=hotel.door("801"), key_id=f"{n:016x}", kind="staff", until=time.now_s + 999, minted_at=1, made_at=1
        )
    assert len(doors.end_staff_key(floor_key, "lost", by=hotel.desk)) == 6
    room.hears_newest(hotel, "801")
    assert room.scan(text, time.now_s) == "superseded"
    assert Key.get_by_id(floor_key.id).state == "ended"


def test_the_truth_about_a_staff_key_is_what_all_its_doors_confirmed(hotel, floor_key, time):
    companion = hotel.companion("801")
    text_of(floor_key, time)
    time.passes(seconds=1)
    doors.end_staff_key(floor_key, "lost", by=hotel.desk)
    companion.reports()
    assert doors.truth.of(Key.get_by_id(floor_key.id)).kind == "ended_may_open"
    companion.holds(policies.newest(hotel.door("801")))
    companion.reports(seq=1)
    assert doors.truth.of(Key.get_by_id(floor_key.id)).kind == "ended_confirmed"


def test_a_guests_key_is_not_ended_as_a_staff_key(hotel, guest_key):
    with pytest.raises(doors.NotStaffKey):
        doors.end_staff_key(guest_key, "lost", by=hotel.desk)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"zones": 0}, "zones"),
        ({"zones": 1 << 32}, "zones"),
        ({"label": "  "}, "label"),
        ({"label": "x" * 61}, "label"),
        ({"kind": "guest"}, "kind"),
        ({"ends_at": 0}, "ends_at"),
    ],
)
def test_a_staff_key_without_zone_label_or_time_is_refused(hotel, maid, time, wrong, field):
    good = {"zones": FLOOR, "label": "Lin", "starts_at": time.now_ms, "ends_at": time.now_ms + 1, "kind": "staff"}
    with pytest.raises(keys.BadStaffKey) as refused:
        keys.issue_staff(maid, hotel.property, **(good | wrong), by=hotel.desk)
    assert refused.value.facts["field"] == field


def test_the_list_of_staff_keys_has_those_in_force(hotel, floor_key, maid, guest_key, time):
    keys.printed_set(hotel.property, by=hotel.desk)
    gone = keys.issue_staff(maid, hotel.property, BACK, "Old", time.now_ms, time.now_ms + 1_000, by=hotel.desk)
    time.passes(seconds=2)
    assert gone not in keys.staff_keys(hotel.property)
    assert [key.label for key in keys.staff_keys(hotel.property)] == ["Guests", "Lakeside", "Lin, floor 8"]


def test_a_phone_shows_its_staff_keys_beside_its_guests(hotel, floor_key, maid):
    [found] = keys.keys_of(maid)
    assert (found, found.door, found.property) == (floor_key, None, hotel.property)
