"""Moments and days in a hotel's zone and a reader's language."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_skeleton
from flask import g

from lockmate import clock


@cache
def _locale(language: str) -> Locale:
    return Locale.parse(language, sep="-")


def local(ms: int, zone: str) -> datetime:
    """Milliseconds since 1970 as wall time of a zone."""
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(ZoneInfo(zone))


def today(zone: str) -> date:
    """The day it is in a zone."""
    return local(clock.now_ms(), zone).date()


def day(value: date, language: str | None = None) -> str:
    """Month and day; the year too where it is not this one."""
    skeleton = "MMMd" if value.year == datetime.fromtimestamp(clock.now_s(), UTC).year else "yMMMd"
    return _skeleton(skeleton, datetime(value.year, value.month, value.day, tzinfo=UTC), language)


def moment(ms: int, zone: str, *, seconds: bool = False) -> str:
    """Time of day, with the day in front unless it is today."""
    at = local(ms, zone)
    of_day = _skeleton("Hms" if seconds else "Hm", at)
    return of_day if at.date() == today(zone) else f"{day(at.date())} {of_day}"


def full(ms: int, zone: str, language: str | None = None) -> str:
    """Day and time, always both; a letter is written outside a request, and names its language."""
    at = local(ms, zone)
    return f"{day(at.date(), language)} {_skeleton('Hm', at, language)}"


def iso(ms: int) -> str:
    """For the datetime attribute."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _skeleton(name: str, at: datetime, language: str | None = None) -> str:
    return str(format_skeleton(name, at, tzinfo=at.tzinfo, locale=_locale(language or g.language)))
