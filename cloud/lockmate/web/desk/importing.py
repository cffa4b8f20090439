"""Orders from a CSV table: looked at first, each bad line named; then all of them, or none."""

from __future__ import annotations

import base64
import binascii

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from lockmate import stays
from lockmate.errors import BadField, Refused
from lockmate.tables import CsvLine
from lockmate.web import refusals
from lockmate.web.access import actor, allowed, here
from lockmate.web.desk import desk
from lockmate.web.security import roomy
from lockmate.web.texts import t, word


@desk.get("/orders/import")
@allowed("order:import")
def import_orders() -> ResponseReturnValue:
    """Paste it, or choose a file."""
    return render_template("desk/import.html", text="", wrong=None, code="")


@desk.post("/orders/import")
@allowed("order:import")
@roomy
def import_orders_now() -> ResponseReturnValue:
    """The table as it was understood; with `table` (what was looked at), the import itself."""
    property = here()
    try:
        if "table" in request.form:
            made = stays.orders.import_csv(property, looked_at(request.form["table"]), by=actor())
            flash(t("import.done", count=len(made)), "good")
            return redirect(url_for("desk.arrivals"))
        table, packed = sent_table()
        lines = stays.orders.read_csv(property, table)
    except Refused as error:
        if refusals.wants_json():
            raise
        wrong = refusals.sentences(error.code, error.facts, refusals.field_of(error))
        text = request.form.get("text", "")
        return render_template("desk/import.html", text=text, wrong=wrong, code=error.code), error.status
    rows = [(line, _sentence(line)) for line in lines]
    bad = sum(1 for line in lines if line.error_code)
    return render_template("desk/import_table.html", rows=rows, bad=bad, good=len(lines) - bad, table=packed)


def sent_table() -> tuple[bytes, str]:
    """The file if there is one, else what was pasted; and the same for the page to carry on."""
    file = request.files.get("file")
    table = (file.read() if file else b"") or request.form.get("text", "").encode()
    return table, base64.b64encode(table).decode()


def looked_at(packed: str) -> bytes:
    """The bytes of the dry run, which went through the page untouched."""
    try:
        return base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        raise BadField(field="table") from None


def _sentence(line: CsvLine) -> str:
    """What is wrong with a line and what to do; empty for a good one."""
    if not line.error_code:
        return ""
    field = str(line.facts.get("field", ""))
    named = word("field", field) if field else ""
    return " ".join(refusals.sentences(line.error_code, line.facts, named))
