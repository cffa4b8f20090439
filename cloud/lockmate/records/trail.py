"""The trail as people read it: events with who and what allowed them, and "411 to 414 missing" where they are."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby, pairwise
from typing import Any
from zoneinfo import ZoneInfo

from peewee import JOIN

from lockmate.doors import Companion
from lockmate.properties.models import Door, Property
from lockmate.records.models import Event
from lockmate.records.reconciling import behind, matched
from lockmate.records.refusals import people

_AT_A_TIME = 1_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
COLUMNS = (
    "time", "utc", "unsure_s", "door", "companion", "log", "seq", "kind", "verdict", "road", "key_id", "person", "card",
    "generation", "count", "matched", "received_utc", "note",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: an event with its person and match, or a range of a journal that is missing (`event` is None).

    first, last: seqs of the range; of an event both are its own.
    """

    event: Event | None
    door: str
    companion: str
    log: str
    first: int
    last: int
    person: str = ""
    matched: str = "-"


def entries(
    property: Property, *, door: Door | None = None, before: int | None = None, limit: int = 100
) -> list[Entry]:
    """The latest events, newest first, below the row id `before` if it is given; missing ranges are in their place."""
    query = _query(property, door)
    if before is not None:
        query = query.where(Event.id < before)
    return _told(list(query.order_by(Event.id.desc()).limit(limit)))


def export(property: Property, since_s: int, until_s: int, *, door: Door | None = None) -> Iterator[str]:
    """The events of a time by the doors' own clocks, as CSV (RFC 4180), journal by journal in its order.

    A cell that a spreadsheet would take for a formula begins with an apostrophe.
    """
    zone = ZoneInfo(property.timezone)
    yield _csv([COLUMNS])
    rows: list[Event] = []
    query = _query(property, door).where(Event.at >= since_s, Event.at < until_s)
    for event in query.order_by(Event.companion, Event.log, Event.seq).iterator():
        if len(rows) >= _AT_A_TIME and (rows[-1].companion_id, rows[-1].log) != (event.companion_id, event.log):
            yield _csv(_cells(one, zone) for one in reversed(_told(rows[::-1])))
            rows = []
        rows.append(event)
    if rows:
        yield _csv(_cells(one, zone) for one in reversed(_told(rows[::-1])))


def _query(property: Property, door: Door | None) -> Any:
    joined = Event.select(Event, Companion, Door).join(Companion).switch(Event).join(Door, JOIN.LEFT_OUTER)
    query = joined.where(Event.property == property)
    return query.where(Event.door == door) if door is not None else query


def _told(events: list[Event]) -> list[Entry]:
    """In the order given, newest first; a missing range stands below the event that follows it."""
    keys, remotes = behind(events)
    names = people(events)
    missing = _missing(events)
    found = []
    for event in events:
        door = event.door.name if event.door is not None else ""
        where = (door, event.companion.companion_id, event.log)
        person = names.get(event.key_id, "") if event.key_id else ""
        found.append(Entry(event, *where, event.seq, event.seq, person, matched(event, keys, remotes)))
        for first, last in missing.get(event.id, ()):
            found.append(Entry(None, *where, first, last))
    return found


def _missing(events: list[Event]) -> dict[int, list[tuple[int, int]]]:
    """By the row id of the event after it: ranges of its journal that are in no row at all."""
    found: dict[int, list[tuple[int, int]]] = {}
    in_order = sorted(events, key=lambda one: (one.companion_id, one.log, one.seq))
    for (companion, log), group in groupby(in_order, key=lambda one: (one.companion_id, one.log)):
        rows = list(group)
        held: Any = Event.select(Event.seq).where(Event.companion == companion, Event.log == log)
        before = held.where(Event.seq < rows[0].seq).order_by(Event.seq.desc()).limit(1).scalar() or 0
        jumps = [(one, two) for one, two in zip([None, *rows], rows, strict=False)]
        for one, two in jumps:
            low = one.seq if one is not None else before
            if two.seq == low + 1:
                continue
            between = held.where(Event.seq > low, Event.seq < two.seq).order_by(Event.seq)
            ranges = _holes(low, two.seq, [seq for (seq,) in between.tuples()])
            if ranges:
                found[two.id] = ranges[::-1]
    return found


def _holes(low: int, high: int, held: list[int]) -> list[tuple[int, int]]:
    """The ranges between `low` and `high`, both held, that are not."""
    ends = [low, *held, high]
    return [(one + 1, two - 1) for one, two in pairwise(ends) if two > one + 1]


def _cells(entry: Entry, zone: ZoneInfo) -> list[object]:
    if entry.event is None:
        several = entry.last > entry.first
        said = f"events {entry.first}-{entry.last} missing" if several else f"event {entry.first} missing"
        return ["", "", "", _safe(entry.door), entry.companion, entry.log, entry.first, *[""] * 10, said]
    event = entry.event
    at = datetime.fromtimestamp(event.at, UTC)
    received = datetime.fromtimestamp(event.received_at // 1000, UTC)
    return [
        f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}", f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "" if event.unsure is None else event.unsure, _safe(entry.door), entry.companion, entry.log, event.seq,
        _safe(event.kind), _safe(event.verdict), event.road, event.key_id, _safe(entry.person), _safe(event.card),
        "" if event.generation is None else event.generation, event.count, entry.matched,
        f"{received:%Y-%m-%dT%H:%M:%SZ}", "" if event.unsure is not None else "the door had lost the time",
    ]  # fmt: skip


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv(rows: Iterable[Iterable[object]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()
