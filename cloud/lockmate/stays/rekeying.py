"""A phone is lost: its keys end, and with them the generation; the others get new keys. One transaction."""

from __future__ import annotations

from collections.abc import Sequence

from lockmate import clock
from lockmate.db import transaction
from lockmate.doors import rooms
from lockmate.errors import NotFound
from lockmate.keys.models import Key
from lockmate.properties.models import Door
from lockmate.staff import Actor, audit, once
from lockmate.stays import holding
from lockmate.stays.models import Guest, Stay
from lockmate.stays.telling import tell


@once("stay:rekey")
def rekey(stay: Stay, lost: Sequence[Guest] = (), *, by: Actor) -> Stay:
    """The stay keeps its room under the next generation; `lost` are the guests whose phone is gone.

    Every key on a lost phone ends, of another guest on the same phone too: they are authorised again on another.
    All other keys are minted anew on the same phones, which must be on line once; until then, and after, a door
    that did not hear takes the lost phone's last tokens up to its first open with a new one. With a move under way
    both rooms are re-keyed. Raises StayNotIn, StayEnded, ChangedMeanwhile.
    """
    by.within(stay.property_id)
    if any(guest.stay_id != stay.id for guest in lost):
        raise NotFound(what="guest")
    with transaction():
        stay = holding.locked_in_house(stay)
        held = holding.live_keys(stay)
        gone = _phones(held, lost)
        due: holding.Due = {}
        holding.end_keys([row for row in held if row[1].holder_id in gone], holding.LOST, due)
        kept = [row for row in held if row[1].holder_id not in gone]
        holding.end_keys(kept, holding.REKEYED, due)
        generations = _next_generations(stay, due)
        issued = [
            (guest, holding.give_key(guest, holding.holder_of(key), stay, room=room, generation=generation))
            for guest, key in kept
            for room, generation in generations
            if key.door_id == room.id
        ]
        holding.publish(due)
        tell(stay, [row for row in held if row[1].holder_id in gone], "ended")
        tell(stay, issued, "reissued")
        audit.record(by, "stay:rekey", f"stay {stay.id}", lost=[guest.id for guest in lost], minted_anew=len(issued))
        return stay


def also_on_phones(stay: Stay, guests: Sequence[Guest]) -> list[Key]:
    """What else these guests' phones hold in this hotel: other rooms' keys and staff keys, to be ended there too."""
    held = holding.live_keys(stay)
    gone, own = _phones(held, guests), {key.id for _, key in held}
    query = Key.select(Key, Door).left_outer_join(Door)
    query = query.where(Key.holder.in_(gone), Key.property == stay.property_id, Key.id.not_in(own))
    return list(query.where(Key.state != "ended", Key.ends_at > clock.now_ms()).order_by(Key.id))


def _phones(held: list[tuple[Guest, Key]], lost: Sequence[Guest]) -> set[int]:
    people = {guest.id for guest in lost}
    return {holding.holder_of(key).id for guest, key in held if guest.id in people}


def _next_generations(stay: Stay, due: holding.Due) -> list[tuple[Door, int]]:
    """Each room that the stay holds, with its next generation."""
    under_way = holding.open_move(stay)
    found = [(stay.room, _next(stay.room, due))]
    stay.generation = found[0][1]
    stay.save()
    if under_way is not None:
        found.append((under_way.from_room, _next(under_way.from_room, due)))
        under_way.to_generation, under_way.from_generation = stay.generation, found[1][1]
        under_way.save()
    return found


def _next(room: Door, due: holding.Due) -> int:
    rooms.close(room)
    due[room.id] = room
    return rooms.give(room)
