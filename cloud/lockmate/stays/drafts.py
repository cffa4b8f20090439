"""Drafts: a stay with its room before check-in. Nothing of it is told to any door."""

from __future__ import annotations

from lockmate import clock
from lockmate.db import transaction
from lockmate.keys.models import Key
from lockmate.properties.models import Door
from lockmate.staff import Actor, audit, once
from lockmate.stays import bounds, holding
from lockmate.stays.entering import check_room
from lockmate.stays.errors import OrderNotOpen
from lockmate.stays.models import Guest, GuestKey, Order, Stay
from lockmate.stays.telling import tell


@once("stay:prepare")
def prepare(order: Order, room: Door, *, by: Actor) -> Stay:
    """A draft of the stay with its room and the guest who booked; the same draft again if there is one.

    Another room moves the draft with its prepared keys. Raises OrderNotOpen, NotARoom.
    """
    by.within(order.property_id)
    check_room(order.property, room)
    with transaction():
        order = Order.get_by_id(order.id)
        if order.state != "booked":
            raise OrderNotOpen(order=order.number)
        draft = Stay.get_or_none(Stay.order == order, Stay.state == "draft")
        if draft is not None:
            return _moved(draft, room, by)
        starts_at, ends_at = bounds.of_dates(order.property, order.arrival, order.departure)
        stay = Stay.create(
            property=order.property,
            order=order,
            room=room,
            starts_at=starts_at,
            ends_at=ends_at,
            made_at=clock.now_ms(),
        )
        Guest.create(stay=stay, name=order.guest_name, phone=order.phone)
        audit.record(by, "stay:prepare", f"stay {stay.id}", order=order.number, room=room.name)
        return stay


@once("stay:discard")
def discard(stay: Stay, *, by: Actor) -> None:
    """Give up a draft; the order stays open. Raises StayNotDraft."""
    by.within(stay.property_id)
    with transaction():
        stay = holding.locked_draft(stay)
        stay.state = "discarded"
        stay.save()
        prepared = holding.live_keys(stay)
        holding.end_keys(prepared, holding.DISCARDED, {})  # no token was made of them: no door needs to hear
        tell(stay, prepared, "ended")
        audit.record(by, "stay:discard", f"stay {stay.id}")


def discard_of(order: Order, *, by: Actor) -> None:
    """The draft of an order that is not wanted any more, if there is one."""
    for draft in Stay.select().where(Stay.order == order, Stay.state == "draft"):
        discard(draft, by=by)


def _moved(draft: Stay, room: Door, by: Actor) -> Stay:
    if draft.room_id != room.id:
        draft = draft.lock()
        draft.room = room
        draft.save()
        of_guests = GuestKey.select(GuestKey.key).join(Guest).where(Guest.stay == draft)
        Key.update(door=room).where(Key.id.in_(of_guests), Key.state == "prepared").execute()
        audit.record(by, "stay:prepare", f"stay {draft.id}", room=room.name)
    return draft
