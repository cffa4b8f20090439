"""Alarms: what a person must look at, told once however often it happens, until somebody acknowledges it."""

from __future__ import annotations

import json

from lockmate import clock
from lockmate.db import transaction
from lockmate.errors import NotFound
from lockmate.properties.models import Door, Property
from lockmate.records.models import Alarm
from lockmate.staff import Actor, audit, once

KINDS = (
    "unmatched_open",  # the lock opened, and no token, card, inside exit or remote command explains it
    "late_open",  # a key opened after its end, at a door that had not heard of it
    "card_unknown",  # the lock's own card opened, and the lock does not say which
    "mechanical_open",
    "forced",
    "tamper",
    "ajar",
    "battery_low",
    "offline",
    "log_gap",
    "bad_tag",
    "doubled",
    "ahead",  # a door has seen a generation that the books do not know
    "fault",
)
_NOTE_MAX = 120


def raise_alarm(
    property: Property,
    kind: str,
    subject: str,
    at_ms: int,
    *,
    door: Door | None = None,
    recurs: bool = False,
    **details: object,
) -> bool:
    """Tell of something; whether that is news.

    `recurs`: the subject is a state and no event, so that one which was over begins again, to be acknowledged again.
    """
    assert kind in KINDS, kind
    told = json.dumps(details, ensure_ascii=False, separators=(",", ":"))
    with transaction():
        found = Alarm.get_or_none(Alarm.property == property, Alarm.kind == kind, Alarm.subject == subject)
        if found is None:
            Alarm.create(
                property=property, door=door, kind=kind, subject=subject, details=told, raised_at=at_ms, told_at=at_ms
            )
            return True
        if found.over_at is None or not recurs:
            return False
        Alarm.update(
            over_at=None, acked_at=None, acked_by="", note="", raised_at=at_ms, told_at=at_ms, details=told,
            count=Alarm.count + 1,
        ).where(Alarm.id == found.id).execute()
        return True


def over(property: Property, kind: str, subject: str, at_ms: int) -> None:
    """What an alarm tells of has ended by itself; it stays until it is acknowledged."""
    with transaction():
        still = (Alarm.property == property, Alarm.kind == kind, Alarm.subject == subject, Alarm.over_at.is_null())
        Alarm.update(over_at=at_ms).where(*still).execute()


@once("alarm:acknowledge")
def acknowledge(alarm: Alarm, note: str = "", *, by: Actor) -> Alarm:
    """Somebody looked at it; the first who did is kept. Raises NotFound for another hotel's."""
    by.within(alarm.property_id)
    note = " ".join(note.split())[:_NOTE_MAX]
    with transaction():
        first = Alarm.update(acked_at=clock.now_ms(), acked_by=by.name, note=note)
        if first.where(Alarm.id == alarm.id, Alarm.acked_at.is_null()).execute():
            audit.record(by, "alarm:acknowledge", f"alarm {alarm.id}", kind=alarm.kind, about=alarm.subject, note=note)
        return Alarm.get_by_id(alarm.id)


def alarm_of(property: Property, alarm_id: int) -> Alarm:
    """This property's alarm; another hotel's is not found."""
    found = Alarm.get_or_none(Alarm.id == alarm_id, Alarm.property == property)
    if found is None:
        raise NotFound(what="alarm")
    return found


def waiting(property: Property, limit: int = 200) -> list[Alarm]:
    """The alarms that nobody acknowledged, newest first."""
    open_ones = Alarm.select().where(Alarm.property == property, Alarm.acked_at.is_null())
    return list(open_ones.order_by(Alarm.told_at.desc(), Alarm.id.desc()).limit(limit))


def settled(property: Property, limit: int = 50) -> list[Alarm]:
    """The latest that were acknowledged."""
    done = Alarm.select().where(Alarm.property == property, Alarm.acked_at.is_null(False))
    return list(done.order_by(Alarm.acked_at.desc(), Alarm.id.desc()).limit(limit))
