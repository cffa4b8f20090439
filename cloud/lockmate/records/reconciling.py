"""Reconciliation: every physical open is matched to what allowed it; the rest, and what is wrong, become alarms.

Goes through the trail behind the ingest worker, in the order of the rows, and some of them again: a row with a lower id
may be committed later than one with a higher. An alarm of an event is told once: looking again changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from peewee import JOIN

from lockmate import clock
from lockmate.db import transaction
from lockmate.doors import Companion, RemoteOpen
from lockmate.doors.models import DoorRules, JournalLog
from lockmate.keys.models import Key
from lockmate.properties.models import Door, Property
from lockmate.records.alarms import over, raise_alarm
from lockmate.records.lines import document
from lockmate.records.models import Alarm, Disputed, Event, Mark

_AT_A_TIME = 2_000
_AGAIN = 500  # rows that are looked at a second time
_OFFLINE_MS = 15 * 60_000
_GAP_MS = 5 * 60_000
_EARLY_S = 120  # by which a door's clock may be ahead of ours before an open counts as late
_PHYSICAL = ("opened", "card_open", "inside_open", "mechanical_open", "unknown_open")
_AS_THEY_ARE = ("forced", "tamper", "battery_low", "mechanical_open")
_DISPUTES = {"bad_tag": "bad_tag", "malformed": "bad_tag", "other_bytes": "doubled", "retired": "doubled"}


def matched(event: Event, keys: dict[str, Key], remotes: dict[str, RemoteOpen]) -> str:
    """What allowed an open: "token", "remote", "card", "inside", "mode" (the door stood open); "" if nothing did.

    "card_unknown": by one of the lock's cards, and the lock does not say which: no match. For other events "-".
    """
    if event.kind not in _PHYSICAL:
        return "-"
    if event.kind == "inside_open":
        return "inside"
    if event.kind == "card_open":
        return "card" if event.card else "card_unknown"
    if event.kind != "opened":
        return ""
    if event.key_id:
        asked, key = remotes.get(event.key_id), keys.get(event.key_id)
        if asked is not None and asked.door_id == event.door_id:
            return "remote"
        return "token" if key is not None and key.property_id == event.property_id else ""
    return "mode" if _line(event).get("mode") in ("passage", "evacuate") else ""


def behind(events: Sequence[Event]) -> tuple[dict[str, Key], dict[str, RemoteOpen]]:
    """Keys and remote opens that these events name, by key_id; two queries."""
    named = {event.key_id for event in events if event.key_id}
    keys = {key.key_id: key for key in Key.select().where(Key.key_id.in_(named))}
    remotes = {asked.key_id: asked for asked in RemoteOpen.select().where(RemoteOpen.key_id.in_(named))}
    return keys, remotes


def reconcile(now_ms: int | None = None) -> int:
    """Look at what came since the last time, and at how the doors do; how many alarms are new."""
    now = now_ms or clock.now_ms()
    return _events(now) + _disputes(now) + _offline(now) + _gaps(now) + _ahead(now)


def _events(now: int) -> int:
    mark = _mark("events")
    query = Event.select(Event, Property, Door).join(Property).switch(Event).join(Door, JOIN.LEFT_OUTER)
    events = list(query.where(Event.id > mark - _AGAIN).order_by(Event.id).limit(_AT_A_TIME + _AGAIN))
    if not events or events[-1].id <= mark:
        return 0
    keys, remotes = behind(events)
    with transaction():
        new = sum(_look_at(event, keys, remotes, now) for event in events)
        _set("events", max(mark, events[-1].id))
    return new


def _look_at(event: Event, keys: dict[str, Key], remotes: dict[str, RemoteOpen], now: int) -> int:
    found = matched(event, keys, remotes)
    subject = f"event {event.companion_id} {event.log} {event.seq}"
    facts: dict[str, Any] = {"at": event.at, "event": event.kind, "key_id": event.key_id}
    if found == "" and event.kind != "mechanical_open":
        return raise_alarm(event.property, "unmatched_open", subject, now, door=event.door, **facts)
    if found == "card_unknown":
        return raise_alarm(event.property, "card_unknown", subject, now, door=event.door, **facts)
    if found == "token" and _is_late(event, keys[event.key_id]):
        return raise_alarm(event.property, "late_open", subject, now, door=event.door, **facts)
    if event.kind in _AS_THEY_ARE:
        return raise_alarm(event.property, event.kind, subject, now, door=event.door, **facts)
    if event.kind == "ajar":
        return raise_alarm(event.property, "ajar", subject, now, door=event.door, **facts)
    if event.kind == "closed":
        _closed(event, now)
    elif event.kind == "log_lost":
        line = _line(event)
        lost: dict[str, Any] = {"first": line.get("from"), "last": line.get("to")}
        return raise_alarm(event.property, "log_gap", subject, now, door=event.door, **lost)
    elif event.kind == "fault":
        code = str(_line(event).get("code") or _line(event).get("fault") or "")
        return raise_alarm(event.property, "fault", subject, now, door=event.door, at=event.at, code=code)
    return 0


def _closed(event: Event, now: int) -> None:
    """A door that stood open is shut: those before it in its journal are over, and none that follows."""
    journal = f"event {event.companion_id} {event.log} "
    told = Alarm.select().where(Alarm.property == event.property, Alarm.kind == "ajar", Alarm.over_at.is_null())
    for alarm in told.where(Alarm.subject.startswith(journal)):
        if int(alarm.subject.removeprefix(journal)) < event.seq:
            over(event.property, "ajar", alarm.subject, now)


def _is_late(event: Event, key: Key) -> bool:
    """Opened when the right had ended, surely: even the earliest moment that the door allows for is after it."""
    ended = key.ended_at or key.ends_at
    return key.state == "ended" and event.unsure is not None and event.at * 1000 > ended + _EARLY_S * 1000


def _disputes(now: int) -> int:
    mark, new = _mark("disputed"), 0
    rows = list(Disputed.select().where(Disputed.id > mark).order_by(Disputed.id).limit(_AT_A_TIME))
    if not rows:
        return 0
    told = _boards().where(Companion.companion_id.in_([row.companion_id for row in rows]))
    boards = {board.companion_id: board for board in told}
    with transaction():
        for row in rows:
            board, kind = boards.get(row.companion_id), _DISPUTES.get(row.reason)
            if board is not None and kind is not None:  # an unknown companion is nobody's in particular
                subject = f"companion {board.companion_id} {row.reason}"
                new += raise_alarm(
                    board.property, kind, subject, now, door=board.door, companion=board.companion_id, reason=row.reason
                )
        _set("disputed", rows[-1].id)
    return new


def _offline(now: int) -> int:
    new = 0
    for board in _boards().where(Companion.state == "in_service"):
        silent = not board.online and (board.heard_at or board.enrolled_at) <= now - _OFFLINE_MS
        subject = f"companion {board.companion_id}"
        if silent:
            since = {"since": board.heard_at, "companion": board.companion_id}
            new += raise_alarm(board.property, "offline", subject, now, door=board.door, recurs=True, **since)
        elif board.online:
            over(board.property, "offline", subject, now)
    return new


def _gaps(now: int) -> int:
    """Lines that did not come though later ones did: the door sends them again, unless they are lost."""
    new = 0
    query = JournalLog.select(JournalLog, Companion).join(Companion)
    for log in query.where(JournalLog.highest_seq > JournalLog.stored_seq):
        board, first = log.companion, log.stored_seq + 1
        latest = Event.select(Event.received_at).where(Event.companion == board, Event.log == log.log)
        oldest = latest.where(Event.seq > first).order_by(Event.seq).limit(1).scalar()
        if oldest is not None and oldest <= now - _GAP_MS:
            subject = f"log {board.id} {log.log} {first}"
            new += raise_alarm(
                board.property, "log_gap", subject, now, door=board.door, first=first, companion=board.companion_id
            )
    return new


def _ahead(now: int) -> int:
    new = 0
    query = _boards().join(DoorRules, on=(DoorRules.door == Companion.door))
    for board in query.where(Companion.state == "in_service", Companion.generation > DoorRules.generation):
        subject = f"companion {board.companion_id} {board.generation}"
        new += raise_alarm(board.property, "ahead", subject, now, door=board.door, generation=board.generation)
    return new


def _boards() -> Any:
    """A query, with hotel and door."""
    query = Companion.select(Companion, Property, Door).join(Property).switch(Companion)
    return query.join(Door, JOIN.LEFT_OUTER).switch(Companion)


def _line(event: Event) -> dict[str, object]:
    return document(bytes(event.line))


def _mark(name: str) -> int:
    row = Mark.get_or_none(Mark.name == name)
    return row.value if row is not None else 0


def _set(name: str, value: int) -> None:
    Mark.insert(name=name, value=value).on_conflict(conflict_target=[Mark.name], update={Mark.value: value}).execute()
