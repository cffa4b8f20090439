"""A room is given though somebody still has a right to it: only after a person confirmed that, a second time."""

from __future__ import annotations

from lockmate.db import transaction
from lockmate.doors import RoomOccupied
from lockmate.staff import Actor, NeedsPerson, audit, once
from lockmate.stays import arriving, ending, holding, moving
from lockmate.stays.models import Stay


@once("stay:evict")
def evict(stay: Stay, *, sleeper: Stay, by: Actor) -> Stay:
    """Check in `stay` (a draft) to the room that `sleeper` has a right to: the sleeper's right to it ends now.

    `check_in` answered RoomOccupied and named the sleeper; this is the second, explicit confirmation, and the audit
    trail names who gave it. A sleeper who is moving out only loses the old room. Raises NeedsPerson for whoever is not
    one (the PMS, a command), RoomOccupied if meanwhile it is somebody else's, and what `check_in` raises.
    """
    by.within(stay.property_id)
    if not by.is_person():
        raise NeedsPerson
    with transaction():
        there = holding.occupant(stay.room)
        if there is not None:
            if there[0].id != sleeper.id:
                holding.require_free(stay.room)
                raise RoomOccupied(room=stay.room.name)
            _end(there[0], stay, by)
        return arriving.check_in(stay, by=by)


def _end(there: Stay, stay: Stay, by: Actor) -> None:
    audit.record(by, "stay:evict", f"stay {there.id}", room=stay.room.name, gives_way_to=stay.id)
    if there.room_id == stay.room_id:
        ending.check_out(there, by=by)
        return
    under_way = holding.open_move(there)
    assert under_way is not None  # or it would not be this room's occupant
    moving.finish(under_way, "at_once")
