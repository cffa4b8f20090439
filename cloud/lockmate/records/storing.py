"""Stores lines exactly once; how far a companion's journal is covered by then is covering.py's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from operator import itemgetter

from lockmate.db import driver, is_postgres, transaction
from lockmate.doors.link import Speaker
from lockmate.records.covering import Journal, bridge, cover, journals, save
from lockmate.records.lines import ParsedLine
from lockmate.records.models import Disputed, Event

Group = tuple[Speaker, Sequence[ParsedLine]]

DISPUTED_MAX = 1_000
_MORE = "more"

COLUMNS = {  # with PostgreSQL's types
    "property_id": "int", "companion_id": "int", "door_id": "int", "log": "text", "seq": "bigint", "tag": "text",
    "line": "bytea", "at": "bigint", "unsure": "bigint", "kind": "text", "road": "text", "verdict": "text",
    "key_id": "text", "generation": "bigint", "card": "text", "count": "int", "received_at": "bigint",
}  # fmt: skip
_NAMES = ", ".join(f'"{name}"' for name in COLUMNS)
_ROWS_A_STATEMENT = (500, 50)  # of SQLite: a statement of its own for each row would cost a third more
_MARKS = f'({", ".join("?" * len(COLUMNS))})'
_ARRAYS = ", ".join(f"%b::{kind}[]" for kind in COLUMNS.values())
_POSTGRES_INSERT = f'INSERT INTO "event" ({_NAMES}) SELECT * FROM unnest({_ARRAYS}) ON CONFLICT DO NOTHING'  # noqa: S608
_TWICE = """SELECT DISTINCT e.companion_id
    FROM unnest(%s::int[], %s::text[], %s::bigint[], %s::bigint[]) AS told (companion, log, low, high)
    JOIN event e ON e.companion_id = told.companion AND e.log = told.log AND e.seq BETWEEN told.low AND told.high
    GROUP BY e.companion_id, e.log, e.seq HAVING COUNT(*) > 1"""
_COMPANION = itemgetter(1)
_NEAR = 8  # seqs so near to each other are looked for in one range
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
        logs = journals(groups, received_at)
        twice = set() if doubled else _held_twice(groups, logs)
        counts = []
        touched: dict[int, Journal] = {}
        for (companion, lines), (_, apart) in zip(groups, single, strict=True):
            again = doubled or companion.id in twice
            sound, new, disputed = _sifted(companion, lines, received_at) if again else (lines, len(lines), 0)
            cover(companion, sound, logs, touched)
            counts.append((new, disputed + apart))
        bridge([log for log in logs.values() if log.stored_seq < log.highest_seq], touched)
        save(touched.values())
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
        entered = start = 0
        while start < len(fresh):
            left = len(fresh) - start
            count = next((size for size in _ROWS_A_STATEMENT if size <= left), left)
            some = fresh[start : start + count]
            cursor.execute(_sqlite_insert(count), [value for row in some for value in row])
            entered += cursor.rowcount
            start += count
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
    ranges = [(*journal, low, high) for journal, seqs in told.items() for low, high in _ranges(seqs)]
    with driver() as cursor:
        cursor.execute(_TWICE, [list(column) for column in zip(*ranges, strict=True)])
        return {companion for (companion,) in cursor.fetchall()}


def _ranges(seqs: list[int]) -> list[tuple[int, int]]:
    """(low, high) that hold these and few others."""
    ranges: list[tuple[int, int]] = []
    for seq in sorted(seqs):
        if ranges and seq - ranges[-1][1] <= _NEAR:
            ranges[-1] = ranges[-1][0], seq
        else:
            ranges.append((seq, seq))
    return ranges


def _sifted(companion: Speaker, lines: Sequence[ParsedLine], received_at: int) -> tuple[list[ParsedLine], int, int]:
    """(lines that the trail holds now, how many of them are new, how many others were kept apart).

    Where the trail held other bytes under an identity, what was inserted now goes out again: the first one stays.
    """
    held = _held(companion, lines)
    sound = []
    new = disputed = 0
    for line in lines:
        first, *later = held[line.log, line.seq]
        for row in later:
            other = bytes(row.line)
            Event.delete().where(
                Event.companion == companion.id, Event.log == line.log, Event.seq == line.seq, Event.id == row.id
            ).execute()
            if other != line.body:  # it was told before, under another month, and nobody saw it then
                disputed += dispute(companion.companion_id, "other_bytes", row.tag.encode() + b" " + other, received_at)
        if bytes(first.line) == line.body:
            sound.append(line)
            new += first.received_at == received_at
        else:
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
            query = Event.select(Event.id, Event.log, Event.seq, Event.tag, Event.line, Event.received_at).where(
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


