"""A door: how it does, and what happened at it."""

from __future__ import annotations

from dataclasses import dataclass

from flask import render_template
from flask.typing import ResponseReturnValue

from lockmate import records, stays
from lockmate.doors import Companion
from lockmate.doors.books import Books
from lockmate.properties import Door
from lockmate.protocol import UNPROVED
from lockmate.records import Event
from lockmate.web import answers, times
from lockmate.web.access import allowed, here
from lockmate.web.desk import desk
from lockmate.web.desk.opening import door_here, opens_facts
from lockmate.web.desk.refusing import refused_lines
from lockmate.web.desk.rehearsing import keys_of
from lockmate.web.desk.ruling import rules_facts
from lockmate.web.texts import t

_SHOWN = 50
_UNSURE_S = 60
TONES = {
    "opened": "good",
    "card_open": "good",
    "inside_open": "good",
    "refused": "warn",
    "forced": "bad",
    "tamper": "bad",
    "fault": "bad",
    "log_lost": "bad",
    "battery_low": "warn",
    "ajar": "warn",
}


@dataclass(frozen=True, slots=True)
class Health:
    """A companion, whether it holds the door's newest policy, and where it differs from the books, in words."""

    companion: Companion
    in_step: bool
    drift: list[str]


@dataclass(frozen=True, slots=True)
class Line:
    """An event as the page shows it."""

    event: Event
    tone: str
    who: str
    unverified: bool


@desk.get("/doors/<id:number>")
@allowed("door:see")
def door(number: int) -> ResponseReturnValue:
    """Health and the latest events."""
    found = door_here(number)
    people = stays.people_at(found)
    stay = people[0][0].stay if people and found.door_class == "room" else None
    if stay is not None:
        stay.room = found
    books = Books.of(found)
    return render_template(
        "desk/door.html",
        door=found,
        stay=stay,
        tries=keys_of(people, found),
        online=any(companion.online for companion in books.companions[found.id]),
        **(_health(found, books) | _events(found) | _refusals(found) | opens_facts(found)),
        **rules_facts(found, books.rules(found)),
    )


@desk.get("/doors/<id:number>/health")
@allowed("door:see")
def door_health(number: int) -> ResponseReturnValue:
    """How it does, asked for again and again."""
    found = door_here(number)
    return answers.live("desk/door_health.html", door=found, **_health(found, Books.of(found)))


@desk.get("/doors/<id:number>/events")
@allowed("record:see")
def door_events(number: int) -> ResponseReturnValue:
    """What happened, asked for again and again."""
    found = door_here(number)
    return answers.live("desk/door_events.html", door=found, **_events(found))


@desk.get("/doors/<id:number>/refusals")
@allowed("record:see")
def door_refusals(number: int) -> ResponseReturnValue:
    """Who was refused, asked for again and again."""
    found = door_here(number)
    return answers.live("desk/refusals.html", **_refusals(found))


def _refusals(door: Door) -> dict[str, object]:
    return {"refusals": refused_lines(records.refusals(door)), "zone": here().timezone}


def _health(door: Door, books: Books) -> dict[str, object]:
    newest = books.newest[door.id]
    rows = [
        Health(
            companion,
            newest is not None and (companion.policy_version, companion.policy_hash) == (newest.version, newest.hash),
            _drift(door, companion, books),
        )
        for companion in books.companions[door.id]
    ]
    return {"companions": rows, "zone": here().timezone}


def _drift(door: Door, companion: Companion, books: Books) -> list[str]:
    """What it holds that is not what it should, by its own last word."""
    if companion.heard_at is None:
        return []
    told = []
    held, newest = books.held(companion), books.newest[door.id]
    if held is None or not books.knows(companion):
        told.append(t("drift.no_rules"))
    elif newest is not None and held.version != newest.version:
        told.append(t("drift.rules", at=times.moment(held.made_at, here().timezone)))
    ledger = books.rules(door).generation
    if companion.generation > ledger:
        told.append(t("drift.generation", reported=companion.generation, ledger=ledger))
    lo, hi = companion.clock_lo, companion.clock_hi
    if lo is not None and hi is None:
        told.append(t("drift.time_lost"))
    elif lo is not None and hi is not None and hi - lo > _UNSURE_S:
        told.append(t("drift.clock", seconds=hi - lo))
    return told


def _events(door: Door) -> dict[str, object]:
    told = records.of_door(door, _SHOWN)
    lines = [
        Line(event, TONES.get(event.kind, ""), _who(event, name), event.verdict in UNPROVED) for event, name in told
    ]
    return {"events": lines, "zone": here().timezone}


def _who(event: Event, name: str) -> str:
    return name or t("events.former") if event.key_id else ""
