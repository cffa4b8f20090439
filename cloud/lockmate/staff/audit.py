"""The audit trail: who did what to what, written in the same transaction."""

from __future__ import annotations

import json

from lockmate import clock
from lockmate.properties.models import Property
from lockmate.staff.actor import Actor
from lockmate.staff.models import Audit


def record(by: Actor, verb: str, subject: str, **details: object) -> None:
    """Write one line. `verb`: "stay:check_in"; `subject`: "stay 12"; details are plain values, never secrets."""
    Audit.create(
        property=by.property,
        at=clock.now_ms(),
        actor=by.name,
        verb=verb,
        subject=subject,
        details=json.dumps(details, ensure_ascii=False, separators=(",", ":")),
    )


def of_property(property: Property, limit: int = 100) -> list[Audit]:
    """The latest lines, newest first."""
    return list(Audit.select().where(Audit.property == property).order_by(Audit.id.desc()).limit(limit))
