"""State reports: what a companion says of itself, and what follows for its policy (protocol section 6)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from lockmate import clock, keys
from lockmate.db import is_postgres, transaction
from lockmate.doors import policies, renewals, rooms
from lockmate.doors.errors import BadState
from lockmate.doors.models import Companion, JournalLog, Policy
from lockmate.properties.models import Door
from lockmate.protocol import U32_MAX

_INTEGER_MAX = (1 << 63) - 1
_REPORT_MAX = 4_096  # characters of the optional members that are kept
_REQUIRED = ("log", "seq", "policy_version", "policy_hash", "generation", "clock")


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of a report: `kept` (False: of an older log, or overtaken), and whether the policy is sent again."""

    kept: bool
    in_step: bool
    resent: bool


@dataclass(frozen=True, slots=True)
class _State:
    log: str
    seq: int
    policy_version: int
    policy_hash: str
    generation: int
    lo: int
    hi: int | None
    oldest: int | None


def heard(companion: Companion, report: dict[str, Any], *, at_ms: int | None = None, retained: bool = False) -> Heard:
    """Take in a state whose mac was found right; raises BadState for a field missing or wrong.

    A policy version reported for the first time is confirmed now; if it is not the door's newest, that one
    is put out again: this is the pull. `retained`: the broker had kept it for whoever asks, so the door may have
    been silent for long since; its own clock then says when it spoke at the latest.
    """
    state = _read(report)
    now = at_ms or clock.now_ms()
    with transaction():
        companion = Companion.get_by_id(companion.id)
        log = log_of(companion, state.log, now)
        if not _is_current(companion, log, state):
            return Heard(kept=False, in_step=False, resent=False)
        _note_lost(log, state)
        if state.policy_version != companion.policy_version or companion.policy_confirmed_at is None:
            companion.policy_confirmed_at = now
        companion.online = True
        companion.heard_at = _spoken_at(companion, state, now) if retained else now
        companion.log, companion.seq = state.log, state.seq
        companion.policy_version, companion.policy_hash = state.policy_version, state.policy_hash
        companion.generation = state.generation
        companion.clock_lo, companion.clock_hi = state.lo, state.hi
        companion.report = _others(report)
        companion.save()
        renewals.heard(companion, report)
        return _follow_up(companion, now)


def log_of(companion: Companion, log: str, now: int) -> JournalLog:
    """The row of one of its journals, made when first heard of; ours until the commit, since ingest moves it, too."""
    query = JournalLog.select().where(JournalLog.companion == companion, JournalLog.log == log)
    if is_postgres():
        query = query.for_update()
    found: JournalLog | None = query.first()
    if found is None:
        JournalLog.insert(companion=companion, log=log, first_heard_at=now).on_conflict_ignore().execute()
        found = query.clone().get()
    return found


def _spoken_at(companion: Companion, state: _State, now: int) -> int | None:
    """The latest moment (ms) at which a kept report can have been made, by the door's upper bound."""
    return companion.heard_at if state.hi is None else min(now, (state.hi + 1) * 1000)


def _is_current(companion: Companion, log: JournalLog, state: _State) -> bool:
    """Neither of an older journal, nor told before a report that we heard, nor the same again beside newer lines.

    A report may come behind lines that were written after it: several workers share what comes, in no order.
    """
    newer = JournalLog.select().where(JournalLog.companion == companion, JournalLog.id > log.id)
    if newer.exists():
        return False
    told = companion.seq if companion.log == state.log else -1
    return state.seq > told or (state.seq == told and state.seq >= max(log.stored_seq, log.highest_seq))


def _note_lost(log: JournalLog, state: _State) -> None:
    """The oldest line it still holds: what lies between that and what we hold can never come."""
    if state.oldest is not None and state.oldest > log.stored_seq + 1:
        log.stored_seq, log.stored_tag = state.oldest - 1, ""
        log.save()


def _follow_up(companion: Companion, now: int) -> Heard:
    door = companion.door
    if door is None or companion.state != "in_service":
        return Heard(kept=True, in_step=False, resent=False)
    _confirm(door, now)
    newest = policies.newest(door)
    restored = newest is not None and (companion.policy_version > newest.version or _is_another(companion, newest))
    if restored or companion.generation > rooms.rules_of(door).generation:
        rooms.note_ahead(door, companion.generation)
    if restored:
        keys.assume_minted(door.property)
    if newest is None or restored:
        policies.publish(door)  # none yet, or the database is older than the door
        return Heard(kept=True, in_step=False, resent=True)
    in_step = companion.policy_version == newest.version
    if not in_step:
        policies.put(companion, newest)
    return Heard(kept=True, in_step=in_step, resent=not in_step)


def _confirm(door: Door, now: int) -> None:
    """Policies up to the one that every companion of the door holds are confirmed.

    One that we do not know (the database was restored from a backup) confirms nothing: it is newer than ours by its
    version, but it was not made from what we have.
    """
    held = [
        Policy.get_or_none(
            Policy.door == door, Policy.version == other.policy_version, Policy.hash == other.policy_hash
        )
        for other in policies.companions_of(door)
    ]
    known = [policy.version for policy in held if policy is not None]
    if len(known) < len(held):
        return
    Policy.update(confirmed_at=now).where(
        Policy.door == door, Policy.version <= min(known), Policy.confirmed_at.is_null()
    ).execute()


def _is_another(companion: Companion, newest: Policy) -> bool:
    """The same version over other bytes: the door would ignore ours for ever."""
    return companion.policy_version == newest.version and companion.policy_hash != newest.hash


def _read(report: dict[str, Any]) -> _State:
    for name in _REQUIRED:
        if name not in report:
            raise BadState(field=name, why="missing")
    interval = report["clock"]
    if not isinstance(interval, list) or len(interval) != 2:
        raise BadState(field="clock")
    oldest = _integer(report["oldest"], "oldest") if "oldest" in report else None
    if oldest is not None and oldest > _integer(report["seq"], "seq") + 1:
        raise BadState(field="oldest")
    return _State(
        log=_hex(report, "log"),
        seq=_integer(report["seq"], "seq"),
        policy_version=_integer(report["policy_version"], "policy_version"),
        policy_hash=_hex(report, "policy_hash", empty=True),
        generation=_integer(report["generation"], "generation", U32_MAX),
        lo=_integer(interval[0], "clock"),
        hi=None if interval[1] is None else _integer(interval[1], "clock"),
        oldest=oldest,
    )


def _hex(report: dict[str, Any], name: str, *, empty: bool = False) -> str:
    """16 lower-case hex digits; `empty`: or nothing, of a door without a policy."""
    text = report[name]
    if not isinstance(text, str) or (len(text) != 16 and not (empty and not text)) or text.strip("0123456789abcdef"):
        raise BadState(field=name)
    return text


def _integer(value: object, name: str, most: int = _INTEGER_MAX) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise BadState(field=name)
    return value


def _others(report: dict[str, Any]) -> str:
    """The optional members, for the pages."""
    kept = {name: value for name, value in report.items() if name not in _REQUIRED}
    text = json.dumps(kept, separators=(",", ":"))
    return text if len(text) <= _REPORT_MAX else "{}"
