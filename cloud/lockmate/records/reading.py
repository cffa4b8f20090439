"""What the pages read of the trail."""

from __future__ import annotations

from lockmate.keys.models import Key
from lockmate.properties.models import Door
from lockmate.records.models import Event


def of_door(door: Door, limit: int = 50) -> list[Event]:
    """The latest events of a door, newest first."""
    return list(Event.select().where(Event.door == door).order_by(Event.id.desc()).limit(limit))


def last_refusal(key: Key) -> Event | None:
    """The latest time a door refused this key after its signature was verified; None if none did."""
    found: Event | None = (
        Event.select().where(Event.key_id == key.key_id, Event.kind == "refused").order_by(Event.id.desc()).first()
    )
    return found
