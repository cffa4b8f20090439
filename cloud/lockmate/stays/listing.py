"""Lists for the pages, in few queries: the rooms with who is in them, stays in house, keys and whose they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from peewee import JOIN

from lockmate.keys.models import Key
from lockmate.properties import rooms_of
from lockmate.properties.models import Door, Property
from lockmate.stays.models import Guest, GuestKey, Move, Order, Stay


class RackRow(NamedTuple):
    """A room with the stay that is in it, the drafts that want it, and the stay that is moving out of it."""

    room: Door
    stay: Stay | None
    guests: list[Guest]
    drafts: list[Stay]
    leaving: Stay | None = None


def rack(property: Property) -> list[RackRow]:
    """All rooms by number, in four queries."""
    query = Stay.select(Stay, Order).join(Order, JOIN.LEFT_OUTER)
    open_stays = list(
        query.where(Stay.property == property, Stay.state.in_(("draft", "in_house"))).order_by(Stay.id)
    )
    guests: dict[int, list[Guest]] = {}
    people = Guest.select().join(Stay).where(Stay.property == property, Stay.state == "in_house")
    for guest in people.where(Guest.removed_at.is_null()).order_by(Guest.id):
        guests.setdefault(guest.stay_id, []).append(guest)
    in_room = {stay.room_id: stay for stay in open_stays if stay.state == "in_house"}
    moves = Move.select(Move, Stay).join(Stay).where(Stay.property == property, Move.closed_at.is_null())
    leaving = {move.from_room_id: move.stay for move in moves}
    drafts: dict[int, list[Stay]] = {}
    for stay in open_stays:
        if stay.state == "draft":
            drafts.setdefault(stay.room_id, []).append(stay)
    return [
        RackRow(room, stay, guests.get(stay.id, []) if stay else [], drafts.get(room.id, []), leaving.get(room.id))
        for room in rooms_of(property)
        for stay in [in_room.get(room.id)]
    ]


def in_house(property: Property) -> list[Stay]:
    """The running stays with their rooms, by room number."""
    return list(
        Stay.select(Stay, Door)
        .join(Door)
        .where(Stay.property == property, Stay.state == "in_house")
        .order_by(Door.number)
    )


def keys_by_guest(*stays: Stay) -> dict[int, list[Key]]:
    """Every key that each guest (row id) of these stays ever got, newest first, with its door."""
    return {guest.id: held for guest, held in people_of(*stays) if held}


def people_of(*stays: Stay) -> list[tuple[Guest, list[Key]]]:
    """The guests of these stays, each with every key they ever got, newest first, with its door; one query."""
    return _people(Guest.stay.in_([stay.id for stay in stays]))


def people_at(door: Door) -> list[tuple[Guest, list[Key]]]:
    """The same of who is in a room; of a common door, of everybody in house. Their stays are joined; one query."""
    here = Stay.room == door if door.door_class == "room" else Stay.property == door.property_id
    return _people(here & (Stay.state == "in_house"))


def _people(which: Any) -> list[tuple[Guest, list[Key]]]:
    query = Guest.select(Guest, Stay, GuestKey, Key, Door).join(Stay).switch(Guest)
    query = query.join(GuestKey, JOIN.LEFT_OUTER, attr="got").join(Key, JOIN.LEFT_OUTER).join(Door, JOIN.LEFT_OUTER)
    found: dict[int, tuple[Guest, list[Key]]] = {}
    rows: Any = query.where(which).order_by(Guest.id, Key.id.desc())
    for row in rows:
        _, held = found.setdefault(row.id, (row, []))
        if row.got is not None:
            held.append(row.got.key)
    return list(found.values())


def of_keys(keys: Iterable[Key | str]) -> dict[str, Guest]:
    """Whose keys these are (rows or key_ids), old ones too: by key_id, with stay, room and order; one query."""
    asked = [key if isinstance(key, str) else key.key_id for key in keys]
    query = (
        GuestKey.select(GuestKey, Key, Guest, Stay, Door, Order)
        .join(Key)
        .switch(GuestKey)
        .join(Guest)
        .join(Stay)
        .join(Door)
        .switch(Stay)
        .join(Order, JOIN.LEFT_OUTER)
    )
    return {row.key.key_id: row.guest for row in query.where(Key.key_id.in_(asked))}
