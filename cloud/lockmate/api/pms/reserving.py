"""Reservations: put, looked at, cancelled; their stays: checked in, changed, moved, checked out."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from lockmate import properties, stays
from lockmate.api.body import actor, flag, here, sent, text
from lockmate.api.pms import pms
from lockmate.api.pms.entering import for_systems
from lockmate.api.pms.telling import stay_of, told
from lockmate.errors import BadDates
from lockmate.properties import Door
from lockmate.stays import Order, Stay, StayNotIn

_AT = "/reservations/<reference>"


@pms.put(_AT)
@for_systems("order:enter")
def put(reference: str) -> Any:
    """`{guest, phone?, arrival, departure, room?, group?}`: entered, or changed while nobody arrived."""
    body = sent()
    order = stays.orders.put(
        here(),
        reference,
        text(body, "guest"),
        text(body, "phone", 40, ""),
        _day(body, "arrival"),
        _day(body, "departure"),
        _room(body),
        group=text(body, "group", 80, ""),
        by=actor(),
    )
    return told(Order.get_by_id(order.id))


@pms.get(_AT)
@for_systems("order:see")
def look(reference: str) -> Any:
    """As it is now."""
    return told(stays.orders.referred(here(), reference))


@pms.post(f"{_AT}/cancel")
@for_systems("order:cancel")
def cancel(reference: str) -> Any:
    """`{no_show?}`: nobody comes."""
    order, no_show = stays.orders.referred(here(), reference), flag(sent(), "no_show")
    (stays.orders.no_show if no_show else stays.orders.cancel)(order, by=actor())
    return told(Order.get_by_id(order.id))


@pms.post(f"{_AT}/check-in")
@for_systems("stay:check_in")
def check_in(reference: str) -> Any:
    """`{room?}`: the party is here."""
    order = stays.orders.referred(here(), reference)
    stays.arrive(order, _room(sent()), by=actor())
    return told(Order.get_by_id(order.id))


@pms.post(f"{_AT}/change")
@for_systems("stay:change")
def change(reference: str) -> Any:
    """`{departure}` or `{ends_at}`: the stay ends later, or earlier."""
    order, stay = _stay(reference)
    body = sent()
    departure = _day(body, "departure") if "departure" in body else None
    ends_at = _moment(body, "ends_at") if "ends_at" in body else None
    stays.reschedule(stay, departure, ends_at=ends_at, by=actor())
    return told(Order.get_by_id(order.id))


@pms.post(f"{_AT}/move")
@for_systems("stay:change")
def move(reference: str) -> Any:
    """`{room, at_once?}`: to another room."""
    order, stay = _stay(reference)
    body = sent()
    to = properties.door_named(here(), text(body, "room", 40))
    stays.move(stay, to, by=actor(), at_once=flag(body, "at_once"))
    return told(Order.get_by_id(order.id))


@pms.post(f"{_AT}/check-out")
@for_systems("stay:check_out")
def check_out(reference: str) -> Any:
    """`{}`: the stay ends; what the doors know of that is under `keys`."""
    order, stay = _stay(reference)
    sent()
    stays.check_out(stay, by=actor())
    return told(Order.get_by_id(order.id))


def _stay(reference: str) -> tuple[Order, Stay]:
    """The stay as it is now, ended or not: what was done once already must find it again. Raises StayNotIn."""
    order = stays.orders.referred(here(), reference)
    stay = stay_of(order)
    if stay is None:
        raise StayNotIn(order=order.number)
    return order, stay


def _room(body: dict[str, Any]) -> Door | None:
    """A room by its name, or none; raises BadField, NotFound."""
    if body.get("room") is None:
        return None
    return properties.door_named(here(), text(body, "room", 40))


def _day(body: dict[str, Any], name: str) -> date:
    """`2026-11-24`; raises BadDates."""
    try:
        return date.fromisoformat(text(body, name, 10))
    except ValueError:
        raise BadDates(field=name) from None


def _moment(body: dict[str, Any], name: str) -> int:
    """`2026-11-24T15:00:00+08:00` as ms; one without its distance from UTC is none. Raises BadDates."""
    try:
        at = datetime.fromisoformat(text(body, name, 40))
    except ValueError:
        raise BadDates(field=name) from None
    if at.tzinfo is None or at.year not in stays.orders.YEARS:
        raise BadDates(field=name)
    return int(at.timestamp()) * 1000
