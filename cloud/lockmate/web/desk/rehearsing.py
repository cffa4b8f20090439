"""The dry run: would this key open this door now, in words, with the step that mends it."""

from __future__ import annotations

from dataclasses import dataclass

from flask import render_template, request
from flask.typing import ResponseReturnValue

from lockmate import records, stays
from lockmate.doors import could_open, dryrun
from lockmate.doors.dryrun import Answer
from lockmate.errors import NotFound
from lockmate.keys import Key
from lockmate.properties import Door
from lockmate.stays import Guest
from lockmate.web import answers, reports, times
from lockmate.web.access import allowed, here
from lockmate.web.desk import desk
from lockmate.web.desk.opening import door_here
from lockmate.web.numbers import row_number
from lockmate.web.texts import t, word


@dataclass(frozen=True, slots=True)
class Told:
    """What one companion would say, in words."""

    answer: Answer
    tone: str
    says: str
    why: str
    then: str
    caveats: list[str]
    mend: str


@desk.get("/keys/<id:key_id>/would-open")
@allowed("door:see")
def would_open(key_id: int) -> ResponseReturnValue:
    """At the door that is asked for by its number, else at the key's own."""
    key = Key.get_or_none(Key.id == key_id, Key.property == here())
    if key is None:
        raise NotFound(what="key")
    number = row_number(request.args.get("door"))
    door = door_here(number) if number is not None else key.door
    if door is None:
        raise NotFound(what="door")
    reports.about(door.name)
    found = dryrun.would_open(key, door, privacy=records.privacy_at(door))
    return render_template(
        "desk/dry_run.html", layout=answers.layout(), door=door, who=_who(key), answers=[_told(one) for one in found]
    )


def keys_of(people: list[tuple[Guest, list[Key]]], door: Door) -> list[tuple[Key, str]]:
    """The keys that a door's page offers to try, with whose they are."""
    held = [(key, guest.name) for guest, keys in people for key in keys if key.state == "active"]
    return [(key, name) for key, name in held if could_open(key, door)][:_OFFERED]


_OFFERED = 12


def _who(key: Key) -> str:
    guest = stays.of_keys([key]).get(key.key_id)
    return guest.name if guest is not None else str(key.label)


def _told(answer: Answer) -> Told:
    heard = answer.companion.heard_at
    at = times.moment(heard, here().timezone) if heard else ""
    if answer.opens:
        says, tone = t("dry_run.opens"), "good"
    elif answer.verdict:
        says, tone = t("dry_run.refuses", verdict=word("verdict", answer.verdict)), "bad"
    else:
        says, tone = t("dry_run.unknown"), "warn"
    return Told(
        answer,
        tone,
        says,
        "" if answer.opens or not answer.verdict else word("verdict_why", answer.verdict),
        t("dry_run.then", verdict=word("verdict", answer.then)) if answer.then else "",
        [t(f"dry_run.caveat.{caveat}", at=at) for caveat in answer.caveats],
        word("dry_run.step", answer.mend) if answer.mend else "",
    )
