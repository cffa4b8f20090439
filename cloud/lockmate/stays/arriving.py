"""A stay begins: a draft is checked in, a group at once, or somebody walks in. One transaction each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from lockmate import clock, keys
from lockmate.db import transaction
from lockmate.doors import RoomOccupied, policies, rooms
from lockmate.errors import BadDates, BadField, Refused
from lockmate.keys import Key
from lockmate.properties.models import Door, Property
from lockmate.staff import Actor, audit, once
from lockmate.stays import bounds, drafts, entering, holding
from lockmate.stays.errors import EndInPast, NoGuests, RoomNeedsPerson, StayOver
from lockmate.stays.models import Guest, Order, Payment, Stay
from lockmate.stays.paying import Paid, pay
from lockmate.stays.people import name_of, phone_of
from lockmate.stays.telling import tell


@once("stay:check_in")
def check_in(stay: Stay, *, by: Actor) -> Stay:
    """The stay begins: it takes the room's generation, its keys open, the door gets its policy.

    An early guest may in at once, if the room is free. Raises RoomOccupied (who, until when; RoomNeedsPerson if `by`
    is no person), NoGuests, StayNotDraft, StayOver, ChangedMeanwhile.
    """
    by.within(stay.property_id)
    with transaction():
        return _begin(holding.locked_draft(stay), by)


@once("stay:arrive")
def arrive(order: Order, room: Door | None = None, *, by: Actor) -> Stay:
    """The party of an order is here: its draft, made now if there is none, goes in house as by `check_in`.

    `room`: in place of the one that was prepared or wished for. Raises BadField where there is none, OrderNotOpen,
    NotARoom, and what `check_in` raises.
    """
    by.within(order.property_id)
    with transaction():
        order = Order.get_by_id(order.id)
        draft = Stay.get_or_none(Stay.order == order, Stay.state == "draft")
        room = room or (draft.room if draft is not None else order.room)
        if room is None:
            raise BadField(field="room")
        return check_in(drafts.prepare(order, room, by=by), by=by)


@once("stay:check_in_group")
def check_in_group(stays: Sequence[Stay], *, by: Actor) -> list[Stay]:
    """All of them, or none: raises what `check_in` raises for the first that can't be, with its room."""
    with transaction():
        return [_one_of_group(stay, by) for stay in stays]


@once("stay:walk_in")
def walk_in(
    property: Property,
    room: Door,
    guests: Sequence[tuple[str, str]],
    *,
    ends_at: int | None = None,
    departure: date | None = None,
    payment: Paid | Payment | None = None,
    by: Actor,
) -> Stay:
    """Guests without an order, in house at once; the order is made with the stay. Their keys are issued from there.

    `guests`: (name, phone or ""), the first takes the room. The end is a date of departure (today: day use) or a
    moment in ms. Raises RoomOccupied, NoGuests, BadName, BadPhone, BadDates, EndInPast, NotARoom, BadPayment.
    """
    by.within(property.id)
    if not guests:
        raise NoGuests
    people = [(name_of(name), phone_of(phone) if phone.strip() else "") for name, phone in guests]
    with transaction():
        now = clock.now_ms()
        today = bounds.today(property, now)
        if (departure is None) == (ends_at is None):
            raise BadDates(field="departure")
        if departure is None:
            assert ends_at is not None
            departure = bounds.today(property, ends_at)
        else:
            ends_at = bounds.end_of(property, today, departure)
        if ends_at <= now:
            raise EndInPast(until=holding.told(property, ends_at))
        order = entering.enter(property, *people[0], today, departure, room, by=by)
        stay = Stay.create(property=property, order=order, room=room, starts_at=now, ends_at=ends_at, made_at=now)
        for name, phone in people:
            Guest.create(stay=stay, name=name, phone=phone)
        stay = _begin(stay, by)
        if payment is not None:
            pay(stay, payment.amount_minor, payment.currency, payment.method, payment.note, by=by)
        audit.record(by, "stay:walk_in", f"stay {stay.id}", order=order.number)
        return stay


def _one_of_group(stay: Stay, by: Actor) -> Stay:
    try:
        return check_in(stay, by=by)
    except Refused as refused:
        refused.facts.setdefault("room", stay.room.name)
        raise


def _begin(stay: Stay, by: Actor) -> Stay:
    """A draft goes in house."""
    now = clock.now_ms()
    guests = stay.present()
    if not guests:
        raise NoGuests(stay=stay.id)
    if stay.ends_at <= now:
        raise StayOver(stay=stay.id)
    _require_free(stay, by)
    stay.generation = rooms.give(stay.room)
    stay.state, stay.checked_in_at, stay.starts_at = "in_house", now, min(stay.starts_at, now)
    stay.save()
    prepared = [row for row in holding.live_keys(stay) if not _is_lost(row, stay)]
    for _, key in prepared:
        keys.activate(key, stay.generation, starts_at=stay.starts_at, ends_at=stay.ends_at)
    if stay.order is not None:
        Order.update(state="checked_in").where(Order.id == stay.order_id).execute()
    policies.publish(stay.room)
    tell(stay, prepared, "issued")
    audit.record(by, "stay:check_in", f"stay {stay.id}", room=stay.room.name, generation=stay.generation)
    return stay


def _require_free(stay: Stay, by: Actor) -> None:
    """Who is a person may confirm an eviction (`stays.evict`); who is none is told that a person must."""
    try:
        holding.require_free(stay.room)
    except RoomOccupied as occupied:
        if by.is_person():
            raise
        order = stay.order.number if stay.order is not None else ""
        raise RoomNeedsPerson(**occupied.facts, order=order) from None


def _is_lost(held: tuple[Guest, Key], stay: Stay) -> bool:
    """A key that was prepared on a phone, lost since in another stay: it ends before it ever opened."""
    if not keys.holders.was_lost(holding.holder_of(held[1])):
        return False
    holding.end_keys([held], holding.LOST, {})
    tell(stay, [held], "ended")
    return True
