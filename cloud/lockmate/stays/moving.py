"""A stay goes to another room, and perhaps back. One transaction each.

While a move is open the stay holds both rooms, each with its own generation and keys (docs/protocol.md section 7):
nobody else is given either, and no guest stands before two shut doors.
"""

from __future__ import annotations

import logging

from lockmate import clock
from lockmate.db import transaction
from lockmate.doors import rooms
from lockmate.errors import Refused
from lockmate.keys.models import Key
from lockmate.properties.models import Door
from lockmate.staff import Actor, audit, once
from lockmate.stays import holding
from lockmate.stays.entering import check_room
from lockmate.stays.errors import NothingToMoveBack, SameRoom
from lockmate.stays.models import Guest, GuestKey, Move, Stay
from lockmate.stays.telling import tell

_LOG = logging.getLogger("lockmate.stays")
_MINUTE_MS = 60_000


@once("stay:move")
def move(stay: Stay, to: Door, *, by: Actor, at_once: bool = False) -> Move:
    """Move a stay to another room: each phone that holds a key of the old one gets a key of the new one.

    The old room closes at the first confirmed open of the new one (`note_opened`) or after the property's grace,
    whichever is first; now, if `at_once`. While another move is open, that one is taken back first; its old room is
    then the one that is left, and moving there is moving back. Raises RoomOccupied, SameRoom, NotARoom, StayNotIn,
    StayEnded, ChangedMeanwhile.
    """
    by.within(stay.property_id)
    check_room(stay.property, to)
    with transaction():
        stay = holding.locked_in_house(stay)
        if to.id == stay.room_id:
            raise SameRoom(room=to.name)
        due: holding.Due = {}
        under_way = holding.open_move(stay)
        if under_way is not None:
            _take_back(stay, under_way, due)
            if to.id == under_way.from_room_id:
                return _taken_back(stay, under_way, due, by)
        return _start(stay, to, due, by, at_once=at_once)


@once("stay:move_back")
def move_back(stay: Stay, *, by: Actor) -> Move:
    """Back to the room it came from. While the move is open it is taken back: the old keys were never touched.

    Afterwards this is a new move, if that room is still free. Raises NothingToMoveBack and what `move` raises.
    """
    by.within(stay.property_id)
    with transaction():
        stay = holding.locked_in_house(stay)
        due: holding.Due = {}
        under_way = holding.open_move(stay)
        if under_way is not None:
            _take_back(stay, under_way, due)
            return _taken_back(stay, under_way, due, by)
        came = Move.select().where(Move.stay == stay, Move.how != "back").order_by(Move.id.desc()).first()
        if came is None:
            raise NothingToMoveBack(room=stay.room.name)
        return _start(stay, came.from_room, due, by, at_once=False)


def note_opened(key_id: str, at_ms: int, door_id: int) -> bool:
    """A door (row id) told that this key opened it: the first open of a move's new room closes the old one.

    An open of the lift is none of the room, so the door counts; and one with a key of an earlier time in this room,
    told late, is none of this move, so the generation does. For a remote open, the key of the person who asked.
    One cheap query for all other opens. Returns whether a move was closed.
    """
    found = Move.get_or_none(Move.closed_at.is_null(), Move.to_room == door_id)
    if found is None:
        return False
    of_move = Key.select().join(GuestKey).join(Guest).where(Guest.stay == found.stay_id, Key.door == door_id)
    if not of_move.where(Key.key_id == key_id, Key.generation == found.to_generation).exists():
        return False
    return finish(found, "opened", opened_at=at_ms)


def finish(under_way: Move, how: str, *, opened_at: int | None = None) -> bool:
    """Close a move whose time has come, whoever was first; False if it is closed, or can't be: then it is told."""
    try:
        with transaction():
            found = Move.get_by_id(under_way.id)
            if found.closed_at is not None:
                return False
            stay: Stay = found.stay
            Stay.update(version=Stay.version + 1).where(Stay.id == stay.id).execute()
            due: holding.Due = {}
            found.opened_at = opened_at
            close(found, how, due)
            holding.publish(due)
            by = Actor.system(stay.property)
            audit.record(by, "stay:move_closed", f"stay {stay.id}", room=found.from_room.name, how=how)
            return True
    except Refused as refused:
        _LOG.error("event=move_not_closed move=%s how=%s why=%r", under_way.id, how, str(refused))
        return False


def close(under_way: Move, how: str, due: holding.Due) -> None:
    """The old room's keys end, and so does its generation; its doors are due."""
    holding.end_keys(holding.live_keys(under_way.stay, room=under_way.from_room), holding.MOVED, due)
    rooms.close(under_way.from_room)
    due[under_way.from_room.id] = under_way.from_room
    under_way.closed_at, under_way.how = clock.now_ms(), how
    under_way.save()


def moves_of(stay: Stay) -> list[Move]:
    """The moves of a stay with their rooms, newest first."""
    old, new = Door.alias(), Door.alias()
    query = Move.select(Move, old, new).join(old, on=Move.from_room, attr="from_room").switch(Move)
    query = query.join(new, on=Move.to_room, attr="to_room")
    return list(query.where(Move.stay == stay).order_by(Move.id.desc()))


def _start(stay: Stay, to: Door, due: holding.Due, by: Actor, *, at_once: bool) -> Move:
    holding.require_free(to)
    now = clock.now_ms()
    held = holding.live_keys(stay, room=stay.room)
    started = Move.create(
        stay=stay,
        from_room=stay.room,
        to_room=to,
        from_generation=stay.generation,
        to_generation=rooms.give(to),
        started_at=now,
        closes_at=now if at_once else now + stay.property.move_grace_minutes * _MINUTE_MS,
    )
    stay.room, stay.generation = to, started.to_generation
    stay.save()
    issued = [(guest, holding.give_key(guest, holding.holder_of(key), stay)) for guest, key in held]
    due[to.id] = to
    if at_once:
        close(started, "at_once", due)
    holding.publish(due)
    tell(stay, issued, "moved", from_room=started.from_room.name)
    audit.record(by, "stay:move", f"stay {stay.id}", before=started.from_room.name, to=to.name, at_once=at_once)
    return started


def _take_back(stay: Stay, under_way: Move, due: holding.Due) -> None:
    """The stay is in the old room again, with the keys and the generation that it never lost.

    Who got a first key during the move gets one for the old room. The new room's generation ends.
    """
    newer = holding.live_keys(stay, room=under_way.to_room)
    older = {guest.id: key for guest, key in holding.live_keys(stay, room=under_way.from_room)}
    holding.end_keys(newer, holding.MOVED_BACK, due)
    rooms.close(under_way.to_room)
    due[under_way.to_room.id] = under_way.to_room
    stay.room, stay.generation = under_way.from_room, under_way.from_generation
    stay.save()
    for guest, key in newer:
        if guest.id in older:
            guest.key = older[guest.id]
            guest.save(only=[Guest.key])
        else:
            holding.give_key(guest, holding.holder_of(key), stay)
    under_way.closed_at, under_way.how = clock.now_ms(), "back"
    under_way.save()


def _taken_back(stay: Stay, under_way: Move, due: holding.Due, by: Actor) -> Move:
    holding.publish(due)
    tell(stay, holding.live_keys(stay), "moved", from_room=under_way.to_room.name)
    audit.record(by, "stay:move_back", f"stay {stay.id}", room=stay.room.name)
    return under_way
