"""Reservations of another system (PMS): each is an order here, found again by the reference that the system gave."""

from __future__ import annotations

from datetime import date

from lockmate.db import transaction
from lockmate.errors import NotFound
from lockmate.keys.models import Key
from lockmate.properties.models import Door, Property
from lockmate.staff import Actor, audit, once
from lockmate.stays import bounds, changing, drafts, entering, holding
from lockmate.stays.errors import BadReference, OrderNotOpen
from lockmate.stays.models import Order, Stay

_REFERENCE_MAX = 40


@once("order:put")
def put(
    property: Property,
    reference: str,
    guest_name: str,
    phone: str,
    arrival: date,
    departure: date,
    room: Door | None = None,
    *,
    group: str = "",
    by: Actor,
) -> Order:
    """The reservation with this reference is now as told: entered, or changed with its draft while nobody arrived.

    Raises BadReference, OrderNotOpen once it is checked in, cancelled or a no-show, and what `enter` raises.
    """
    by.within(property.id)
    if not _is_reference(reference):
        raise BadReference(field="reference")
    facts = entering.checked(property, guest_name, phone, arrival, departure, room, group)
    with transaction():
        order = Order.get_or_none(Order.property == property, Order.reference == reference)
        if order is None:
            order = entering.enter(property, guest_name, phone, arrival, departure, room, group=group, by=by)
            order.reference = reference
            order.save(only=[Order.reference])
            return order
        if order.state != "booked":
            raise OrderNotOpen(order=order.number)
        changed = [name for name, value in facts.items() if getattr(order, name) != value]
        if changed:
            booked_as = order.guest_name
            Order.update(**facts).where(Order.id == order.id).execute()
            order = Order.get_by_id(order.id)
            _draft_follows(order, changed, booked_as, by)
            audit.record(by, "order:change", f"order {order.number}", changed=changed)
        return order


def referred(property: Property, reference: str) -> Order:
    """The order of a reference; another hotel's is not found. Raises NotFound."""
    found = None
    if _is_reference(reference):
        found = Order.get_or_none(Order.property == property, Order.reference == reference)
    if found is None:
        raise NotFound(what="order")
    return found


def _draft_follows(order: Order, changed: list[str], booked_as: str, by: Actor) -> None:
    """What was prepared for the order is of the new dates, in the new room, under the new name."""
    draft = Stay.get_or_none(Stay.order == order, Stay.state == "draft")
    if draft is None:
        return
    if "room" in changed and order.room is not None:
        draft = drafts.prepare(order, order.room, by=by)
    if "arrival" in changed or "departure" in changed:
        draft = draft.lock()
        draft.starts_at, draft.ends_at = bounds.of_dates(order.property, order.arrival, order.departure)
        draft.save()
        prepared = [key.id for _, key in holding.live_keys(draft)]
        Key.update(starts_at=draft.starts_at, ends_at=draft.ends_at).where(Key.id.in_(prepared)).execute()
    first = draft.present()[:1]
    if first and first[0].name == booked_as:
        changing.rename_guest(first[0], order.guest_name, order.phone, by=by)


def _is_reference(reference: str) -> bool:
    good = reference.isprintable() and not any(sign.isspace() or sign == "/" for sign in reference)
    return good and 0 < len(reference) <= _REFERENCE_MAX
