"""Orders: today's arrivals, new ones, and the room with which a check-in begins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from operator import or_
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from peewee import JOIN

from lockmate import properties, stays
from lockmate.errors import BadField, Refused
from lockmate.properties import Door, Property
from lockmate.stays import Order, Stay
from lockmate.web import refusals, times
from lockmate.web.access import actor, allowed, here
from lockmate.web.desk import desk, forms
from lockmate.web.desk.rooming import room_tiles
from lockmate.web.texts import t

_FOUND_MAX = 100


@dataclass(frozen=True, slots=True)
class Row:
    """An order with the stay it became, or is becoming."""

    order: Order
    stay: Stay | None
    late: bool
    due: bool

    @property
    def day_use(self) -> bool:
        """It leaves on the day it comes."""
        return bool(self.order.arrival == self.order.departure)


@desk.get("/arrivals")
@allowed("order:see")
def arrivals() -> ResponseReturnValue:
    """Who is expected today or was before; or, searched for, any order."""
    property, q = here(), request.args.get("q", "").strip()[:60]
    orders = _found(property, q) if q else stays.orders.arrivals(property)
    return render_template("desk/arrivals.html", orders=_rows(property, orders), q=q)


def _found(property: Property, q: str) -> list[Order]:
    columns = (Order.guest_name, Order.number, Order.phone, Order.group)
    matches = reduce(or_, (column.contains(q) for column in columns))
    return list(
        Order.select(Order, Door)
        .join(Door, JOIN.LEFT_OUTER)
        .where(Order.property == property, matches)
        .order_by(Order.arrival.desc(), Order.id.desc())
        .limit(_FOUND_MAX)
    )


def _rows(property: Property, orders: list[Order]) -> list[Row]:
    made = Stay.select().where(Stay.order.in_([order.id for order in orders]), Stay.state != "discarded")
    by_order = {stay.order_id: stay for stay in made.order_by(Stay.id)}
    today = times.today(property.timezone)
    return [
        Row(
            order,
            by_order.get(order.id),
            late=order.state == "booked" and order.arrival < today,
            due=order.state == "booked" and order.arrival <= today,
        )
        for order in orders
    ]


@dataclass(slots=True)
class OrderForm:
    """What the form of a new order says, as text."""

    guest_name: str = ""
    phone: str = ""
    arrival_date: str = ""
    departure_date: str = ""
    room: str = ""
    group: str = ""

    @classmethod
    def sent(cls) -> OrderForm:
        """From the request."""
        return cls(**{name: request.form.get(name, "").strip() for name in cls.__dataclass_fields__})

    def dates(self) -> tuple[date, date]:
        """Arrival and departure; raises BadDates."""
        arrival, departure = (forms.day_of(name, getattr(self, name)) for name in ("arrival_date", "departure_date"))
        return arrival, departure


@desk.get("/orders/new")
@allowed("order:enter")
def new_order() -> ResponseReturnValue:
    """The form, for tonight unless said otherwise."""
    today = times.today(here().timezone)
    form = OrderForm(arrival_date=today.isoformat(), departure_date=(today + timedelta(days=1)).isoformat())
    return _order_form(form)


@desk.post("/orders/new")
@allowed("order:enter")
def enter_order() -> ResponseReturnValue:
    """Enter it, and go on to choose the room."""
    form, property = OrderForm.sent(), here()
    try:
        arrival, departure = form.dates()
        room = forms.door_of(property, form.room) if form.room else None
        order = stays.orders.enter(
            property, form.guest_name, form.phone, arrival, departure, room, group=form.group, by=actor()
        )
    except BadField as error:
        if refusals.wants_json():
            raise
        return _order_form(form, error), error.status
    flash(t("new_order.entered", number=order.number), "good")
    after = "desk.prepare" if arrival <= times.today(property.timezone) else "desk.arrivals"
    return redirect(url_for(after, **({"order_id": order.id} if after == "desk.prepare" else {"q": order.number})))


def _order_form(form: OrderForm, error: Refused | None = None) -> str:
    wrong: Any = refusals.sentences(error.code, error.facts, refusals.field_of(error)) if error else None
    property = here()
    return render_template(
        "desk/new_order.html", form=form, wrong=wrong, rooms=properties.rooms_of(property), property=property
    )


@desk.get("/orders/<id:order_id>/prepare")
@allowed("stay:prepare")
def prepare(order_id: int) -> ResponseReturnValue:
    """Choose the room; a draft that was begun is gone on with, unless another room is wanted."""
    order = Order.of(here(), order_id)
    draft = Stay.get_or_none(Stay.order == order, Stay.state != "discarded")
    if draft is not None and "room" not in request.args:
        return redirect(url_for("desk.stay", stay_id=draft.id))
    wished = draft.room.number if draft else order.room.number if order.room else None
    return render_template("desk/prepare.html", order=order, rooms=room_tiles(here()), wished=wished, draft=draft)


@desk.post("/orders/<id:order_id>/prepare")
@allowed("stay:prepare")
def prepare_now(order_id: int) -> ResponseReturnValue:
    """The draft with this room."""
    order = Order.of(here(), order_id)
    stay = stays.prepare(order, forms.door_of(here(), request.form.get("room", "")), by=actor())
    return redirect(url_for("desk.stay", stay_id=stay.id))
