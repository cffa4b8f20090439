"""Refusals as the desk sees them: which person, which verdict, when; what was refused unverified is only counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from peewee import JOIN

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
        events = Event.select(Event, Door).join(Door).where(Event.kind == "refused", Event.door == subject)
        return _told(list(events.order_by(Event.id.desc()).limit(limit)))
    held = Key.select(Key.key_id).join(GuestKey).join(Guest).where(Guest.stay == subject)
    asked = RemoteOpen.select(RemoteOpen.key_id).join(Key).join(GuestKey).join(Guest).where(Guest.stay == subject)
    theirs = Event.key_id.in_(held) | Event.key_id.in_(asked)
    if subject.state == "in_house":
        since = max(clock.now_ms() - _UNVERIFIED_MS, subject.checked_in_at or 0)
        theirs |= (Event.door == subject.room_id) & (Event.key_id == "") & (Event.received_at >= since)
    events = Event.select(Event, Door).join(Door).where(Event.kind == "refused", theirs)
    return _told(list(events.order_by(Event.id.desc()).limit(limit)))


def people(events: list[Event]) -> dict[str, str]:
    """Who is behind the key_ids of these events: a guest's name, or what a staff key is labelled."""
    return {key_id: who.person for key_id, who in _people({event.key_id for event in events}).items() if who.person}


@dataclass(frozen=True, slots=True)
class _Person:
    person: str
    guest: Guest | None = None
    key: Key | None = None
    remote: RemoteOpen | None = None


def _told(events: list[Event]) -> list[Refusal]:
    behind = _people({event.key_id for event in events})
    nobody = _Person("")
    found = []
    for event in events:
        who = behind.get(event.key_id, nobody)
        door: Any = event.door  # joined
        found.append(
            Refusal(
                door=door,
                verdict=event.verdict,
                at=event.at,
                received_at=event.received_at,
                person=who.person,
                guest=who.guest,
                key=who.key,
                remote=who.remote,
                unverified=not event.key_id,
                count=event.count,
            )
        )
    return found


def _people(key_ids: set[str]) -> dict[str, _Person]:
    """By key_id, in three queries: remote opens, keys, and the guests who got them."""
    key_ids = key_ids - {""}
    opens = RemoteOpen.select(RemoteOpen, Key).join(Key, JOIN.LEFT_OUTER).where(RemoteOpen.key_id.in_(key_ids))
    remote = {asked.key_id: asked for asked in opens}
    wanted = key_ids | {asked.right.key_id for asked in remote.values() if asked.right is not None}
    keys = {key.key_id: key for key in Key.select().where(Key.key_id.in_(wanted))}
    rows = GuestKey.select(GuestKey, Guest).join(Guest).where(GuestKey.key.in_(list(keys.values())))
    guests = {row.key_id: row.guest for row in rows}
    found = {}
    for key_id in key_ids:
        asked = remote.get(key_id)
        right = asked.right.key_id if asked is not None and asked.right is not None else key_id
        key = keys.get(right)
        guest = guests.get(key.id) if key is not None else None
        if guest is not None:
            person = guest.name
        elif key is not None:
            person = key.label
        else:
            person = asked.actor if asked is not None else ""
        found[key_id] = _Person(person, guest, key, asked)
    return found
