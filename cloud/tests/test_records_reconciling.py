"""Every open is matched to what allowed it; the rest, and what is wrong, is told once and acknowledged."""

from __future__ import annotations

import csv
import io

import pytest

from lockmate import doors, keys, records, stays
from lockmate.doors import companions
from lockmate.errors import NotFound
from lockmate.keys import Key
from lockmate.records import Alarm
from lockmate.staff import Audit

CARD = "04A2219C"


@pytest.fixture
def room(hotel):
    made = hotel.companion("801")
    made.reports()
    return made


def tells(room, *lines, now):
    records.store(room.row, [records.parse(room.link_key, line) for line in lines], now)


def waiting(hotel):
    return sorted(alarm.kind for alarm in records.waiting(hotel.property))


def test_what_is_explained_raises_nothing(hotel, room, guest_key, time):
    asked = doors.open_remotely(hotel.door("801"), reason="luggage", by=hotel.desk)
    tells(
        room,
        room.line("opened", road="qr", verdict="open", key_id=guest_key.key_id),
        room.line("opened", road="mqtt", verdict="open", key_id=asked.key_id),
        room.line("card_open", card=CARD),
        room.line("inside_open"),
        room.line("opened", road="qr", mode="passage"),
        room.line("refused", road="qr", verdict="forged", count=3),
        now=time.now_ms,
    )
    assert records.reconcile() == 0
    found = [entry.matched for entry in records.entries(hotel.property)]
    assert found == ["-", "mode", "inside", "card", "remote", "token"]


def test_the_rest_is_flagged_once(hotel, room, time):
    tells(
        room,
        room.line("opened", road="qr", verdict="open", key_id="00" * 8),
        room.line("opened", road="qr"),
        room.line("unknown_open"),
        room.line("card_open", card=None),
        room.line("mechanical_open"),
        now=time.now_ms,
    )
    expected = ["card_unknown", "mechanical_open", "unmatched_open", "unmatched_open", "unmatched_open"]
    assert records.reconcile() == len(expected)
    assert waiting(hotel) == expected
    assert records.reconcile() == 0


def test_a_key_of_another_hotel_explains_nothing(hotel, another_hotel, guest_key, time):
    theirs = another_hotel.companion("801", "seaside-801")
    tells(theirs, theirs.line("opened", road="qr", key_id=guest_key.key_id), now=time.now_ms)
    records.reconcile()
    assert waiting(another_hotel) == ["unmatched_open"]
    assert waiting(hotel) == []


def test_a_key_that_opens_after_its_end_is_told(hotel, room, guest_key, time):
    keys.sheaf(guest_key, time.now_s)
    stays.check_out(stays.Stay.get(), by=hotel.desk)
    time.passes(minutes=1)
    tells(room, room.line("opened", road="qr", key_id=guest_key.key_id, at=time.now_s), now=time.now_ms)
    assert records.reconcile() == 0  # within what clocks may differ
    time.passes(minutes=5)
    tells(room, room.line("opened", road="qr", key_id=guest_key.key_id, at=time.now_s), now=time.now_ms)
    assert records.reconcile() == 1
    assert waiting(hotel) == ["late_open"]


def test_what_doors_complain_of_becomes_alarms_and_is_over_when_it_is(hotel, room, time):
    tells(
        room, room.line("forced"), room.line("tamper"), room.line("battery_low"), room.line("ajar"),
        room.line("fault", code="beliefs_lost"), now=time.now_ms,
    )  # fmt: skip
    assert records.reconcile() == 5
    assert waiting(hotel) == ["ajar", "battery_low", "fault", "forced", "tamper"]
    tells(room, room.line("closed"), now=time.now_ms)
    records.reconcile()
    assert Alarm.get(Alarm.kind == "ajar").over_at == time.now_ms
    ajar = records.acknowledge(Alarm.get(Alarm.kind == "ajar"), "  wind  ", by=hotel.desk)
    assert (ajar.acked_by, ajar.note) == ("anna@Lakeside", "wind")
    assert "ajar" not in waiting(hotel)
    tells(room, room.line("ajar"), now=time.now_ms)
    assert records.reconcile() == 1
    assert "ajar" in waiting(hotel)
    assert Audit.select().where(Audit.verb == "alarm:acknowledge").count() == 1


def test_a_silent_door_is_told_until_it_is_heard(hotel, room, time):
    companions.offline(room.row)
    time.passes(minutes=14)
    assert records.reconcile() == 0
    time.passes(minutes=2)
    assert records.reconcile() == 1
    room.reports()
    records.reconcile()
    assert Alarm.get(Alarm.kind == "offline").over_at == time.now_ms
    companions.offline(room.row)
    time.passes(minutes=16)
    assert records.reconcile() == 1
    assert (Alarm.get(Alarm.kind == "offline").count, waiting(hotel)) == (2, ["offline"])


def test_a_gap_is_told_when_it_does_not_close_by_itself(hotel, room, time):
    lost = room.line("boot")
    tells(room, room.line("boot"), now=time.now_ms)
    time.passes(minutes=4)
    assert records.reconcile() == 0
    time.passes(minutes=2)
    assert records.reconcile() == 1
    assert waiting(hotel) == ["log_gap"]
    assert records.reconcile() == 0
    tells(room, lost, room.line("log_lost", **{"from": 1, "to": 1, "count": 1}), now=time.now_ms)
    assert records.reconcile() == 1


def test_wrong_tags_and_doubled_identities_are_told(hotel, room, time):
    records.dispute(room.id, "bad_tag", b"x", time.now_ms)
    records.dispute(room.id, "other_bytes", b"y", time.now_ms)
    records.dispute("nobody-at-all", "unknown_companion", b"z", time.now_ms)
    assert records.reconcile() == 2
    assert waiting(hotel) == ["bad_tag", "doubled"]


def test_a_door_ahead_of_restored_books_is_told(hotel, room):
    room.generation = 5
    room.reports()
    records.reconcile()
    assert waiting(hotel) == ["ahead"]


def test_another_hotels_alarm_is_not_found(hotel, another_hotel, room, time):
    tells(room, room.line("forced"), now=time.now_ms)
    records.reconcile()
    alarm = Alarm.get()
    with pytest.raises(NotFound):
        records.alarm_of(another_hotel.property, alarm.id)
    with pytest.raises(NotFound):
        records.acknowledge(alarm, by=another_hotel.desk)


def trail_of(hotel):
    found = records.entries(hotel.property)
    return [(entry.first, entry.last) if entry.event is None else entry.first for entry in found]


def test_missing_events_stand_where_they_are(hotel, room, time):
    lines = [room.line("boot") for _ in range(9)]
    tells(room, *[lines[n - 1] for n in (3, 4, 8, 9)], now=time.now_ms)
    assert trail_of(hotel) == [9, 8, (5, 7), 4, 3, (1, 2)]
    tells(room, lines[5], now=time.now_ms)
    assert trail_of(hotel) == [6, (5, 5), 9, 8, (7, 7), 4, 3, (1, 2)]  # the one that came late stands on top


def exported(hotel, time, **more):
    text = "".join(records.export(hotel.property, time.now_s - 60, time.now_s + 3_600, **more))
    return list(csv.DictReader(io.StringIO(text)))


def test_the_table_has_every_event_in_its_order_with_what_is_missing(hotel, room, guest_key, time):
    lines = [room.line("opened", road="qr", key_id=guest_key.key_id, generation=1)]
    lines += [room.line("boot") for _ in range(5)]
    tells(room, *[lines[n] for n in (0, 4, 5)], now=time.now_ms)
    rows = exported(hotel, time)
    assert [row["seq"] for row in rows] == ["1", "2", "5", "6"]
    assert (rows[0]["person"], rows[0]["matched"], rows[0]["door"]) == ("Wang Xiaoming", "token", "801")
    assert rows[0]["time"] == "2026-11-24 01:01:40" and rows[0]["utc"] == "2026-11-23T17:01:40Z"
    assert rows[1]["note"] == "events 2-4 missing"


def test_no_cell_of_the_table_is_a_formula(hotel, room, guest_key, time):
    stays.rename_guest(stays.Stay.get().present()[0], "=HYPERLINK(1)", by=hotel.desk)
    tells(room, room.line("opened", road="qr", key_id=guest_key.key_id), now=time.now_ms)
    assert exported(hotel, time)[0]["person"] == "'=HYPERLINK(1)"


def test_the_table_is_of_the_time_and_door_that_were_asked_for(hotel, room, time):
    tells(room, room.line("boot"), now=time.now_ms)
    time.passes(hours=3)
    tells(room, room.line("boot", at=time.now_s), now=time.now_ms)
    assert [row["seq"] for row in exported(hotel, time)] == ["2"]
    assert exported(hotel, time, door=hotel.door("802")) == []
    assert Key.select().count() == 0
