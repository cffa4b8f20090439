"""What is done to properties: made, found, given doors and zones."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from datetime import time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lockmate.db import transaction
from lockmate.errors import NotFound
from lockmate.properties.errors import BadDoor, BadProperty, DoorExists
from lockmate.properties.models import Door, Property, Zone
from lockmate.protocol import DOOR_CLASSES, U32_MAX, ZONE_MAX

_SLOT_SECONDS = (60, 3_600)
_OVERLAP_MAX = 600
_CURRENCY = re.compile(r"[A-Z]{3}")


def create(
    name: str,
    timezone: str,
    *,
    check_in_time: str = "14:00",
    check_out_time: str = "12:00",
    day_use_end: str = "18:00",
    currency: str = "CNY",
    slot_seconds: int = 300,
    property_id: str | None = None,
) -> Property:
    """A new property with its own 8-byte id; `doors.commission` also makes its keys and CA."""
    name = name.strip()
    if not 0 < len(name) <= 80:
        raise BadProperty(field="name")
    _check_timezone(timezone)
    times = {"check_in_time": check_in_time, "check_out_time": check_out_time, "day_use_end": day_use_end}
    for field, text in times.items():
        _check_time(field, text)
    if not _CURRENCY.fullmatch(currency):
        raise BadProperty(field="currency")
    if not _SLOT_SECONDS[0] <= slot_seconds <= _SLOT_SECONDS[1]:
        raise BadProperty(field="slot_seconds")
    with transaction():
        return Property.create(
            property_id=property_id or os.urandom(8).hex(),
            name=name,
            timezone=timezone,
            **times,
            currency=currency,
            slot_seconds=slot_seconds,
        )


def set_sheaf(property: Property, slot_seconds: int, overlap_seconds: int) -> None:
    """How cards are cut into codes; who may is `staff.set_sheaf`. Raises BadProperty.

    The overlap covers what a phone's clock and a slow hand may be late by; longer than a slot it would only make a
    photograph of the code good for longer.
    """
    if not _SLOT_SECONDS[0] <= slot_seconds <= _SLOT_SECONDS[1]:
        raise BadProperty(field="slot_seconds")
    if not 0 <= overlap_seconds <= min(slot_seconds, _OVERLAP_MAX):
        raise BadProperty(field="overlap_seconds")
    with transaction():
        Property.update(slot_seconds=slot_seconds, overlap_seconds=overlap_seconds).where(
            Property.id == property.id
        ).execute()
    property.slot_seconds, property.overlap_seconds = slot_seconds, overlap_seconds


def the(property_id: str) -> Property:
    """The property with this id (16 hex digits); raises NotFound."""
    found = Property.get_or_none(Property.property_id == property_id)
    if found is None:
        raise NotFound(what="property")
    return found


def add_zone(property: Property, bit: int, name: str) -> Zone:
    """Name zone `bit` (0..31) of a property."""
    if not 0 <= bit <= ZONE_MAX:
        raise BadDoor(field="zone")
    with transaction():
        return Zone.create(property=property, bit=bit, name=name.strip())


def add_door(property: Property, number: int, name: str, door_class: str, zones: Iterable[int] = ()) -> Door:
    """A new door; `zones` are the bits (0..31) of the zones it lies in."""
    mask = 0
    for bit in zones:
        if not 0 <= bit <= ZONE_MAX:
            raise BadDoor(field="zones")
        mask |= 1 << bit
    name = name.strip()
    if not 0 < number <= U32_MAX:
        raise BadDoor(field="number")
    if not 0 < len(name) <= 40:
        raise BadDoor(field="name")
    if door_class not in DOOR_CLASSES:
        raise BadDoor(field="class")
    with transaction():
        same = (Door.number == number) | (Door.name == name)
        if Door.select().where(Door.property == property, same).exists():
            raise DoorExists(number=number, name=name)
        return Door.create(property=property, number=number, name=name, door_class=door_class, zones=mask)


def door_of(property: Property, number: int) -> Door:
    """The door with this number; another hotel's is not found."""
    found: Door | None = Door.get_or_none(Door.property == property, Door.number == number)
    if found is None:
        raise NotFound(what="door")
    found.property = property
    return found


def door_named(property: Property, name: str) -> Door:
    """The door that is called so; another hotel's is not found."""
    found = Door.get_or_none(Door.property == property, Door.name == name.strip())
    if found is None:
        raise NotFound(what="door")
    return found


def rooms_of(property: Property) -> list[Door]:
    """The doors of class room, by number."""
    return list(Door.select().where(Door.property == property, Door.door_class == "room").order_by(Door.number))


def _check_timezone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadProperty(field="timezone", value=name) from None


def _check_time(field: str, text: str) -> None:
    try:
        good = len(text) == 5 and time.fromisoformat(text) is not None
    except ValueError:
        good = False
    if not good:
        raise BadProperty(field=field, value=text)
