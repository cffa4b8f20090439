"""When a stay begins and ends: dates at the property's wall times, in its zone."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from lockmate.properties.models import Property


def of_dates(property: Property, arrival: date, departure: date) -> tuple[int, int]:
    """(starts_at, ends_at) in ms. Where the clocks go back, an hour that exists twice counts for the guest.

    One that departs on the day it arrives is day use; if the house's check-in time is after its end, it begins
    with the day.
    """
    starts, ends = _ms(property, arrival, property.check_in_time, 0), end_of(property, arrival, departure)
    return (starts if starts < ends else _ms(property, arrival, "00:00", 0)), ends


def end_of(property: Property, arrival: date, departure: date) -> int:
    """When a stay that arrives and departs on these days ends, in ms."""
    return _ms(property, departure, property.day_use_end if departure == arrival else property.check_out_time, 1)


def today(property: Property, now_ms: int) -> date:
    """The date at the property."""
    return local(property, now_ms).date()


def local(property: Property, at_ms: int) -> datetime:
    """A moment, in the property's zone."""
    return datetime.fromtimestamp(at_ms / 1000, ZoneInfo(property.timezone))


def _ms(property: Property, day: date, at: str, fold: int) -> int:
    moment = datetime.combine(day, time.fromisoformat(at), ZoneInfo(property.timezone)).replace(fold=fold)
    return int(moment.timestamp()) * 1000
