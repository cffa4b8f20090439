"""Records: what happened at all doors, with what is missing where it is missing; and the same as a table to keep."""

from __future__ import annotations

from datetime import timedelta

from flask import Response, render_template, request
from flask.typing import ResponseReturnValue

from lockmate import properties, records
from lockmate.errors import BadDates
from lockmate.properties import Door
from lockmate.staff import audit
from lockmate.web import times
from lockmate.web.access import actor, allowed, here
from lockmate.web.desk import desk, forms
from lockmate.web.desk.doorways import TONES
from lockmate.web.numbers import row_number

_SHOWN = 100
_DAYS_MAX = 366


@desk.get("/records")
@allowed("record:see")
def trail() -> ResponseReturnValue:
    """The latest, of one door if asked; older ones a page at a time."""
    property, door = here(), _door()
    found = records.entries(property, door=door, before=row_number(request.args.get("before")), limit=_SHOWN)
    events = [entry.event for entry in found if entry.event is not None]
    today = times.today(property.timezone)
    return render_template(
        "desk/records.html",
        entries=found,
        tones=TONES,
        older=events[-1].id if len(events) == _SHOWN else None,
        door=door,
        doors=Door.select().where(Door.property == property).order_by(Door.number),
        zone=property.timezone,
        first=(today - timedelta(days=30)).isoformat(),
        last=today.isoformat(),
    )


@desk.get("/records.csv")
@allowed("record:export")
def trail_csv() -> ResponseReturnValue:
    """Whole days, as CSV; who took it is audited. With a byte order mark, which spreadsheets need for Chinese."""
    property, door = here(), _door()
    first, last = (forms.day_of(name, request.args.get(name, "")) for name in ("first", "last"))
    if not 0 <= (last - first).days <= _DAYS_MAX:
        raise BadDates(field="last")
    since = forms.at_time(first, "00:00", property.timezone) // 1000
    until = forms.at_time(last + timedelta(days=1), "00:00", property.timezone) // 1000
    audit.record(actor(), "record:export", f"property {property.property_id}", first=str(first), last=str(last))
    body = "\ufeff" + "".join(records.export(property, since, until, door=door))
    answer = Response(body, mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="records-{first}-{last}.csv"'
    return answer


def _door() -> Door | None:
    number = row_number(request.args.get("door"))
    return properties.door_of(here(), number) if number is not None else None
