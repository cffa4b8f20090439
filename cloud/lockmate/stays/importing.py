"""Orders from a table (CSV): read and judged line by line, then entered all or not at all.

The first line names the columns, in any order, in English or Chinese (`CSV_COLUMNS`); name, arrival and departure
are required (`lockmate.tables` reads the text). Dates: 2026-11-24, 2026/11/24, 2026.11.24, 20261124 or 2026年11月24日.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from lockmate.db import transaction
from lockmate.errors import BadDates, Refused
from lockmate.properties.models import Door, Property
from lockmate.staff import Actor, audit, once
from lockmate.stays import entering
from lockmate.stays.errors import CsvRoomTwice, CsvRoomUnknown, OrderExists
from lockmate.stays.models import Order
from lockmate.tables import CsvEmpty, CsvLine, CsvLinesBad, rows

CSV_COLUMNS = {
    "name": ("name", "guest", "guest name", "姓名", "客人", "客人姓名", "入住人"),
    "phone": ("phone", "mobile", "tel", "手机", "手机号", "电话", "联系电话"),
    "arrival": ("arrival", "check-in", "check in", "入住", "入住日期", "到店日期"),
    "departure": ("departure", "check-out", "check out", "离店", "离店日期", "退房日期"),
    "room": ("room", "房间", "房号", "房间号"),
    "group": ("group", "团队", "团队名称", "团名"),
}
_REQUIRED = ("name", "arrival", "departure")
_DATES = (
    re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})"),
    re.compile(r"([0-9]{4})()([0-9]{2})([0-9]{2})"),
    re.compile(r"([0-9]{4})()年([0-9]{1,2})月([0-9]{1,2})日?"),
)


def read_csv(property: Property, data: bytes | str) -> list[CsvLine]:
    """A dry run: every line with its fields, and what is wrong with it.

    Raises CsvUnreadable, CsvColumns, CsvEmpty, CsvTooLong where no line can be told from another.
    """
    return [line for line, _ in _judged(property, data)]


@once("order:import")
def import_csv(property: Property, data: bytes | str, *, by: Actor) -> list[Order]:
    """The orders of all lines, or none: raises CsvLinesBad if a line is bad, and what `read_csv` raises."""
    by.within(property.id)
    with transaction():
        judged = _judged(property, data)
        bad = [line for line, _ in judged if line.error_code]
        if bad:
            raise CsvLinesBad(bad=len(bad), first=bad[0].number)
        entered = [
            entering.enter(
                property,
                facts["guest_name"],
                facts["phone"],
                facts["arrival"],
                facts["departure"],
                facts["room"],
                group=facts["group"],
                by=by,
            )
            for _, facts in judged
        ]
        audit.record(by, "order:import", f"property {property.property_id}", orders=len(entered))
        return entered


def _judged(property: Property, data: bytes | str) -> list[tuple[CsvLine, dict[str, Any]]]:
    """Each line with the facts of its order; those of a bad one are not to be used."""
    rooms = {room.name.casefold(): room for room in Door.select().where(Door.property == property)}
    found: list[tuple[CsvLine, dict[str, Any]]] = []
    wanted: dict[int, list[tuple[CsvLine, dict[str, Any]]]] = {}
    for number, fields in rows(data, CSV_COLUMNS, _REQUIRED):
        try:
            facts = _order(property, fields, rooms)
            _require_new(property, facts)
            mates = wanted.setdefault(facts["room"].id, []) if facts["room"] is not None else []
            _require_room_once(mates, facts)
        except Refused as refused:
            found.append((CsvLine(number, fields, refused.code, refused.facts), {}))
            continue
        found.append((CsvLine(number, fields), facts))
        mates.append(found[-1])
    if not found:
        raise CsvEmpty
    return found


def _order(property: Property, fields: dict[str, str], rooms: dict[str, Door]) -> dict[str, Any]:
    room = None
    if fields["room"]:
        room = rooms.get(fields["room"].casefold())
        if room is None:
            raise CsvRoomUnknown(room=fields["room"])
    arrival, departure = _date("arrival", fields["arrival"]), _date("departure", fields["departure"])
    return entering.checked(property, fields["name"], fields["phone"], arrival, departure, room, fields["group"])


def _require_new(property: Property, facts: dict[str, Any]) -> None:
    """A file that is sent twice enters nothing twice."""
    same = [Order.property == property, Order.state == "booked"]
    same += [
        Order.room.is_null() if name == "room" and value is None else getattr(Order, name) == value
        for name, value in facts.items()
    ]
    earlier = Order.get_or_none(*same)
    if earlier is not None:
        raise OrderExists(order=earlier.number)


def _require_room_once(earlier: list[tuple[CsvLine, dict[str, Any]]], facts: dict[str, Any]) -> None:
    """No two lines want one room on the same day of arrival or in the same night; `earlier` want this one."""
    for line, other in earlier:
        if _overlap(other, facts):
            raise CsvRoomTwice(room=facts["room"].name, line=line.number)


def _overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    if one["arrival"] == other["arrival"]:
        return True
    return bool(one["arrival"] < other["departure"] and other["arrival"] < one["departure"])


def _date(name: str, text: str) -> date:
    for form in _DATES:
        parts = form.fullmatch(text)
        if parts is not None:
            try:
                return date(int(parts[1]), int(parts[3]), int(parts[4]))
            except ValueError:
                break
    raise BadDates(field=name, value=text)
