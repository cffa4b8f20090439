"""Up to where a companion's journal is covered: without a gap from the first line of a log, or a gap that was reported.

A range that the journal itself reported lost (`log_lost`), or that a state says is older than all it holds, counts as
covered. Beyond a gap lines are stored but not acknowledged, so that the companion sends the missing ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lockmate.db import driver, is_postgres, rows
from lockmate.doors.link import Speaker
from lockmate.doors.models import JournalLog
from lockmate.records.lines import ParsedLine, document, lost_range

_JOURNALS = """SELECT id, companion_id, log, stored_seq, stored_tag, highest_seq, lost_seq
    FROM journal_log WHERE companion_id IN ({})"""
_BEYOND = """SELECT j.id, e.seq, e.tag, e.kind, CASE WHEN e.kind = 'log_lost' THEN e.line END FROM journal_log j
    JOIN event e ON e.companion_id = j.companion_id AND e.log = j.log AND e.seq > j.stored_seq WHERE j.id IN ({})"""
_NEAR_MAX = 24  # lines beyond a covered end that are looked at at once
_NEAR = f"""SELECT told.id, near.seq, near.tag, '', '' FROM unnest(%s::int[], %s::int[], %s::text[], %s::bigint[])
    AS told (id, companion_id, log, stored_seq) CROSS JOIN LATERAL (
    SELECT seq, tag FROM event e WHERE e.companion_id = told.companion_id AND e.log = told.log
    AND e.seq > told.stored_seq ORDER BY seq LIMIT {_NEAR_MAX}) AS near"""  # noqa: S608
_MOVED = """UPDATE journal_log SET stored_seq = moved.stored_seq, stored_tag = moved.stored_tag,
    highest_seq = moved.highest_seq, lost_seq = moved.lost_seq
    FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::bigint[], %s::int[])
    AS moved (stored_seq, stored_tag, highest_seq, lost_seq, id) WHERE journal_log.id = moved.id"""
_SQLITE_MOVED = "UPDATE journal_log SET stored_seq = ?, stored_tag = ?, highest_seq = ?, lost_seq = ? WHERE id = ?"
_AT_A_TIME = 500  # rows of one statement


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


class Held(NamedTuple):
    """What the trail holds beyond a covered end; `line` is told of a `log_lost` only."""

    seq: int
    tag: str
    kind: str
    line: bytes


def journals(groups: Sequence[tuple[Speaker, Sequence[ParsedLine]]], now: int) -> dict[tuple[int, str], Journal]:
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


def cover(
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
        elif line.seq <= min(log.stored_seq, log.highest_seq):
            continue
        log.highest_seq = max(log.highest_seq, line.seq)
        if line.kind == "log_lost":
            log.lost_seq = max(log.lost_seq, line.seq)
        touched[log.id] = log


def bridge(logs: Sequence[Journal], touched: dict[int, Journal]) -> None:
    """Look at what is held beyond covered ends: a gap may be closed now, or one that was reported.

    The journals that moved go to `touched`. With several workers most are looked at: each has every other line of a
    door in its hands. So all are looked at in one query, and no further than needed: a worker that lags behind would
    read again and again what the other has stored.
    """
    reported = [log for log in logs if log.lost_seq > log.stored_seq]  # a loss is judged by all that is held of it
    near = [log for log in logs if log.lost_seq <= log.stored_seq]
    if not is_postgres():
        reported, near = reported + near, []
    save(reported)  # the query reads where they end
    _move(reported, _held_beyond(reported), touched)
    while near:
        held = _held_near(near)
        moved = _move(near, held, touched)
        near = [log for log in moved if log.stored_seq < log.highest_seq and log.stored_seq == held[log.id][-1].seq]


def _move(logs: Sequence[Journal], held: dict[int, list[Held]], touched: dict[int, Journal]) -> list[Journal]:
    """Those that move over what is held; `touched` gets them."""
    moved = [log for log in logs if advance(log, held.get(log.id, ()))]
    touched.update((log.id, log) for log in moved)
    return moved


def _held_beyond(logs: Sequence[Journal]) -> dict[int, list[Held]]:
    """In order, by the journal's row id."""
    return _by_journal(rows(_BEYOND, [log.id for log in logs]))


def _held_near(logs: Sequence[Journal]) -> dict[int, list[Held]]:
    """The same, of the next few lines of each; PostgreSQL only."""
    told = [(log.id, log.companion_id, log.log, log.stored_seq) for log in logs]
    with driver() as cursor:
        cursor.execute(_NEAR, [list(column) for column in zip(*told, strict=True)])
        return _by_journal(cursor.fetchall())


def _by_journal(found: Iterable[tuple[int, int, str, str, bytes | None]]) -> dict[int, list[Held]]:
    held: dict[int, list[Held]] = {}
    for journal, seq, tag, kind, line in found:
        held.setdefault(journal, []).append(Held(seq, tag, kind, line or b""))
    for beyond in held.values():
        beyond.sort()
    return held


def advance(log: Journal, held: Sequence[Held]) -> bool:
    """Move the covered end over `held`, lines beyond it in order; True if it moved."""
    seqs = [event.seq for event in held]
    reported = [lost_range(document(bytes(event.line))) for event in held if event.kind == "log_lost"]
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


def save(logs: Iterable[Journal]) -> None:
    moved = [(log.stored_seq, log.stored_tag, log.highest_seq, log.lost_seq, log.id) for log in logs]
    if not moved:
        return
    with driver() as cursor:
        if is_postgres():
            cursor.execute(_MOVED, [list(column) for column in zip(*moved, strict=True)])
        else:
            cursor.executemany(_SQLITE_MOVED, moved)
