"""Epochs: what staff and emergency tokens carry in place of a generation (protocol section 3)."""

from __future__ import annotations

from typing import Final

from lockmate.db import transaction
from lockmate.errors import BadField
from lockmate.keys.models import Epoch
from lockmate.properties.models import Property

KINDS: Final = ("staff", "emergency")


def of(property: Property, kind: str) -> int:
    """The present epoch; 0 until it was raised."""
    row = Epoch.get_or_none(Epoch.property == property, Epoch.kind == kind)
    return row.value if row is not None else 0


def advance(property: Property, kind: str) -> int:
    """The next epoch; what doors must hear is `doors.raise_epoch`."""
    if kind not in KINDS:
        raise BadField(field="kind", value=kind)
    with transaction():
        value = of(property, kind) + 1
        Epoch.insert(property=property, kind=kind, value=value).on_conflict(
            conflict_target=[Epoch.property, Epoch.kind], update={Epoch.value: value}
        ).execute()
        return value
