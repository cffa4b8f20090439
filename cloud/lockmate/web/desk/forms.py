"""Fields of forms, read as people write them."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from flask import request

from lockmate import properties
from lockmate.errors import BadDates, BadField
from lockmate.properties import Door, Property
from lockmate.stays.orders import YEARS
from lockmate.web.numbers import row_number


def sent(name: str, most: int = 200) -> str:
    """One line of a form, without blanks around it."""
    return request.form.get(name, "").strip()[:most]


def day_of(name: str, text: str) -> date:
    """A date; raises BadDates."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadDates(field=name) from None


def moment_of(name: str, text: str, zone: str) -> int:
    """A date and time of a form (`2026-11-24T12:00`) in a zone, as ms; raises BadDates."""
    try:
        at = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    except ValueError:
        raise BadDates(field=name) from None
    if at.year not in YEARS:
        raise BadDates(field=name)
    return int(at.timestamp()) * 1000


def at_time(day: date, clock_time: str, zone: str) -> int:
    """A time of day on a day in a zone, as ms."""
    return int(datetime.combine(day, time.fromisoformat(clock_time), ZoneInfo(zone)).timestamp()) * 1000


def row_of(name: str) -> int:
    """The number of a row; raises BadField."""
    found = row_number(request.form.get(name))
    if found is None:
        raise BadField(field=name)
    return found


def door_of(property: Property, text: str) -> Door:
    """The door whose number a form says; raises BadField, NotFound."""
    found = row_number(text)
    if found is None:
        raise BadField(field="room")
    return properties.door_of(property, found)
