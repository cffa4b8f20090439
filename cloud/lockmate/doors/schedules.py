"""Weekly hours in which a common door stays open: local wall times in, UTC intervals for a policy out.

Hours are kept as people say them ("Monday to Friday 07:00 to 22:00"); the door gets intervals [from, to) in Unix
seconds, so that a day of 23 or 25 hours is right without the door knowing a time zone (protocol section 6).
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from lockmate.doors.errors import BadRules
from lockmate.protocol import SCHEDULE_MAX

_DAYS_AHEAD = 8
_END_OF_DAY = "24:00"


class Hours(NamedTuple):
    """On these weekdays (0 Monday to 6) from `begins` until `ends`, local wall times; an end before the beginning, or
    at it, is on the next day. "24:00" is midnight at the end of the day."""

    days: tuple[int, ...]
    begins: str
    ends: str


def check(week: list[Hours]) -> None:
    """Raises BadRules for days or times that are none."""
    for hours in week:
        if not hours.days or any(type(day) is not int or not 0 <= day <= 6 for day in hours.days):
            raise BadRules(field="schedule")
        if not _is_time(hours.begins) or not (hours.ends == _END_OF_DAY or _is_time(hours.ends)):
            raise BadRules(field="schedule")


def _is_time(text: str) -> bool:
    """Whether it is a wall time as `07:00`; other forms of ISO 8601 may carry a zone."""
    try:
        return time.fromisoformat(text).isoformat("minutes") == text
    except ValueError:
        return False


def intervals(week: list[Hours], zone: str, now_s: int) -> list[list[int]]:
    """The coming intervals [from, to) in seconds, in order and apart, at most 16; what runs now is among them."""
    place = ZoneInfo(zone)
    today = datetime.fromtimestamp(now_s, place).date()
    found: list[list[int]] = []
    for ahead in range(-1, _DAYS_AHEAD):
        day = today + timedelta(days=ahead)
        for hours in week:
            if day.weekday() not in hours.days:
                continue
            begins = datetime.combine(day, time.fromisoformat(hours.begins), place)
            last = time() if hours.ends == _END_OF_DAY else time.fromisoformat(hours.ends)
            next_day = hours.ends == _END_OF_DAY or last <= time.fromisoformat(hours.begins)
            ends = datetime.combine(day + timedelta(days=next_day), last, place)
            if ends.timestamp() > max(now_s, begins.timestamp()):
                found.append([int(begins.timestamp()), int(ends.timestamp())])
    return _apart(found)[:SCHEDULE_MAX]


def _apart(found: list[list[int]]) -> list[list[int]]:
    """Those that touch or overlap as one."""
    apart: list[list[int]] = []
    for begins, ends in sorted(found):
        if apart and begins <= apart[-1][1]:
            apart[-1][1] = max(apart[-1][1], ends)
        else:
            apart.append([begins, ends])
    return apart
