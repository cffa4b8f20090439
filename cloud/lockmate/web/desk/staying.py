"""A stay: its draft with rooms, guests and keys; in house; ended."""

from __future__ import annotations

from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from lockmate import stays
from lockmate.doors import Truth, truth
from lockmate.keys import Key
from lockmate.stays import Guest, Stay
from lockmate.web import answers, times
from lockmate.web.access import actor, allowed, here
from lockmate.web.desk import desk
from lockmate.web.texts import t

_TONES = {"open_until": "good", "ended_may_open": "warn"}


@dataclass(frozen=True, slots=True)
class Person:
    """A guest as the page shows them; `truth` is what the doors would say of the key."""

    guest: Guest
    phone: str
    tag: str
    tone: str
    truth: str
    may_issue: bool


@desk.get("/stays/<id:stay_id>")
@allowed("stay:see")
def stay(stay_id: int) -> ResponseReturnValue:
    """The check-in page of a draft, else the stay's own page."""
    found = Stay.of(here(), stay_id)
    people = people_of(found)
    held = [person for person in people if _live(person.guest.key)]
    return render_template(
        "desk/draft.html" if found.state == "draft" else "desk/stay.html",
        stay=found,
        guests=people,
        key_count=len(held),
        any_keys=bool(held),
        all_keys=len(held) == len(people),
        zone=found.property.timezone,
    )


@desk.get("/stays/<id:stay_id>/guests")
@allowed("stay:see")
def guests_part(stay_id: int) -> ResponseReturnValue:
    """The guests with what is true of their keys, asked for again and again."""
    found = Stay.of(here(), stay_id)
    return answers.live("desk/guests.html", guests=people_of(found), stay=found)


def people_of(stay: Stay) -> list[Person]:
    """The guests of a stay, with a sentence for each key."""
    return [_person(guest, stay) for guest in stay.present()]


def _person(guest: Guest, stay: Stay) -> Person:
    phone = answers.masked(guest.phone)
    may_issue = stay.state in ("draft", "in_house") and not _live(guest.key)
    if guest.key is None:
        return Person(guest, phone, "", "", "", may_issue)
    told = truth.of(guest.key)
    says = sentence(told, stay.property.timezone)
    return Person(guest, phone, t(f"truth.tag.{told.kind}"), _TONES.get(told.kind, ""), says, may_issue)


def _live(key: Key | None) -> bool:
    return key is not None and key.state != "ended"


def sentence(told: Truth, zone: str) -> str:
    """A statement about a key, in words."""
    unknown = told.kind == "ended_may_open" and told.until is None
    return t(
        f"truth.says.{told.kind}{'_unknown' if unknown else ''}",
        at=times.moment(told.at, zone) if told.at else "",
        until=times.moment(told.until, zone) if told.until else "",
        doors=", ".join(told.doors),
    )


@desk.post("/stays/<id:stay_id>/guests")
@allowed("stay:name_guest")
def name_guest(stay_id: int) -> ResponseReturnValue:
    """One more guest."""
    found = Stay.of(here(), stay_id)
    guest = stays.name_guest(found, request.form.get("name", ""), request.form.get("phone", ""), by=actor())
    flash(t("guests.added", guest=guest.name), "good")
    return redirect(url_for("desk.stay", stay_id=found.id))


@desk.post("/stays/<id:stay_id>/check-in")
@allowed("stay:check_in")
def check_in(stay_id: int) -> ResponseReturnValue:
    """The stay begins."""
    begun = stays.check_in(Stay.of(here(), stay_id), by=actor())
    flash(t("stay.done_check_in", room=begun.room.name), "good")
    return redirect(url_for("desk.stay", stay_id=begun.id))


@desk.post("/stays/<id:stay_id>/check-out")
@allowed("stay:check_out")
def check_out(stay_id: int) -> ResponseReturnValue:
    """The stay ends, and its keys with it."""
    ended = stays.check_out(Stay.of(here(), stay_id), by=actor())
    flash(t("stay.done_check_out", room=ended.room.name), "good")
    return redirect(url_for("desk.stay", stay_id=ended.id))


@desk.post("/stays/<id:stay_id>/discard")
@allowed("stay:prepare")
def discard(stay_id: int) -> ResponseReturnValue:
    """The draft is given up; its order stays open."""
    draft = Stay.of(here(), stay_id)
    stays.discard(draft, by=actor())
    flash(t("draft.discarded"), "good")
    return redirect(url_for("desk.arrivals"))
