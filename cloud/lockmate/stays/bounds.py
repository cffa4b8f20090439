"""When a stay begins and ends: dates at the property's wall times, in its zone."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from lockmate.properties.models import Property


def of_dates(property: Property, arrival: date, departure: date) -> tuple[int, int]:
    """(starts_at, ends_at) in ms. Where the clocks change, an hour that exists twice or never counts for the guest.

    One that departs on the day it arrives is day use; if the house's check-in time is after its end, it begins
    with the day.
    """
    starts, ends = min(_both_ms(property, arrival, property.check_in_time)), end_of(property, arrival, departure)
    return (starts if starts < ends else min(_both_ms(property, arrival, "00:00"))), ends


def end_of(property: Property, arrival: date, departure: date) -> int:
    """When a stay that arrives and departs on these days ends, in ms."""
    at = property.day_use_end if departure == arrival else property.check_out_time
    return max(_both_ms(property, departure, at))


def today(property: Property, now_ms: int) -> date:
    """The date at the property."""
    return local(property, now_ms).date()


def local(property: Property, at_ms: int) -> datetime:
    """A moment, in the property's zone."""
    return datetime.fromtimestamp(at_ms / 1000, ZoneInfo(property.timezone))


def _both_ms(property: Property, day: date, at: str) -> tuple[int, int]:
    """The two readings of a wall time; they differ only in the hour of a change."""
    wall = datetime.combine(day, time.fromisoformat(at), ZoneInfo(property.timezone))
    return int(wall.replace(fold=0).timestamp()) * 1000, int(wall.replace(fold=1).timestamp()) * 1000
