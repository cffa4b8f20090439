"""Dead letters: what could not be delivered, why, and another try."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from lockmate import notices
from lockmate.doors import Companion
from lockmate.outbox import Outbox
from lockmate.properties import Door
from lockmate.web.access import actor, allowed, here
from lockmate.web.desk import desk
from lockmate.web.texts import t


@dataclass(frozen=True, slots=True)
class Letter:
    """A row as people know it; `to`: the address, or the door of the companion it was for."""

    row: Outbox
    to: str


@desk.get("/undelivered")
@allowed("delivery:see")
def undelivered() -> ResponseReturnValue:
    """All dead letters of the hotel."""
    rows = notices.undelivered(here())
    doors = _doors({_companion_of(row) for row in rows})
    letters = [Letter(row, doors.get(_companion_of(row), row.address)) for row in rows]
    return render_template("desk/undelivered.html", letters=letters, zone=here().timezone)


@desk.post("/undelivered/<id:letter_id>/again")
@allowed("delivery:retry")
def undelivered_again(letter_id: int) -> ResponseReturnValue:
    """Put it back among those to go."""
    notices.try_again(letter_id, by=actor())
    flash(t("undelivered.again_done"), "good")
    return redirect(url_for("desk.undelivered"))


def _companion_of(row: Outbox) -> str:
    """The companion in a topic `lm/1/{companion_id}/down/…`; empty for other channels."""
    return row.address.split("/")[2] if row.channel == "mqtt" and row.address.count("/") == 4 else ""


def _doors(companion_ids: set[str]) -> dict[str, str]:
    query = Companion.select(Companion.companion_id, Door.name).join(Door)
    rows: Any = query.where(Companion.companion_id.in_(companion_ids - {""})).tuples()
    return dict(rows)
