"""The installer's page: codes for laptops, the fleet, rooms from a table, spares, records."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from lockmate import fitting
from lockmate.errors import Refused
from lockmate.fitting.fleet import DOOR_STATES
from lockmate.paper.certificate import certificate
from lockmate.tables import CsvLine
from lockmate.web import answers, refusals
from lockmate.web.access import actor, allowed, here
from lockmate.web.desk import desk
from lockmate.web.desk.forms import sent
from lockmate.web.desk.importing import looked_at, sent_table
from lockmate.web.desk.opening import door_here
from lockmate.web.security import roomy
from lockmate.web.texts import t, word


@desk.get("/fitting")
@allowed("companion:enrol")
def fit() -> ResponseReturnValue:
    """Codes, sessions, and the fleet."""
    return render_template("desk/fitting.html", code=None, sessions=fitting.codes.sessions(here()), **_fleet())


@desk.get("/fitting/fleet")
@allowed("companion:enrol")
def fleet() -> ResponseReturnValue:
    """The fleet's part of the page, asked for again and again."""
    return answers.live("desk/fitting_fleet.html", **_fleet())


@desk.post("/fitting/codes")
@allowed("companion:enrol")
def make_code() -> ResponseReturnValue:
    """A new code; it is shown this once."""
    code = fitting.codes.make(here(), by=actor())
    return render_template("desk/fitting.html", code=code, sessions=fitting.codes.sessions(here()), **_fleet())


@desk.post("/fitting/sessions/<id:session_id>/end")
@allowed("companion:enrol")
def end_session(session_id: int) -> ResponseReturnValue:
    """A laptop is let out."""
    fitting.codes.end(here(), session_id, by=actor())
    flash(t("fitting.ended"), "good")
    return redirect(url_for("desk.fit"))


@desk.get("/fitting/rooms")
@allowed("door:set")
def import_rooms() -> ResponseReturnValue:
    """Paste a table, or choose a file."""
    return render_template("desk/fitting_import.html", text="", wrong=None, code="")


@desk.post("/fitting/rooms")
@allowed("door:set")
@roomy
def import_rooms_now() -> ResponseReturnValue:
    """The table as it was understood; with `table` (what was looked at), the import itself."""
    try:
        if "table" in request.form:
            made = fitting.rooms.import_csv(here(), looked_at(request.form["table"]), by=actor())
            flash(t("fitting.rooms_done", count=len(made)), "good")
            return redirect(url_for("desk.fit"))
        table, packed = sent_table()
        lines = fitting.rooms.read_csv(here(), table)
    except Refused as error:
        if refusals.wants_json():
            raise
        wrong = refusals.sentences(error.code, error.facts, refusals.field_of(error))
        text = request.form.get("text", "")
        return render_template("desk/fitting_import.html", text=text, wrong=wrong, code=error.code), error.status
    rows = [(line, _sentence(line)) for line in lines]
    bad = sum(1 for line in lines if line.error_code)
    return render_template("desk/fitting_table.html", rows=rows, bad=bad, good=len(lines) - bad, table=packed)


@desk.get("/doors/<id:number>/replace")
@allowed("companion:replace")
def replace_door(number: int) -> ResponseReturnValue:
    """For the night porter: a spare takes over, by the code on its housing."""
    return render_template("desk/replace.html", layout=answers.layout(), door=door_here(number))


@desk.post("/doors/<id:number>/replace")
@allowed("companion:replace")
def replace_door_now(number: int) -> ResponseReturnValue:
    """The former companion is retired, the spare waits to be switched on."""
    spare = fitting.boards.replace(door_here(number), sent("code", 20), by=actor())
    flash(t("replace.done", companion=spare.companion_id), "good")
    return redirect(url_for("desk.door", number=number))


@desk.get("/fitting/acceptances/<id:acceptance>")
@allowed("door:see")
def accepted(acceptance: int) -> ResponseReturnValue:
    """The record of an acceptance."""
    row = fitting.acceptance.of(here(), acceptance)
    document, _signature = fitting.acceptance.signed(row)
    facts: dict[str, Any] = json.loads(document)
    return render_template("desk/acceptance.html", row=row, facts=facts, zone=here().timezone)


@desk.get("/fitting/acceptances/<id:acceptance>/certificate.pdf")
@allowed("door:see")
def acceptance_pdf(acceptance: int) -> ResponseReturnValue:
    """Its certificate, to print."""
    row = fitting.acceptance.of(here(), acceptance)
    return Response(certificate(*fitting.acceptance.signed(row), here().timezone), mimetype="application/pdf")


@desk.get("/fitting/acceptances/<id:acceptance>/certificate.json")
@allowed("door:see")
def acceptance_json(acceptance: int) -> ResponseReturnValue:
    """The exact bytes that were signed."""
    document, _signature = fitting.acceptance.signed(fitting.acceptance.of(here(), acceptance))
    return Response(document, mimetype="application/json")


def _fleet() -> dict[str, object]:
    rows = fitting.fleet.doors(here())
    counts = Counter(row.state for row in rows)
    return {
        "rows": rows,
        "counts": [(state, counts[state]) for state in DOOR_STATES],
        "boards": fitting.fleet.boards(here()),
        "zone": here().timezone,
    }


def _sentence(line: CsvLine) -> str:
    """What is wrong with a line and what to do; empty for a good one."""
    if not line.error_code:
        return ""
    field = str(line.facts.get("field", ""))
    return " ".join(refusals.sentences(line.error_code, line.facts, word("field", field) if field else ""))
