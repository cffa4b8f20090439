"""A stay: its draft with rooms, guests and keys; in house; ended."""

from __future__ import annotations

from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from lockmate import fitting, records, stays
from lockmate.doors import RoomOccupied, Truth, truth
from lockmate.doors.books import Books
from lockmate.errors import BadField, Refused
from lockmate.keys import Key
from lockmate.stays import Guest, Move, Stay
from lockmate.web import answers, money, refusals, reports, times
from lockmate.web.access import actor, allowed
from lockmate.web.desk import desk, forms
from lockmate.web.desk.changing import Question, asked, last_move, stay_here
from lockmate.web.desk.refusing import refused_lines
from lockmate.web.texts import t, word

_TONES = {"open_until": "good", "ended_may_open": "warn"}
_LATE_MS = 60_000
_WHY_ENDED = ("moved", "moved_back", "lost", "rekeyed", "removed", "check_out", "over")


@dataclass(frozen=True, slots=True)
class Line:
    """What is true of one key, in words; `why` it ended, if it did."""

    who: str
    room: str
    tag: str
    tone: str
    says: str
    why: str
    key: Key


@dataclass(frozen=True, slots=True)
class Person:
    """A guest as the page shows them; `truth` is what the doors would say of the present key."""

    guest: Guest
    phone: str
    line: Line | None
    may_issue: bool


@desk.get("/stays/<id:stay_id>")
@allowed("stay:see")
def stay(stay_id: int) -> ResponseReturnValue:
    """The check-in page of a draft, else the stay's own page."""
    found = stay_here(stay_id)
    facts = live_facts(found)
    people: list[Person] = facts["guests"]  # type: ignore[assignment]
    held = [person for person in people if _live(person.line)]
    return render_template(
        "desk/draft.html" if found.state == "draft" else "desk/stay.html",
        any_keys=bool(held),
        all_keys=len(held) == len(people),
        unaccepted=found.state == "draft" and fitting.acceptance.waits(found.room),
        payments=[(row, money.shown(row.amount_minor, row.currency)) for row in stays.payments_of(found)],
        **facts,
    )


@desk.get("/stays/<id:stay_id>/guests")
@allowed("stay:see")
def guests_part(stay_id: int) -> ResponseReturnValue:
    """The guests with what is true of their keys, asked for again and again."""
    return answers.live("desk/stay_live.html", **live_facts(stay_here(stay_id)))


def live_facts(stay: Stay) -> dict[str, object]:
    """What changes while the page is open: keys, the move that runs, what the door confirmed, who was refused."""
    held = stays.people_of(stay)
    keys = [key for _, rows in held for key in rows]
    books = truth.books_of(keys, stay.room)
    told = truth.of_all(keys, books)
    people: list[Person] = []
    former: list[Line] = []
    for guest, rows in held:
        lines = {key.id: _line(guest, key, told[key.id], stay.property.timezone) for key in rows}
        present = lines.pop(guest.key_id, None) if guest.removed_at is None else None
        if guest.removed_at is None:
            people.append(_person(guest, present, stay))
        former += lines.values()
    moves = stays.moves_of(stay)
    return {
        "stay": stay,
        "guests": people,
        "former": former,
        "move": next((move for move in moves if move.closed_at is None), None),
        "came_from": _came_from(stay, moves),
        "rules": _rules(stay, books),
        "ahead": stay.state == "in_house" and books.reported(stay.room) > stay.generation,
        "refusals": refused_lines(records.refusals(stay)) if stay.state != "draft" else [],
        "zone": stay.property.timezone,
    }


def _rules(stay: Stay, books: Books) -> str:
    """Whether the room's door holds its newest rules, in a sentence; empty if no companion is there."""
    newest = books.newest[stay.room.id]
    if not books.companions[stay.room.id] or newest is None or stay.state == "draft":
        return ""
    if newest.confirmed_at is None:
        return t("stay.rules_behind", room=stay.room.name)
    return t("stay.rules_in_step", room=stay.room.name, at=times.moment(newest.confirmed_at, stay.property.timezone))


def _came_from(stay: Stay, moves: list[Move]) -> str:
    """The room that a move came from, if one may move back."""
    last = last_move(moves) if stay.state == "in_house" else None
    return str(last.from_room.name) if last is not None else ""


def _person(guest: Guest, line: Line | None, stay: Stay) -> Person:
    may_issue = stay.state in ("draft", "in_house") and not _live(line)
    return Person(guest, answers.masked(guest.phone), line, may_issue)


def _line(guest: Guest, key: Key, told: Truth, zone: str) -> Line:
    why = word("key_ended", key.end_reason) if key.end_reason in _WHY_ENDED else ""
    says = sentence(told, zone)
    room = key.door.name if key.door is not None else ""
    tone = "bad" if told.ahead else _TONES.get(told.kind, "")
    return Line(guest.name, room, t(f"truth.tag.{told.kind}"), tone, says, why, key)


def _live(line: Line | None) -> bool:
    return line is not None and line.key.state != "ended"


def sentence(told: Truth, zone: str) -> str:
    """A statement about a key, in words."""
    comma = t("site.comma")
    if told.ahead:
        return t("truth.says.ahead", doors=comma.join(told.ahead))
    return t(
        f"truth.says.{told.kind}{_how(told)}",
        at=times.moment(told.at, zone) if told.at else "",
        until=times.moment(told.until, zone) if told.until else "",
        latest=times.moment(told.latest, zone) if told.latest else "",
        heard=times.moment(told.heard_at, zone) if told.heard_at else "",
        doors=comma.join(told.doors),
    )


def _how(told: Truth) -> str:
    """Which of the sentences of its kind; a door that is a minute late is not worth another."""
    if told.kind == "ended_may_open":
        return "" if told.until else "_unknown"
    if told.kind != "open_until" or not told.doors:
        return ""
    if told.latest is None:
        return "_late_unknown"
    return "_late" if told.latest > (told.until or 0) + _LATE_MS else ""


@desk.post("/stays/<id:stay_id>/guests")
@allowed("stay:name_guest")
def name_guest(stay_id: int) -> ResponseReturnValue:
    """One more guest."""
    found = stay_here(stay_id)
    guest = stays.name_guest(found, request.form.get("name", ""), request.form.get("phone", ""), by=actor())
    flash(t("guests.added", guest=guest.name), "good")
    return redirect(url_for("desk.stay", stay_id=found.id))


@desk.post("/stays/<id:stay_id>/check-in")
@allowed("stay:check_in")
def check_in(stay_id: int) -> ResponseReturnValue:
    """The stay begins."""
    draft = stay_here(stay_id)
    try:
        begun = stays.check_in(draft, by=actor())
    except RoomOccupied as occupied:
        if refusals.wants_json() or (there := stays.occupant(draft.room)) is None:
            raise
        return _evict_page(draft, *there, occupied)
    flash(t("stay.done_check_in", room=begun.room.name), "good")
    return redirect(url_for("desk.stay", stay_id=begun.id))


def _evict_page(draft: Stay, sleeper: Stay, until: int, occupied: Refused) -> ResponseReturnValue:
    """Who is there, and the second confirmation that it takes to end that."""
    what, do = refusals.sentences(occupied.code, occupied.facts)
    people = sleeper.present()
    page = render_template(
        "desk/evict.html",
        stay=draft,
        sleeper=sleeper,
        guest=people[0].name if people else "–",
        until=until,
        zone=draft.property.timezone,
        what=what,
        do=do,
        code=occupied.code,
        told=reports.of(occupied.code, occupied.status, occupied.facts),
    )
    return page, occupied.status


@desk.post("/stays/<id:stay_id>/evict")
@allowed("stay:evict")
def evict(stay_id: int) -> ResponseReturnValue:
    """Confirmed a second time: the room's number was typed."""
    draft = stay_here(stay_id)
    sleeper = Stay.of(draft.property, forms.row_of("sleeper"))
    if forms.sent("confirmed") != draft.room.name:
        raise BadField(field="room")
    people = sleeper.present()
    begun = stays.evict(draft, sleeper=sleeper, by=actor())
    flash(t("evict.done", room=begun.room.name, guest=people[0].name if people else "–"), "good")
    return redirect(url_for("desk.stay", stay_id=begun.id))


@desk.get("/stays/<id:stay_id>/new-keys")
@allowed("stay:change")
def new_keys(stay_id: int) -> ResponseReturnValue:
    """Asks: the door is ahead of books that were restored."""
    found = stay_here(stay_id)
    return asked(
        Question(
            title=t("restored.title", room=found.room.name),
            does=t("restored.does"),
            go=t("restored.go"),
            action=url_for("desk.new_keys", stay_id=found.id),
            back=url_for("desk.stay", stay_id=found.id),
            version=found.version,
        )
    )


@desk.post("/stays/<id:stay_id>/new-keys")
@allowed("stay:change")
def new_keys_now(stay_id: int) -> ResponseReturnValue:
    """All its keys are minted anew, beyond what the door has seen."""
    found = stay_here(stay_id)
    stays.rekey(found, by=actor())
    flash(t("restored.done", room=found.room.name), "good")
    return redirect(url_for("desk.stay", stay_id=found.id))


@desk.get("/stays/<id:stay_id>/check-out")
@allowed("stay:check_out")
def check_out(stay_id: int) -> ResponseReturnValue:
    """Asks."""
    found = stay_here(stay_id)
    held = sum(key.state != "ended" for held in stays.keys_by_guest(found).values() for key in held)
    return asked(
        Question(
            title=t("check_out.title", room=found.room.name),
            does=t("check_out.does", keys=held),
            go=t("check_out.go"),
            action=url_for("desk.check_out", stay_id=found.id),
            back=url_for("desk.stay", stay_id=found.id),
            danger=True,
        )
    )


@desk.post("/stays/<id:stay_id>/check-out")
@allowed("stay:check_out")
def check_out_now(stay_id: int) -> ResponseReturnValue:
    """The stay ends, and its keys with it."""
    ended = stays.check_out(stay_here(stay_id), by=actor())
    flash(t("stay.done_check_out", room=ended.room.name), "good")
    return redirect(url_for("desk.stay", stay_id=ended.id))


@desk.post("/stays/<id:stay_id>/discard")
@allowed("stay:prepare")
def discard(stay_id: int) -> ResponseReturnValue:
    """The draft is given up; its order stays open."""
    draft = stay_here(stay_id)
    stays.discard(draft, by=actor())
    flash(t("draft.discarded"), "good")
    return redirect(url_for("desk.arrivals"))
