"""Stores lines exactly once and tells up to where a companion's journal is covered.

Coverage runs without a gap from the first line of a log; a range that the journal itself reported lost
(`log_lost`), or that a state says is older than all it holds, counts as covered. Beyond a gap lines are
stored but not acknowledged, so that the companion sends the missing ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import NamedTuple

from lockmate.db import driver, is_postgres, rows, transaction
from lockmate.doors.link import Speaker
from lockmate.doors.models import JournalLog
from lockmate.records.lines import ParsedLine, lost_range
from lockmate.records.models import Disputed, Event


@dataclass(slots=True)
class Journal:
    """One journal's row, as a JournalLog tells it; made in bulk, which a model's rows are too slow for."""

    id: int
    companion_id: int
    log: str
    stored_seq: int
    stored_tag: str
    highest_seq: int
    lost_seq: int


Group = tuple[Speaker, Sequence[ParsedLine]]

DISPUTED_MAX = 1_000
_MORE = "more"

COLUMNS = {  # with PostgreSQL's types
    "property_id": "int", "companion_id": "int", "door_id": "int", "log": "text", "seq": "bigint", "tag": "text",
    "line": "bytea", "at": "bigint", "unsure": "bigint", "kind": "text", "road": "text", "verdict": "text",
    "key_id": "text", "generation": "bigint", "card": "text", "count": "int", "received_at": "bigint",
}  # fmt: skip
_NAMES = ", ".join(f'"{name}"' for name in COLUMNS)
_ROWS_A_STATEMENT = 50  # of SQLite: a statement of its own for each row would cost a quarter more
_MARKS = f'({", ".join("?" * len(COLUMNS))})'
_ARRAYS = ", ".join(f"%b::{kind}[]" for kind in COLUMNS.values())
_POSTGRES_INSERT = f'INSERT INTO "event" ({_NAMES}) SELECT * FROM unnest({_ARRAYS}) ON CONFLICT DO NOTHING'  # noqa: S608
_JOURNALS = """SELECT id, companion_id, log, stored_seq, stored_tag, highest_seq, lost_seq
    FROM journal_log WHERE companion_id IN ({})"""
_BEYOND = """SELECT j.id, e.seq, e.tag, e.kind, CASE WHEN e.kind = 'log_lost' THEN e.line END FROM journal_log j
    JOIN event e ON e.companion_id = j.companion_id AND e.log = j.log AND e.seq > j.stored_seq WHERE j.id IN ({})"""
_NEAR_MAX = 8  # lines beyond a covered end that are looked at at once
_NEAR = f"""SELECT j.id, near.seq, near.tag, '', '' FROM journal_log j CROSS JOIN LATERAL (
    SELECT seq, tag FROM event e WHERE e.companion_id = j.companion_id AND e.log = j.log AND e.seq > j.stored_seq
    ORDER BY seq LIMIT {_NEAR_MAX}) AS near WHERE j.id IN ({{}})"""  # noqa: S608
_TWICE = """SELECT DISTINCT e.companion_id
    FROM unnest(%s::int[], %s::text[], %s::bigint[], %s::bigint[]) AS told (companion, log, low, high)
    JOIN event e ON e.companion_id = told.companion AND e.log = told.log AND e.seq BETWEEN told.low AND told.high
    GROUP BY e.companion_id, e.log, e.seq HAVING COUNT(*) > 1"""
_MOVED = """UPDATE journal_log SET stored_seq = moved.stored_seq, stored_tag = moved.stored_tag,
    highest_seq = moved.highest_seq, lost_seq = moved.lost_seq
    FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::bigint[], %s::int[])
    AS moved (stored_seq, stored_tag, highest_seq, lost_seq, id) WHERE journal_log.id = moved.id"""
_SQLITE_MOVED = "UPDATE journal_log SET stored_seq = ?, stored_tag = ?, highest_seq = ?, lost_seq = ? WHERE id = ?"
_COMPANION = itemgetter(1)
_AT_A_TIME = 500  # values of one query


@dataclass(slots=True)
class StoreResult:
    """What the ack of one companion says: of `log`, everything up to `upto_seq`, whose line's tag is `tag`.

    `tag` is empty while there is nothing to acknowledge. `new`: lines that were not held before;
    `disputed`: lines kept apart because the identity holds other bytes.
    """

    companion: Speaker
    log: str
    upto_seq: int
    tag: str
    new: int = 0
    disputed: int = 0


def store(companion: Speaker, lines: Sequence[ParsedLine], received_at: int) -> StoreResult:
    """Store the lines of one companion; see `store_batch`."""
    return store_batch([(companion, lines)], received_at)[0]


def store_batch(groups: Sequence[Group], received_at: int) -> list[StoreResult]:
    """Store many companions' lines in one transaction (the caller's, if there is one); one result per group.

    When this returns inside a transaction of the caller nothing is committed yet: acknowledge after that.
    Several workers may store at the same time: each inserts first and then locks the journals it moves, so that the
    second to move one sees the lines of the first.
    """
    with transaction(alone=False):
        single = [_once(companion, lines, received_at) for companion, lines in groups]
        groups = [(companion, lines) for (companion, _), (lines, _) in zip(groups, single, strict=True)]
        fresh = [_row(companion, line, received_at) for companion, lines in groups for line in lines]
        fresh.sort(key=_COMPANION)  # two workers with the same lines take their places in the same order
        doubled = _insert(fresh) != len(fresh)
        logs = _logs(groups, received_at)
        twice = set() if doubled else _held_twice(groups, logs)
        counts = []
        touched: dict[int, Journal] = {}
        for (companion, lines), (_, apart) in zip(groups, single, strict=True):
            again = doubled or companion.id in twice
            sound, new, disputed = _sifted(companion, lines, received_at) if again else (lines, len(lines), 0)
            _cover(companion, sound, logs, touched)
            counts.append((new, disputed + apart))
        _save(touched.values())
        _bridge([log for log in logs.values() if log.stored_seq < log.highest_seq])
        return [_result(companion, lines, logs, *count)
                for (companion, lines), count in zip(groups, counts, strict=True)]


def dispute(companion_id: str, reason: str, line: bytes, received_at: int) -> bool:
    """Keep apart a line that may not enter the trail; False if the same one is kept already, which is then counted.

    Of one companion no more than `DISPUTED_MAX`, since whoever holds its certificate could fill the disk: past that
    one row, "more", counts the rest.
    """
    companion_id = companion_id[:32].replace("\0", "?")
    of_companion = Disputed.companion_id == companion_id
    with transaction(alone=False):
        if _counted(of_companion, Disputed.reason == reason, Disputed.line == line):
            return False
        if Disputed.select().where(of_companion).count() < DISPUTED_MAX:
            Disputed.create(companion_id=companion_id, reason=reason, line=line, received_at=received_at)
            return True
        if not _counted(of_companion, Disputed.reason == _MORE):
            Disputed.create(companion_id=companion_id, reason=_MORE, line=b"", received_at=received_at)
        return False


def _counted(*which: object) -> bool:
    """Once more; False if there is none to count."""
    counted: int = Disputed.update(count=Disputed.count + 1).where(*which).execute()
    return counted > 0


def _row(companion: Speaker, line: ParsedLine, received_at: int) -> tuple[object, ...]:
    return (
        companion.property_id,
        companion.id,
        companion.door_id,
        line.log,
        line.seq,
        line.tag,
        line.body,
        line.at,
        line.unsure,
        line.kind,
        line.road,
        line.verdict,
        line.key_id,
        line.generation,
        line.card,
        line.count,
        received_at,
    )


def _once(companion: Speaker, lines: Sequence[ParsedLine], received_at: int) -> tuple[list[ParsedLine], int]:
    """The lines without those whose identity came before with other bytes; how many of them were kept apart."""
    seen: dict[tuple[str, int], bytes] = {}
    single = []
    apart = 0
    for line in lines:
        if seen.setdefault((line.log, line.seq), line.body) == line.body:
            single.append(line)
        else:
            apart += _apart(companion, line, received_at)
    return single, apart


def _apart(companion: Speaker, line: ParsedLine, received_at: int) -> bool:
    return dispute(companion.companion_id, "other_bytes", line.tag.encode() + b" " + line.body, received_at)


def _insert(fresh: list[tuple[object, ...]]) -> int:
    """How many entered. Straight to the driver: a query builder would cost more than the insert."""
    if not fresh:
        return 0
    with driver() as cursor:
        if is_postgres():
            cursor.execute(_POSTGRES_INSERT, [list(column) for column in zip(*fresh, strict=True)])
            return int(cursor.rowcount)
        entered = 0
        for start in range(0, len(fresh), _ROWS_A_STATEMENT):
            some = fresh[start : start + _ROWS_A_STATEMENT]
            cursor.execute(_sqlite_insert(len(some)), [value for row in some for value in row])
            entered += cursor.rowcount
        return entered


@cache
def _sqlite_insert(count: int) -> str:
    return f'INSERT INTO "event" ({_NAMES}) VALUES {", ".join([_MARKS] * count)} ON CONFLICT DO NOTHING'  # noqa: S608


def _held_twice(groups: Sequence[Group], logs: dict[tuple[int, str], Journal]) -> set[int]:
    """The companions (row ids) of which an identity is in the trail more than once: told under another month, a line
    does not collide on PostgreSQL. Only what is not newer than all that came before is looked for.
    """
    told: dict[tuple[int, str], list[int]] = {}
    for companion, lines in groups if is_postgres() else ():
        for line in lines:
            if line.seq <= logs[companion.id, line.log].highest_seq:
                told.setdefault((companion.id, line.log), []).append(line.seq)
    if not told:
        return set()
    ranges = [(*journal, min(seqs), max(seqs)) for journal, seqs in told.items()]
    with driver() as cursor:
        cursor.execute(_TWICE, [list(column) for column in zip(*ranges, strict=True)])
        return {companion for (companion,) in cursor.fetchall()}


def _logs(groups: Sequence[Group], now: int) -> dict[tuple[int, str], Journal]:
    """The journals that the lines belong to, made where first heard of; ours alone until the commit."""
    wanted = {(companion.id, line.log) for companion, lines in groups for line in lines}
    companions = {companion for companion, _ in wanted}
    found = {(row.companion_id, row.log): row for row in _logs_of(companions)}
    missing = sorted(wanted - found.keys())
    if missing:
        fresh = [{"companion": companion, "log": log, "first_heard_at": now} for companion, log in missing]
        for start in range(0, len(fresh), _AT_A_TIME):
            JournalLog.insert_many(fresh[start : start + _AT_A_TIME]).on_conflict_ignore().execute()
        found |= {(row.companion_id, row.log): row for row in _logs_of({companion for companion, _ in missing})}
    return found


def _logs_of(companions: set[int]) -> list[Journal]:
    sql = _JOURNALS + (" ORDER BY id FOR UPDATE" if is_postgres() else "")
    return [Journal(*row) for row in rows(sql, sorted(companions))]


def _cover(
    companion: Speaker,
    lines: Sequence[ParsedLine],
    logs: dict[tuple[int, str], Journal],
    touched: dict[int, Journal],
) -> None:
    """Move each log's covered end forward over lines that follow on it; the journals that changed go to `touched`."""
    for line in lines:
        log = logs[companion.id, line.log]
        if line.seq == log.stored_seq + 1 or (line.seq == log.stored_seq and not log.stored_tag):
            log.stored_seq, log.stored_tag = line.seq, line.tag
        elif line.seq <= log.stored_seq:
            continue
        log.highest_seq = max(log.highest_seq, line.seq)
        if line.kind == "log_lost":
            log.lost_seq = max(log.lost_seq, line.seq)
        touched[log.id] = log


class Held(NamedTuple):
    """What the trail holds beyond a covered end; `line` is told of a `log_lost` only."""

    seq: int
    tag: str
    kind: str
    line: bytes


def _bridge(logs: Sequence[Journal]) -> None:
    """Look at what is held beyond covered ends (as they are saved): a gap may be closed now, or one that was reported.

    With several workers most are: each has every other line of a door in its hands. So all are looked at in one query,
    and no further than needed: a worker that lags behind would read again and again what the other has stored.
    """
    reported = [log for log in logs if log.lost_seq > log.stored_seq]  # a loss is judged by all that is held of it
    _save(_moved(reported, _held_beyond(_BEYOND, reported)))
    logs = [log for log in logs if log.lost_seq <= log.stored_seq]
    while logs:
        held = _held_beyond(_NEAR if is_postgres() else _BEYOND, logs)
        moved = _moved(logs, held)
        _save(moved)
        logs = [log for log in moved if log.stored_seq < log.highest_seq and log.stored_seq == held[log.id][-1].seq]


def _moved(logs: Sequence[Journal], held: dict[int, list[Held]]) -> list[Journal]:
    return [log for log in logs if advance(log, held.get(log.id, ()))]


def _held_beyond(sql: str, logs: Sequence[Journal]) -> dict[int, list[Held]]:
    """In order, by the journal's row id."""
    held: dict[int, list[Held]] = {}
    for journal, seq, tag, kind, line in rows(sql, [log.id for log in logs]):
        held.setdefault(journal, []).append(Held(seq, tag, kind, line or b""))
    for beyond in held.values():
        beyond.sort()
    return held


def advance(log: Journal, held: Sequence[Held]) -> bool:
    """Move the covered end over `held`, lines beyond it in order; True if it moved."""
    seqs = [event.seq for event in held]
    reported = [lost_range(json.loads(bytes(event.line))) for event in held if event.kind == "log_lost"]
    lost = _merged([found for found in reported if found is not None])
    before = log.stored_seq
    for event in held:
        if event.seq != log.stored_seq + 1 and not _all_lost(log.stored_seq + 1, event.seq - 1, lost, seqs):
            break
        log.stored_seq, log.stored_tag = event.seq, event.tag
    return log.stored_seq != before


def _merged(ranges: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Ranges that overlap as one, their counts added: a journal that overflows twice thins out what it kept."""
    merged: list[tuple[int, int, int]] = []
    for first, last, count in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            before = merged.pop()
            first, last, count = before[0], max(before[1], last), before[2] + count
        merged.append((first, last, count))
    return merged


def _all_lost(first: int, last: int, lost: list[tuple[int, int, int]], held: list[int]) -> bool:
    """Whether a reported range explains this gap.

    A range runs from the first to the last line given up, and some between may be kept and still to come: only
    when what is missing of it is no more than its count is nothing awaited any more. The count includes lines that
    were stored before they were given up, so a message lost on the way as well could hide behind it: the trail
    shows those seqs as missing, inside a range that was reported.
    """
    for low, high, count in lost:
        if low <= first and last <= high:
            awaited_from = max(first, low)
            missing = high - awaited_from + 1 - sum(1 for seq in held if awaited_from <= seq <= high)
            if missing <= count:
                return True
    return False


def _sifted(companion: Speaker, lines: Sequence[ParsedLine], received_at: int) -> tuple[list[ParsedLine], int, int]:
    """(lines that the trail holds now, how many of them are new, how many others were kept apart).

    Where the trail held other bytes under an identity, what was inserted now goes out again: the first one stays.
    """
    held = _held(companion, lines)
    sound = []
    new = disputed = 0
    for line in lines:
        there = held[line.log, line.seq]
        ours = [row for row in there if bytes(row.line) == line.body]
        if len(ours) == len(there):
            sound.append(line)
            new += ours[0].received_at == received_at
            continue
        if ours:
            Event.delete().where(
                Event.companion == companion.id, Event.log == line.log, Event.seq == line.seq, Event.id == ours[0].id
            ).execute()
        disputed += _apart(companion, line, received_at)
    return sound, new, disputed


def _held(companion: Speaker, lines: Sequence[ParsedLine]) -> dict[tuple[str, int], list[Event]]:
    """What the trail holds under the identities of these lines."""
    seqs: dict[str, set[int]] = {}
    for line in lines:
        seqs.setdefault(line.log, set()).add(line.seq)
    held: dict[tuple[str, int], list[Event]] = {}
    for log, wanted in seqs.items():
        some = sorted(wanted)
        for start in range(0, len(some), _AT_A_TIME):
            query = Event.select(Event.id, Event.log, Event.seq, Event.line, Event.received_at).where(
                Event.companion == companion.id, Event.log == log, Event.seq.in_(some[start : start + _AT_A_TIME])
            )
            for row in query.order_by(Event.id):
                held.setdefault((log, row.seq), []).append(row)
    return held


def _result(
    companion: Speaker,
    lines: Sequence[ParsedLine],
    logs: dict[tuple[int, str], Journal],
    new: int,
    disputed: int,
) -> StoreResult:
    if not lines:
        return StoreResult(companion, "", 0, "")
    log = logs[companion.id, lines[-1].log]
    return StoreResult(companion, log.log, log.stored_seq, log.stored_tag, new, disputed)


def _save(logs: Iterable[Journal]) -> None:
    moved = [(log.stored_seq, log.stored_tag, log.highest_seq, log.lost_seq, log.id) for log in logs]
    if not moved:
        return
    with driver() as cursor:
        if is_postgres():
            cursor.execute(_MOVED, [list(column) for column in zip(*moved, strict=True)])
        else:
            cursor.executemany(_SQLITE_MOVED, moved)
