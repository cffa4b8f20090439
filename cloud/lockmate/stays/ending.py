"""A stay ends; and a check-out that was a mistake is undone. One transaction each."""

from __future__ import annotations

from lockmate import clock
from lockmate.db import transaction
from lockmate.doors import rooms
from lockmate.staff import Actor, audit, once
from lockmate.stays import holding, moving
from lockmate.stays.errors import StayNotEnded, UndoTooLate
from lockmate.stays.models import Stay
from lockmate.stays.rescheduling import revive
from lockmate.stays.telling import tell

UNDO_MS = 86_400_000  # later it is a new stay


@once("stay:check_out")
def check_out(stay: Stay, *, by: Actor) -> Stay:
    """The stay ends: its keys are denied at every door they could open, the room's generation is closed.

    A move under way ends too, with both rooms. Raises StayEnded if it ended already, StayNotIn for a draft,
    ChangedMeanwhile.
    """
    by.within(stay.property_id)
    with transaction():
        stay = holding.locked_in_house(stay)
        due: holding.Due = {stay.room.id: stay.room}
        held = holding.live_keys(stay)
        holding.end_keys(held, holding.CHECKED_OUT, due)
        under_way = holding.open_move(stay)
        if under_way is not None:
            moving.close(under_way, "check_out", due)
        rooms.close(stay.room)
        stay.state, stay.checked_out_at = "ended", clock.now_ms()
        stay.save()
        holding.publish(due)
        tell(stay, held, "ended")
        audit.record(by, "stay:check_out", f"stay {stay.id}", room=stay.room.name, doors=len(due))
        return stay


@once("stay:undo_check_out")
def undo_check_out(stay: Stay, *, by: Actor) -> Stay:
    """The stay goes on in its room: it takes the next generation, and the phones that held a key get a new one.

    Those keys are minted anew, so each phone must be on line once. Raises RoomOccupied if the room was given to
    somebody meanwhile, UndoTooLate a day after the check-out, StayNotEnded, ChangedMeanwhile.
    """
    by.within(stay.property_id)
    with transaction():
        if Stay.get_by_id(stay.id).state != "ended":
            raise StayNotEnded(stay=stay.id)
        stay = stay.lock()
        if clock.now_ms() - (stay.checked_out_at or 0) > UNDO_MS:
            raise UndoTooLate(stay=stay.id)
        holding.require_free(stay.room)
        stay.generation = rooms.give(stay.room)
        stay.state, stay.checked_out_at = "in_house", None
        stay.save()
        issued = revive(stay, holding.CHECKED_OUT)
        holding.publish({stay.room.id: stay.room})
        tell(stay, issued, "reissued")
        audit.record(by, "stay:undo_check_out", f"stay {stay.id}", room=stay.room.name, generation=stay.generation)
        return stay
