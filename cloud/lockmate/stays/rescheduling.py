"""A stay gets another end: extended or shortened. Its generation stays, and so do its keys."""

from __future__ import annotations

from datetime import date

from lockmate import clock
from lockmate.db import transaction
from lockmate.errors import BadDates
from lockmate.keys import holders
from lockmate.keys.models import Key
from lockmate.staff import Actor, audit, once
from lockmate.stays import bounds, entering, holding
from lockmate.stays.errors import EndInPast
from lockmate.stays.models import Guest, Order, Stay
from lockmate.stays.telling import tell


@once("stay:reschedule")
def reschedule(stay: Stay, departure: date | None = None, *, ends_at: int | None = None, by: Actor) -> Stay:
    """The stay ends on another day (the day of arrival: day use), or at a moment in ms.

    Longer: the keys live longer, and no door needs to hear. Shorter: no token is minted beyond the new end, and a
    key with a longer one in somebody's hand is denied at that end (`tend`). A key that had ended in that way is
    minted anew by a later extension. Raises EndInPast (that is a check-out), BadDates, StayEnded, ChangedMeanwhile.
    """
    by.within(stay.property_id)
    with transaction():
        stay = holding.locked_open(stay)
        arrival = stay.order.arrival if stay.order is not None else bounds.today(stay.property, stay.starts_at)
        departure, ends_at = _end(stay, arrival, departure, ends_at)
        if ends_at <= clock.now_ms():
            raise EndInPast(until=holding.told(stay.property, ends_at))
        if ends_at <= stay.starts_at:
            raise BadDates(field="departure")
        earlier, stay.ends_at = stay.ends_at, ends_at
        stay.save()
        held = holding.live_keys(stay)
        Key.update(ends_at=ends_at).where(Key.id.in_([key.id for _, key in held])).execute()
        issued = revive(stay, holding.OVER) if stay.state == "in_house" else []
        if stay.order_id is not None:
            Order.update(departure=departure).where(Order.id == stay.order_id).execute()
        tell(stay, holding.live_keys(stay), "changed")
        audit.record(by, "stay:reschedule", f"stay {stay.id}", before=earlier, ends_at=ends_at, minted_anew=len(issued))
        return stay


def revive(stay: Stay, reason: str) -> list[tuple[Guest, Key]]:
    """New keys on the same phones for the guests whose present key ended for this reason, or by its time.

    None on a phone that was lost meanwhile, in another stay.
    """
    issued = []
    for guest in stay.present():
        key = guest.key
        if key is None or key.state != "ended" or key.end_reason not in (reason, holding.OVER):
            continue
        holder = holding.holder_of(key)
        if not holders.was_lost(holder):
            issued.append((guest, holding.give_key(guest, holder, stay)))
    return issued


def _end(stay: Stay, arrival: date, departure: date | None, ends_at: int | None) -> tuple[date, int]:
    """(day of departure, end in ms)."""
    if (departure is None) == (ends_at is None):
        raise BadDates(field="departure")
    if departure is None:
        assert ends_at is not None
        departure = bounds.today(stay.property, ends_at)
        entering.check_dates(arrival, departure)
        return departure, ends_at
    entering.check_dates(arrival, departure)
    return departure, bounds.end_of(stay.property, arrival, departure)
