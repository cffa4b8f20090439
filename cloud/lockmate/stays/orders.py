"""Orders (reservations): entered, listed, cancelled."""

from __future__ import annotations

from datetime import date

from peewee import JOIN, fn

from lockmate import clock
from lockmate.db import transaction
from lockmate.doors import NotARoom
from lockmate.errors import BadDates, NotFound
from lockmate.properties.models import Door, Property
from lockmate.staff import Actor, audit
from lockmate.stays import bounds
from lockmate.stays.errors import OrderNotOpen
from lockmate.stays.models import Order
from lockmate.stays.people import name_of, phone_of

_NIGHTS_MAX = 366


def enter(
    property: Property,
    guest_name: str,
    phone: str,
    arrival: date,
    departure: date,
    room: Door | None = None,
    *,
    by: Actor,
) -> Order:
    """A new order; its number is the day of entry and a count, which a guest can read out.

    `phone` may be empty. Raises BadName, BadPhone, BadDates, NotARoom.
    """
    by.within(property.id)
    guest_name = name_of(guest_name)
    phone = phone_of(phone) if phone.strip() else ""
    if not 0 < (departure - arrival).days <= _NIGHTS_MAX:
        raise BadDates(field="departure")
    check_room(property, room)
    with transaction():
        order = Order.create(
            property=property,
            number=_next_number(property),
            guest_name=guest_name,
            phone=phone,
            arrival=arrival,
            departure=departure,
            room=room,
            made_at=clock.now_ms(),
        )
        audit.record(by, "order:enter", f"order {order.number}", arrival=str(arrival), departure=str(departure))
        return order


def cancel(order: Order, *, by: Actor) -> None:
    """The order is not wanted any more; raises OrderNotOpen."""
    by.within(order.property_id)
    with transaction():
        closed = Order.update(state="cancelled").where(Order.id == order.id, Order.state == "booked").execute()
        if not closed:
            raise OrderNotOpen(order=order.number)
        audit.record(by, "order:cancel", f"order {order.number}")
    order.state = "cancelled"


def arrivals(property: Property, day: date | None = None) -> list[Order]:
    """Orders still to be checked in that arrive on `day` (the property's today) or earlier; rooms are joined."""
    day = day or bounds.today(property, clock.now_ms())
    return list(
        Order.select(Order, Door)
        .join(Door, JOIN.LEFT_OUTER)
        .where(Order.property == property, Order.state == "booked", Order.arrival <= day)
        .order_by(Order.arrival, Order.id)
    )


def check_room(property: Property, room: Door | None) -> None:
    """Raises unless `room` is a room of this property, or none."""
    if room is None:
        return
    if room.property_id != property.id:
        raise NotFound(what="door")
    if room.door_class != "room":
        raise NotARoom(field="room", value=room.name)


def _next_number(property: Property) -> str:
    day = f"{bounds.today(property, clock.now_ms()):%y%m%d}-"
    last: str | None = (
        Order.select(fn.MAX(Order.number)).where(Order.property == property, Order.number.startswith(day)).scalar()
    )
    return f"{day}{int(last.removeprefix(day)) + 1 if last else 1:04d}"
