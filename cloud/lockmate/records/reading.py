"""What the pages read of the trail."""

from __future__ import annotations

from lockmate.keys.models import Key
from lockmate.properties.models import Door
from lockmate.records.models import Event
from lockmate.records.refusals import name_behind, with_people


def of_door(door: Door, limit: int = 50) -> list[tuple[Event, str]]:
    """The latest events of a door, newest first, each with who is behind it (`people`)."""
    rows = with_people(Event.select()).where(Event.door == door)
    return [(event, name_behind(event)) for event in rows.order_by(Event.id.desc()).limit(limit)]


def privacy_at(door: Door) -> bool:
    """Whether the privacy switch was on when the door last told of it."""
    switched = Event.kind.in_(("privacy_on", "privacy_off"))
    last: Event | None = Event.select().where(Event.door == door, switched).order_by(Event.id.desc()).first()
    return last is not None and last.kind == "privacy_on"


def last_refusal(key: Key) -> Event | None:
    """The latest time a door refused this key after its signature was verified; None if none did."""
    found: Event | None = (
        Event.select().where(Event.key_id == key.key_id, Event.kind == "refused").order_by(Event.id.desc()).first()
    )
    return found
