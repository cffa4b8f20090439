"""Lists for the desk: the rooms with who is in them, and the stays in house."""

from __future__ import annotations

from typing import NamedTuple

from lockmate.properties import rooms_of
from lockmate.properties.models import Door, Property
from lockmate.stays.models import Guest, Stay


class RackRow(NamedTuple):
    """A room with the stay that is in it, and the drafts that want it."""

    room: Door
    stay: Stay | None
    guests: list[Guest]
    drafts: list[Stay]


def rack(property: Property) -> list[RackRow]:
    """All rooms by number, in three queries."""
    open_stays = list(
        Stay.select().where(Stay.property == property, Stay.state.in_(("draft", "in_house"))).order_by(Stay.id)
    )
    guests: dict[int, list[Guest]] = {}
    people = Guest.select().join(Stay).where(Stay.property == property, Stay.state == "in_house")
    for guest in people.where(Guest.removed_at.is_null()).order_by(Guest.id):
        guests.setdefault(guest.stay_id, []).append(guest)
    in_room = {stay.room_id: stay for stay in open_stays if stay.state == "in_house"}
    drafts: dict[int, list[Stay]] = {}
    for stay in open_stays:
        if stay.state == "draft":
            drafts.setdefault(stay.room_id, []).append(stay)
    return [
        RackRow(room, stay, guests.get(stay.id, []) if stay else [], drafts.get(room.id, []))
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
