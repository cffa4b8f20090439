"""When a stay begins and ends: dates at the property's wall times, in its zone."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from lockmate.properties.models import Property


def of_dates(property: Property, arrival: date, departure: date) -> tuple[int, int]:
    """(starts_at, ends_at) in ms. Where the clocks change, an hour that exists twice or never counts for the guest."""
    zone = ZoneInfo(property.timezone)
    starts = datetime.combine(arrival, time.fromisoformat(property.check_in_time), zone)
    ends = datetime.combine(departure, time.fromisoformat(property.check_out_time), zone)
    return min(_both_ms(starts)), max(_both_ms(ends))


def _both_ms(wall: datetime) -> tuple[int, int]:
    """The two readings of a wall time; they differ only in the hour of a change."""
    return int(wall.replace(fold=0).timestamp()) * 1000, int(wall.replace(fold=1).timestamp()) * 1000


def today(property: Property, now_ms: int) -> date:
    """The date at the property."""
    return datetime.fromtimestamp(now_ms / 1000, ZoneInfo(property.timezone)).date()
