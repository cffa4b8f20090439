"""Alarms: what waits for somebody to look at it, and who did."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from lockmate import records
from lockmate.properties import Property
from lockmate.records import Alarm
from lockmate.web import answers, times
from lockmate.web.access import actor, allowed, here
from lockmate.web.desk import desk, forms
from lockmate.web.texts import t, word

_BAD = ("unmatched_open", "forced", "tamper", "doubled", "bad_tag", "ahead")


@dataclass(frozen=True, slots=True)
class Told:
    """An alarm in words."""

    row: Alarm
    tone: str
    what: str
    do: str
    facts: str


@desk.get("/alarms")
@allowed("alarm:see")
def alarms() -> ResponseReturnValue:
    """Those that wait, and the last that were acknowledged."""
    done = [_told(one) for one in records.settled(here())]
    return render_template("desk/alarms.html", done=done, **_waiting(here()))


@desk.get("/alarms/list")
@allowed("alarm:see")
def alarms_list() -> ResponseReturnValue:
    """Those that wait, asked for again and again."""
    return answers.live("desk/alarms_list.html", **_waiting(here()))


@desk.get("/alarms/<id:alarm_id>/acknowledge")
@allowed("alarm:acknowledge")
def acknowledge(alarm_id: int) -> ResponseReturnValue:
    """Asks what was found."""
    alarm = records.alarm_of(here(), alarm_id)
    return render_template("desk/acknowledge.html", layout=answers.layout(), told=_told(alarm), zone=here().timezone)


@desk.post("/alarms/<id:alarm_id>/acknowledge")
@allowed("alarm:acknowledge")
def acknowledge_now(alarm_id: int) -> ResponseReturnValue:
    """Somebody looked at it."""
    records.acknowledge(records.alarm_of(here(), alarm_id), forms.sent("note", 120), by=actor())
    return redirect(url_for("desk.alarms"))


def _waiting(property: Property) -> dict[str, object]:
    return {"alarms": [_told(one) for one in records.waiting(property)], "zone": property.timezone}


def _told(row: Alarm) -> Told:
    facts: dict[str, Any] = json.loads(row.details)
    said = []
    if "at" in facts:
        said.append(times.moment(facts["at"] * 1000, here().timezone, seconds=True))
    if facts.get("first") is not None:
        last = facts.get("last")
        said.append(t("alarms.from_to", first=facts["first"], last=last if last is not None else "…"))
    said += [str(facts[name]) for name in ("companion", "code", "generation") if facts.get(name)]
    tone = "bad" if row.kind in _BAD else "warn"
    return Told(row, tone, word("alarm", row.kind), word("alarm_do", row.kind), t("site.comma").join(said))
