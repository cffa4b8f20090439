"""A door opened from afar with a reason and its answer; a reset token for a door that is offline."""

from __future__ import annotations

from dataclasses import dataclass

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from lockmate import doors, properties
from lockmate.doors import RemoteOpen
from lockmate.properties import Door
from lockmate.protocol import VERDICTS
from lockmate.web import answers, reports
from lockmate.web.access import actor, allowed, here
from lockmate.web.desk import desk, forms
from lockmate.web.desk.changing import Question, asked
from lockmate.web.security import limiter
from lockmate.web.texts import t, word

REASONS = ("no_phone", "phone_empty", "card_unread", "maintenance", "emergency", "other")
_SHOWN = 5
_TONES = {"opened": "good", "waiting": "", "offline": "warn", "no_answer": "warn"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A remote open as the page shows it."""

    row: RemoteOpen
    tone: str
    says: str
    why: str


def door_here(number: int) -> Door:
    """This hotel's door; what fails from here on is about it."""
    found = properties.door_of(here(), number)
    reports.about(found.name)
    return found


@desk.get("/doors/<id:number>/open")
@allowed("door:open")
def open_door(number: int) -> ResponseReturnValue:
    """Why?"""
    return render_template("desk/open.html", layout=answers.layout(), door=door_here(number), reasons=REASONS)


@desk.post("/doors/<id:number>/open")
@allowed("door:open")
@limiter.limit("20/minute")
def open_door_now(number: int) -> ResponseReturnValue:
    """Ask the door; its answer comes on its page."""
    found, reason = door_here(number), forms.sent("reason")
    told = [word("open_reason", reason) if reason in REASONS else "", forms.sent("words", 100)]
    doors.open_remotely(found, reason=" – ".join(part for part in told if part), by=actor())
    flash(t("open.asked", door=found.name), "")
    return redirect(url_for("desk.door", number=found.number))


@desk.get("/doors/<id:number>/opens")
@allowed("door:see")
def door_opens(number: int) -> ResponseReturnValue:
    """What the door answered, asked for again and again."""
    found = door_here(number)
    return answers.live("desk/door_opens.html", door=found, **opens_facts(found))


def opens_facts(door: Door) -> dict[str, object]:
    """The latest remote opens of a door, with what became of them."""
    return {"opens": [_asked(row, said) for row, said in doors.remote.opens_at(door, _SHOWN)], "zone": here().timezone}


def _asked(row: RemoteOpen, answer: str) -> Asked:
    if answer in VERDICTS:
        return Asked(row, "bad", t("open.refused", verdict=word("verdict", answer)), word("verdict_why", answer))
    return Asked(row, _TONES.get(answer, ""), word("open_answer", answer), word("open_answer_do", answer))


@desk.get("/doors/<id:number>/reset")
@allowed("door:reset")
def reset(number: int) -> ResponseReturnValue:
    """Asks."""
    found = door_here(number)
    return asked(
        Question(
            title=t("reset.title", door=found.name),
            does=t("reset.does", door=found.name),
            go=t("reset.go"),
            action=url_for("desk.reset", number=found.number),
            back=url_for("desk.door", number=found.number),
            section="rooms",
        )
    )


@desk.post("/doors/<id:number>/reset")
@allowed("door:reset")
@limiter.limit("20/minute")
def reset_now(number: int) -> ResponseReturnValue:
    """The token, to be held to the door from this screen."""
    found = door_here(number)
    token = doors.reset_token(found, by=actor())
    return render_template("desk/reset.html", layout=answers.layout(), door=found, token=token)
