"""Doors of a hotel from a table (CSV): a dry run that names each bad line, then all of them or none."""

from __future__ import annotations

from lockmate import properties
from lockmate.db import transaction
from lockmate.errors import Refused
from lockmate.fitting.errors import RoomLineTwice
from lockmate.properties.errors import BadDoor, DoorExists
from lockmate.properties.models import Door, Property, Zone
from lockmate.protocol import U32_MAX, ZONE_MAX
from lockmate.staff import Actor, audit
from lockmate.tables import CsvEmpty, CsvLine, CsvLinesBad, rows

CSV_COLUMNS = {
    "number": ("number", "door number", "no", "no.", "编号", "门号"),
    "name": ("name", "room", "door", "房间", "房号", "房间号", "名称"),
    "class": ("class", "type", "类型", "类别"),
    "zones": ("zones", "zone", "区域", "分区"),
}
_REQUIRED = ("number",)
_CLASSES = {"": "room", "room": "room", "客房": "room", "common": "common", "公共": "common", "公共区": "common"}


def read_csv(property: Property, data: bytes | str) -> list[CsvLine]:
    """Every line with its fields, and what is wrong with it. Raises what `tables.rows` does, and CsvEmpty."""
    return [line for line, _ in _judged(property, data)]


def import_csv(property: Property, data: bytes | str, *, by: Actor) -> list[Door]:
    """The doors of all lines, or none: raises CsvLinesBad if a line is bad, and what `read_csv` raises."""
    by.within(property.id)
    with transaction():
        judged = _judged(property, data)
        bad = [line for line, _ in judged if line.error_code]
        if bad:
            raise CsvLinesBad(bad=len(bad), first=bad[0].number)
        made = [properties.add_door(property, *facts) for _, facts in judged if facts is not None]
        audit.record(by, "door:import", f"property {property.property_id}", doors=len(made))
        return made


_Facts = tuple[int, str, str, list[int]]


def _judged(property: Property, data: bytes | str) -> list[tuple[CsvLine, _Facts | None]]:
    """Each line with what `properties.add_door` wants; None for a bad one."""
    there = list(Door.select().where(Door.property == property))
    numbers: dict[int, int | None] = dict.fromkeys((door.number for door in there), None)
    names: dict[str, int | None] = dict.fromkeys((door.name.casefold() for door in there), None)
    zones = {zone.name.casefold(): zone.bit for zone in Zone.select().where(Zone.property == property)}
    found: list[tuple[CsvLine, _Facts | None]] = []
    for line, fields in rows(data, CSV_COLUMNS, _REQUIRED):
        try:
            facts = _door(fields, zones)
            _require_new(facts, numbers, names)
        except Refused as refused:
            found.append((CsvLine(line, fields, refused.code, refused.facts), None))
            continue
        numbers[facts[0]] = names[facts[1].casefold()] = line
        found.append((CsvLine(line, fields), facts))
    if not found:
        raise CsvEmpty
    return found


def _door(fields: dict[str, str], zones: dict[str, int]) -> _Facts:
    number = fields["number"]
    if not number.isascii() or not number.isdecimal() or not 0 < int(number) <= U32_MAX:
        raise BadDoor(field="number", value=number)
    name = fields["name"] or number
    if len(name) > 40:
        raise BadDoor(field="name", value=name)
    door_class = _CLASSES.get(fields["class"].casefold())
    if door_class is None:
        raise BadDoor(field="class", value=fields["class"])
    return int(number), name, door_class, [_zone(word, zones) for word in fields["zones"].replace("+", " ").split()]


def _zone(word: str, zones: dict[str, int]) -> int:
    """A zone by its name, or by the number of its bit."""
    if word.casefold() in zones:
        return zones[word.casefold()]
    if word.isascii() and word.isdecimal() and int(word) <= ZONE_MAX:
        return int(word)
    raise BadDoor(field="zones", value=word)


def _require_new(facts: _Facts, numbers: dict[int, int | None], names: dict[str, int | None]) -> None:
    number, name = facts[0], facts[1].casefold()
    if number in numbers or name in names:
        line = numbers.get(number) or names.get(name)
        if line is None:
            raise DoorExists(number=number, name=facts[1])
        raise RoomLineTwice(line=line)
