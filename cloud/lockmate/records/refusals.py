"""Refusals as the desk sees them: which person, which verdict, when; what was refused unverified is only counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from peewee import JOIN, fn

from lockmate import clock
from lockmate.doors.models import RemoteOpen
from lockmate.keys.models import Key
from lockmate.properties.models import Door
from lockmate.records.models import Event
from lockmate.stays import Guest, Stay
from lockmate.stays.models import GuestKey

_UNVERIFIED_MS = 24 * 3_600_000  # older ones help nobody at the desk


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refusal. `person` is empty if nobody of ours is behind the code.

    `unverified`: the door refused before the signature was verified, so anybody may have shown anything; it tells no
    person, and `count` says how often. `at`: seconds, by the door's clock; `received_at`: ms, by ours.
    """

    door: Door
    verdict: str
    at: int
    received_at: int
    person: str = ""
    guest: Guest | None = None
    key: Key | None = None
    remote: RemoteOpen | None = None
    unverified: bool = False
    count: int = 1


def refusals(subject: Stay | Door, limit: int = 20) -> list[Refusal]:
    """The latest refusals, newest first: at a door, or of a stay's guests at whatever door.

    A stay has, beside its guests' own, the unverified ones of a day at its present room: its guests may be behind them.
    """
    if isinstance(subject, Door):
        return _told(Event.door == subject, limit)
    held = Key.select(Key.key_id).join(GuestKey).join(Guest).where(Guest.stay == subject)
    asked = RemoteOpen.select(RemoteOpen.key_id).join(Key).join(GuestKey).join(Guest).where(Guest.stay == subject)
    theirs = Event.key_id.in_(held) | Event.key_id.in_(asked)
    if subject.state == "in_house":
        since = max(clock.now_ms() - _UNVERIFIED_MS, subject.checked_in_at or 0)
        theirs |= (Event.door == subject.room_id) & (Event.key_id == "") & (Event.received_at >= since)
    return _told(theirs, limit)


def people(events: Sequence[Event]) -> dict[str, str]:
    """Who is behind the key_ids of these events: a guest's name, or what a staff key is labelled; one query."""
    rows = with_people(Event.select()).where(Event.id.in_([event.id for event in events if event.key_id]))
    return {event.key_id: name for event in rows if (name := name_behind(event))}


def _told(which: Any, limit: int) -> list[Refusal]:
    """One query."""
    rows = with_people(Event.select(Event, Door).join(Door)).where(Event.kind == "refused", which)
    return [
        Refusal(
            door=event.door,
            verdict=event.verdict,
            at=event.at,
            received_at=event.received_at,
            person=name_behind(event),
            guest=_guest(event),
            key=event.by_right,
            remote=event.remote,
            unverified=not event.key_id,
            count=event.count,
        )
        for event in rows.order_by(Event.id.desc()).limit(limit)
    ]


def with_people(query: Any) -> Any:
    """Each event with the remote open of its token, the key by whose right that was, and the guest who got the key."""
    named = Key.alias()
    own = named.select(named.id).where(named.key_id == Event.key_id)
    asked = (RemoteOpen.key_id == Event.key_id) & (Event.key_id != "")
    right = Key.id == fn.COALESCE(RemoteOpen.right, own)
    return (
        query.select_extend(RemoteOpen, Key, GuestKey.id, Guest)
        .switch(Event)
        .join(RemoteOpen, JOIN.LEFT_OUTER, on=asked, attr="remote")
        .switch(Event)
        .join(Key, JOIN.LEFT_OUTER, on=right, attr="by_right")
        .join(GuestKey, JOIN.LEFT_OUTER, on=(GuestKey.key == Key.id), attr="given")
        .join(Guest, JOIN.LEFT_OUTER, on=(GuestKey.guest == Guest.id), attr="to")
    )


def _guest(event: Any) -> Guest | None:
    given = event.by_right.given if event.by_right is not None else None
    return given.to if given is not None else None


def name_behind(event: Any) -> str:
    """Who is behind it; empty if nobody of ours is."""
    guest = _guest(event)
    if guest is not None:
        return str(guest.name)
    if event.by_right is not None:
        return str(event.by_right.label)
    return str(event.remote.actor) if event.remote is not None else ""
