"""In house: who stays here now, each with the lock beside the name; and the walk-in, in one flow."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from peewee import JOIN

from lockmate import clock, stays
from lockmate.errors import Refused
from lockmate.keys import Key
from lockmate.properties import Door, Property
from lockmate.stays import PAYMENT_METHODS, Guest, Paid, Stay
from lockmate.web import answers, money, refusals, times
from lockmate.web.access import actor, allowed, here
from lockmate.web.desk import desk, forms
from lockmate.web.desk.rooming import room_tiles
from lockmate.web.texts import t

JOINERS = 3  # rows for joiners on the form; more are named on the stay's page


@dataclass(frozen=True, slots=True)
class Lodger:
    """A guest in house; `held`: a key of theirs opens."""

    guest: Guest
    held: bool


@dataclass(frozen=True, slots=True)
class Lodging:
    """A running stay as the list shows it."""

    stay: Stay
    lodgers: list[Lodger]
    leaves_today: bool
    overdue: bool


@desk.get("/in-house")
@allowed("stay:see")
def in_house() -> ResponseReturnValue:
    """Everybody who stays here now."""
    return render_template("desk/in_house.html", **_facts(here()))


@desk.get("/in-house/list")
@allowed("stay:see")
def in_house_list() -> ResponseReturnValue:
    """The list alone, asked for again and again."""
    return answers.live("desk/in_house_list.html", **_facts(here()))


def _facts(property: Property) -> dict[str, object]:
    """Two queries, however many stay here; `q` keeps those whose room or guest it is in."""
    q = request.args.get("q", "").strip()[:60]
    lodgers: dict[int, list[Lodger]] = defaultdict(list)
    query = Guest.select(Guest, Key).join(Stay).switch(Guest).join(Key, JOIN.LEFT_OUTER)
    people: Any = query.where(Stay.property == property, Stay.state == "in_house", Guest.removed_at.is_null())
    for guest in people.order_by(Guest.id):
        lodgers[guest.stay_id].append(Lodger(guest, guest.key_id is not None and guest.key.state == "active"))
    today, now = times.today(property.timezone), clock.now_ms()
    rows = [
        Lodging(
            stay,
            lodgers[stay.id],
            times.local(stay.ends_at, property.timezone).date() == today,
            stay.ends_at <= now,
        )
        for stay in stays.in_house(property)
    ]
    wanted = q.casefold()
    if wanted:
        rows = [row for row in rows if wanted in _words(row)]
    return {"rows": rows, "zone": property.timezone, "q": q}


def _words(row: Lodging) -> str:
    people = " ".join(f"{lodger.guest.name} {lodger.guest.phone}" for lodger in row.lodgers)
    return f"{row.stay.room.name} {people}".casefold()


@dataclass(slots=True)
class WalkInForm:
    """What the form says, as text; the first of `guests` is who takes the room."""

    room: str = ""
    departure: str = ""
    amount: str = ""
    method: str = PAYMENT_METHODS[0]
    note: str = ""
    guests: list[tuple[str, str]] = field(default_factory=lambda: [("", "")] * (JOINERS + 1))

    @classmethod
    def sent(cls) -> WalkInForm:
        """From the request."""
        names, phones = request.form.getlist("name")[:10], request.form.getlist("phone")[:10]
        guests = [(name.strip(), phone.strip()) for name, phone in zip(names, phones, strict=False)]
        return cls(
            **{name: forms.sent(name) for name in ("room", "departure", "amount", "method", "note")},
            guests=guests or [("", "")],
        )

    def day(self) -> date:
        """The departure; raises BadDates."""
        return forms.day_of("departure", self.departure)

    def payment(self) -> Paid | None:
        """The payment taken, if one is; raises BadField."""
        return paid(self.amount, self.method, self.note) if self.amount else None


def paid(amount: str, method: str, note: str) -> Paid:
    """A payment as a form says it; raises BadField."""
    currency = here().currency
    return Paid(money.read("amount", amount, currency), currency, method, note)


@desk.get("/walk-in")
@allowed("stay:check_in")
def walk_in() -> ResponseReturnValue:
    """The form, for tonight unless said otherwise."""
    tomorrow = times.today(here().timezone) + timedelta(days=1)
    return _walk_in_form(WalkInForm(departure=tomorrow.isoformat(), room=request.args.get("room", "")))


@desk.post("/walk-in")
@allowed("stay:check_in")
def walk_in_now() -> ResponseReturnValue:
    """In house at once; the keys are issued on the stay's page."""
    form, property = WalkInForm.sent(), here()
    try:
        room: Door = forms.door_of(property, form.room)
        guests = [(name, phone) for number, (name, phone) in enumerate(form.guests) if name or phone or not number]
        stay = stays.walk_in(property, room, guests=guests, departure=form.day(), payment=form.payment(), by=actor())
    except Refused as error:
        if refusals.wants_json():
            raise
        return _walk_in_form(form, error), error.status
    flash(t("walk_in.done", room=room.name), "good")
    warn_of_planned(stay)
    return redirect(url_for("desk.stay", stay_id=stay.id))


def warn_of_planned(stay: Stay) -> None:
    """Say so if booked orders want the room while this stay is in it."""
    for order in stays.planned(stay.room, stay.starts_at, stay.ends_at, besides=stay):
        facts = {"number": order.number, "guest": order.guest_name, "day": times.day(order.arrival)}
        flash(t("stay.planned", room=stay.room.name, **facts), "warn")


def _walk_in_form(form: WalkInForm, error: Refused | None = None) -> str:
    wrong: Any = refusals.sentences(error.code, error.facts, refusals.field_of(error)) if error else None
    property = here()
    return render_template(
        "desk/walk_in.html",
        form=form,
        wrong=wrong,
        code=error.code if error else "",
        rooms=room_tiles(property),
        methods=PAYMENT_METHODS,
        property=property,
        today=times.today(property.timezone).isoformat(),
    )
