"""What a stay holds: its row, its rooms, its keys. Steps that verbs are made of; each runs in a verb's transaction."""

from __future__ import annotations

from collections.abc import Iterable

from lockmate import doors, keys
from lockmate.doors import RoomOccupied, policies
from lockmate.keys.models import Holder, Key
from lockmate.properties.models import Door, Property
from lockmate.stays import bounds
from lockmate.stays.errors import StayEnded, StayNotDraft, StayNotIn
from lockmate.stays.models import Guest, GuestKey, Move, Stay

Due = dict[int, Door]  # doors whose policies are to be published before the transaction ends, by row id

# why a key ended, as `Key.end_reason` says it
CHECKED_OUT, MOVED, MOVED_BACK, LOST, REKEYED, REMOVED, DISCARDED = (
    "check_out",
    "moved",
    "moved_back",
    keys.holders.LOST,
    "rekeyed",
    "removed",
    "discarded",
)
OVER = "over"  # its end came while a longer token was in somebody's hand


def locked_draft(stay: Stay) -> Stay:
    """The state is looked at first: "it is checked in already" says more than "it was changed"."""
    state = Stay.get_by_id(stay.id).state
    if state != "draft":
        raise StayNotDraft(stay=stay.id, state=state)
    return stay.lock()


def locked_in_house(stay: Stay) -> Stay:
    """A running stay; raises StayNotIn for a draft, StayEnded, ChangedMeanwhile."""
    require_in_house(stay)
    return stay.lock()


def locked_open(stay: Stay) -> Stay:
    """A draft or a running stay; raises StayEnded, ChangedMeanwhile."""
    if Stay.get_by_id(stay.id).state not in ("draft", "in_house"):
        raise StayEnded(stay=stay.id)
    return stay.lock()


def require_in_house(stay: Stay) -> None:
    """Raises StayNotIn for a draft, StayEnded."""
    state = Stay.get_by_id(stay.id).state
    if state == "draft":
        raise StayNotIn(stay=stay.id)
    if state != "in_house":
        raise StayEnded(stay=stay.id)


def require_free(room: Door) -> None:
    """Raises RoomOccupied, with who is in the room and until when, while anybody has a right to it."""
    there = occupant(room)
    if there is None:
        return
    stay, until = there
    # "stay": whom a person may confirm to evict (stays.evict)
    people = stay.present()
    raise RoomOccupied(
        room=room.name,
        guest=people[0].name if people else "",
        until=told(stay.property, until),
        stay=stay.id,
    )


def occupant(room: Door) -> tuple[Stay, int] | None:
    """The stay that has a right to this room and when it ends: in house, or moving out of it."""
    stay = Stay.get_or_none(Stay.room == room, Stay.state == "in_house")
    if stay is not None:
        return stay, stay.ends_at
    move = Move.get_or_none(Move.from_room == room, Move.closed_at.is_null())
    return (move.stay, move.closes_at) if move is not None else None


def told(property: Property, at_ms: int) -> str:
    """A moment in the property's zone, for the sentence of a refusal."""
    return f"{bounds.local(property, at_ms):%Y-%m-%d %H:%M}"


def open_move(stay: Stay) -> Move | None:
    """The move that is under way, while both rooms may be opened."""
    return Move.get_or_none(Move.stay == stay, Move.closed_at.is_null())


def give_key(
    guest: Guest, holder: Holder, stay: Stay, *, room: Door | None = None, generation: int | None = None
) -> Key:
    """A new key on this phone for the stay's room, or for another room that the stay still holds.

    For the stay's own room it becomes the guest's present key. Of a draft it is only prepared.
    """
    door = room or stay.room
    if generation is None and stay.state == "in_house":
        generation = stay.generation
    key = keys.issue(
        holder,
        door,
        zones=stay.property.guest_zones,
        starts_at=stay.starts_at,
        ends_at=stay.ends_at,
        generation=generation,
    )
    GuestKey.create(guest=guest, key=key)
    if door.id == stay.room_id:
        guest.key = key
        guest.save(only=[Guest.key])
    return key


def holder_of(key: Key) -> Holder:
    """The phone that holds a guest's key; only printed keys have none."""
    assert key.holder is not None
    return key.holder


def live_keys(stay: Stay, *, room: Door | None = None, guest: Guest | None = None) -> list[tuple[Guest, Key]]:
    """The keys of a stay that did not end, with whose they are; of one room or guest only, if asked."""
    query = GuestKey.select(GuestKey, Guest, Key).join(Guest).switch(GuestKey).join(Key)
    query = query.where(Guest.stay == stay, Key.state != "ended")
    if room is not None:
        query = query.where(Key.door == room)
    if guest is not None:
        query = query.where(Guest.id == guest.id)
    return [(row.guest, row.key) for row in query.order_by(Key.id)]


def end_keys(held: Iterable[tuple[Guest, Key]], reason: str, due: Due) -> None:
    """They end, and are denied on every door they could open; those doors are due."""
    for _, key in held:
        keys.end(key, reason)
        for door in doors.deny(key):
            due[door.id] = door


def publish(due: Due) -> None:
    """The policies of all doors that are due, once each."""
    for door in due.values():
        policies.publish(door)
