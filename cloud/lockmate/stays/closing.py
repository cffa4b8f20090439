"""Orders that nobody comes for: cancelled, or a no-show. A draft of theirs is given up with them."""

from __future__ import annotations

from lockmate import clock
from lockmate.db import transaction
from lockmate.staff import Actor, audit, once
from lockmate.stays import bounds, drafts
from lockmate.stays.errors import NotDueYet, OrderNotOpen
from lockmate.stays.models import Order


@once("order:cancel")
def cancel(order: Order, *, by: Actor) -> None:
    """The order is not wanted any more; raises OrderNotOpen."""
    _close(order, "cancelled", "order:cancel", by)


@once("order:no_show")
def no_show(order: Order, *, by: Actor) -> None:
    """Nobody came; raises OrderNotOpen, or NotDueYet before the day of arrival."""
    if bounds.today(order.property, clock.now_ms()) < order.arrival:
        raise NotDueYet(order=order.number, arrival=str(order.arrival))
    _close(order, "no_show", "order:no_show", by)


def _close(order: Order, state: str, verb: str, by: Actor) -> None:
    by.within(order.property_id)
    with transaction():
        if not Order.update(state=state).where(Order.id == order.id, Order.state == "booked").execute():
            raise OrderNotOpen(order=order.number)
        drafts.discard_of(order, by=by)
        audit.record(by, verb, f"order {order.number}")
    order.state = state
