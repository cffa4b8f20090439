"""What is done to a stay: prepared, filled with guests, checked in, checked out. One transaction each."""

from __future__ import annotations

from lockmate import clock, doors, keys
from lockmate.db import transaction
from lockmate.doors import RoomOccupied, policies, rooms
from lockmate.keys.models import Key
from lockmate.properties.models import Door
from lockmate.staff import Actor, audit
from lockmate.stays import bounds
from lockmate.stays.errors import NoGuests, OrderNotOpen, StayEnded, StayNotDraft, StayNotIn, StayOver
from lockmate.stays.models import Guest, Order, Stay
from lockmate.stays.orders import check_room
from lockmate.stays.people import name_of, phone_of


def prepare(order: Order, room: Door, *, by: Actor) -> Stay:
    """A draft of the stay with its room and the guest who booked; the same draft again if there is one.

    Another room moves the draft with its prepared keys. Nothing is told to any door before check-in.
    """
    by.within(order.property_id)
    check_room(order.property, room)
    with transaction():
        order = Order.get_by_id(order.id)
        if order.state != "booked":
            raise OrderNotOpen(order=order.number)
        draft = Stay.get_or_none(Stay.order == order, Stay.state == "draft")
        if draft is not None:
            return _moved_draft(draft, room, by)
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


def name_guest(stay: Stay, name: str, phone: str = "", *, by: Actor) -> Guest:
    """One more guest in a draft or a running stay; raises BadName, BadPhone, StayEnded."""
    by.within(stay.property_id)
    name = name_of(name)
    phone = phone_of(phone) if phone.strip() else ""
    with transaction():
        stay = stay.lock()
        _require_open(stay)
        guest = Guest.create(stay=stay, name=name, phone=phone)
        audit.record(by, "stay:name_guest", f"stay {stay.id}", guest=guest.id)
        return guest


def check_in(stay: Stay, *, by: Actor) -> Stay:
    """The stay begins: it takes the room's generation, its keys open, the door gets its policy.

    An early guest may in at once. Raises RoomOccupied, NoGuests, StayNotDraft, StayOver, ChangedMeanwhile, and
    OrderNotOpen if the order was cancelled meanwhile.
    """
    by.within(stay.property_id)
    with transaction():
        stay = _locked_draft(stay)
        now = clock.now_ms()
        guests = stay.present()
        if stay.order is not None and stay.order.state != "booked":
            raise OrderNotOpen(order=stay.order.number)
        if not guests:
            raise NoGuests(stay=stay.id)
        if stay.ends_at <= now:
            raise StayOver(stay=stay.id)
        if Stay.select().where(Stay.room == stay.room, Stay.state == "in_house").exists():
            raise RoomOccupied(room=stay.room.name)
        stay.generation = rooms.give(stay.room)
        stay.state, stay.checked_in_at, stay.starts_at = "in_house", now, min(stay.starts_at, now)
        stay.save()
        for guest in guests:
            if guest.key is not None:
                keys.activate(guest.key, stay.generation, starts_at=stay.starts_at, ends_at=stay.ends_at)
        if stay.order is not None:
            Order.update(state="checked_in").where(Order.id == stay.order_id).execute()
        policies.publish(stay.room)
        audit.record(by, "stay:check_in", f"stay {stay.id}", room=stay.room.name, generation=stay.generation)
        return stay


def check_out(stay: Stay, *, by: Actor) -> Stay:
    """The stay ends: its keys are denied at every door they could open, the room's generation is closed.

    Raises StayEnded if it ended already, StayNotIn for a draft, ChangedMeanwhile.
    """
    by.within(stay.property_id)
    with transaction():
        stay = _locked_in_house(stay)
        stay.state, stay.checked_out_at = "ended", clock.now_ms()
        stay.save()
        due = {stay.room.id: stay.room}
        for key in _keys_of(stay):
            keys.end(key, "check_out")
            due |= {door.id: door for door in doors.deny(key)}
        rooms.close(stay.room)
        for door in due.values():
            policies.publish(door)
        audit.record(by, "stay:check_out", f"stay {stay.id}", room=stay.room.name, doors=len(due))
        return stay


def discard(stay: Stay, *, by: Actor) -> None:
    """Give up a draft; the order stays open. Raises StayNotDraft."""
    by.within(stay.property_id)
    with transaction():
        stay = _locked_draft(stay)
        stay.state = "discarded"
        stay.save()
        for key in _keys_of(stay):
            keys.end(key, "discarded")
        audit.record(by, "stay:discard", f"stay {stay.id}")


def _keys_of(stay: Stay) -> list[Key]:
    """The keys of all its guests, of those who left too."""
    return list(Key.select().join(Guest, on=(Guest.key == Key.id)).where(Guest.stay == stay).order_by(Key.id))


def _moved_draft(draft: Stay, room: Door, by: Actor) -> Stay:
    if draft.room_id != room.id:
        draft = draft.lock()
        draft.room = room
        draft.save()
        Key.update(door=room).where(
            Key.id.in_(Guest.select(Guest.key).where(Guest.stay == draft)), Key.state == "prepared"
        ).execute()
        audit.record(by, "stay:prepare", f"stay {draft.id}", room=room.name)
    return draft


def _locked_draft(stay: Stay) -> Stay:
    """The state is looked at first: "it is checked in already" says more than "it was changed"."""
    state = Stay.get_by_id(stay.id).state
    if state != "draft":
        raise StayNotDraft(stay=stay.id, state=state)
    return stay.lock()


def _locked_in_house(stay: Stay) -> Stay:
    state = Stay.get_by_id(stay.id).state
    if state == "draft":
        raise StayNotIn(stay=stay.id)
    if state != "in_house":
        raise StayEnded(stay=stay.id)
    return stay.lock()


def _require_open(stay: Stay) -> None:
    if stay.state not in ("draft", "in_house"):
        raise StayEnded(stay=stay.id)
