"""Orders: entered, found, and the rooms that they want."""

from __future__ import annotations

from datetime import date

from peewee import JOIN, fn

from lockmate import clock
from lockmate.db import transaction
from lockmate.doors import NotARoom
from lockmate.errors import BadDates, NotFound
from lockmate.properties.models import Door, Property
from lockmate.staff import Actor, audit, once
from lockmate.stays import bounds
from lockmate.stays.models import Order, Stay
from lockmate.stays.people import group_of, name_of, phone_of

NIGHTS_MAX = 366
YEARS = range(2000, 2100)  # a moment beyond them may be none in a time zone or a token


@once("order:enter")
def enter(
    property: Property,
    guest_name: str,
    phone: str,
    arrival: date,
    departure: date,
    room: Door | None = None,
    *,
    group: str = "",
    by: Actor,
) -> Order:
    """A new order; its number is the day of entry and a count, which a guest can read out.

    `phone` may be empty; departure on the day of arrival is day use; orders of one `group` arrive together.
    Raises BadName, BadPhone, BadDates, BadGroup, NotARoom.
    """
    by.within(property.id)
    facts = checked(property, guest_name, phone, arrival, departure, room, group)
    with transaction():
        order = Order.create(property=property, number=_next_number(property), made_at=clock.now_ms(), **facts)
        audit.record(by, "order:enter", f"order {order.number}", arrival=str(arrival), departure=str(departure))
        return order


def checked(
    property: Property, guest_name: str, phone: str, arrival: date, departure: date, room: Door | None, group: str
) -> dict[str, object]:
    """The fields of an order as they are kept; raises as `enter` does."""
    facts: dict[str, object] = {
        "guest_name": name_of(guest_name),
        "phone": phone_of(phone) if phone.strip() else "",
        "arrival": arrival,
        "departure": departure,
        "room": room,
        "group": group_of(group),
    }
    check_dates(arrival, departure)
    check_room(property, room)
    return facts


def arrivals(property: Property, day: date | None = None) -> list[Order]:
    """Orders still to be checked in that arrive on `day` (the property's today) or earlier; rooms are joined."""
    day = day or bounds.today(property, clock.now_ms())
    return list(
        Order.select(Order, Door)
        .join(Door, JOIN.LEFT_OUTER)
        .where(Order.property == property, Order.state == "booked", Order.arrival <= day)
        .order_by(Order.arrival, Order.id)
    )


def of_group(property: Property, group: str) -> list[Order]:
    """The open orders of a group, by entry; rooms are joined."""
    return list(
        Order.select(Order, Door)
        .join(Door, JOIN.LEFT_OUTER)
        .where(Order.property == property, Order.state == "booked", Order.group == group, Order.group != "")
        .order_by(Order.id)
    )


def planned(room: Door, starts_at: int, ends_at: int, *, besides: Stay | None = None) -> list[Order]:
    """Booked orders that want this room at some time in [starts_at, ends_at) ms: somebody to be warned of.

    An order wants the room of its draft, else the one it wishes for; `besides` leaves out a stay's own order.
    """
    first = bounds.today(room.property, starts_at)
    last = bounds.today(room.property, ends_at)
    query = (
        Order.select(Order, Stay)
        .join(Stay, JOIN.LEFT_OUTER, on=((Stay.order == Order.id) & (Stay.state == "draft")), attr="draft")
        .where(Order.property == room.property_id, Order.state == "booked")
        .where(Order.arrival <= last, Order.departure >= first)
        .where(fn.COALESCE(Stay.room, Order.room) == room.id)
        .order_by(Order.arrival, Order.id)
    )
    if besides is not None and besides.order_id is not None:
        query = query.where(Order.id != besides.order_id)
    found = []
    for order in query:
        begins, ends = bounds.of_dates(room.property, order.arrival, order.departure)
        if begins < ends_at and starts_at < ends:
            found.append(order)
    return found


def check_dates(arrival: date, departure: date) -> None:
    """Raises BadDates unless departure is the day of arrival or at most a year later, in years that a hotel plans."""
    if arrival.year not in YEARS or not 0 <= (departure - arrival).days <= NIGHTS_MAX:
        raise BadDates(field="departure")


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
