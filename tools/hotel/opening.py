"""Opens the demo hotel: property, doors, an account, today's arrivals, and the companions with their flash images.

Run as `python -m tools.hotel.opening` with the hotel's settings around it; it does only what is still missing.
"""

from __future__ import annotations

import argparse
import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from lockmate import clock, db, doors, pki, properties, settings, staff
from lockmate.properties.models import Door, Property
from lockmate.stays import orders
from lockmate.stays.models import Order
from tools.virtual.image import make_image

NAME = "门锁伴侣示范酒店 / Lockmate Demo Hotel"
TIMEZONE = "Asia/Shanghai"
ACCOUNT, PASSWORD = "demo", "lockmate-demo"
GUEST_ZONE = 0
FLOORS = {8: 1, 9: 2}  # floor: its zone, for staff keys
ROOMS = (801, 802, 803, 804, 901, 902, 903, 904)
COMMON = ((9001, "健身房 Gym"), (9002, "电梯 Lift"))
COMPANIONS = (801, 802, 9001)  # doors with a virtual companion
SUITE = 801  # gets a second one, where a suite is asked for
# who arrives today: name, phone, nights, the room wished for
ARRIVALS = (
    ("王小明", "13800138000", 1, 801),
    ("Ada Lovelace", "+447700900123", 2, 802),
    ("李静", "13912345678", 3, None),
    ("陈 强", "13700001111", 1, None),
)


def the_property() -> Property:
    """The demo property, made at the first call with its zone, doors and account."""
    found: Property | None = Property.get_or_none(Property.name == NAME)
    if found is not None:
        return found
    made = doors.commission(NAME, TIMEZONE)
    properties.add_zone(made, GUEST_ZONE, "客人公共区 Guests")
    for floor, bit in FLOORS.items():
        properties.add_zone(made, bit, f"{floor} 楼 Floor {floor}")
    for number in ROOMS:
        properties.add_door(made, number, str(number), "room", [FLOORS[number // 100]])
    for number, name in COMMON:
        properties.add_door(made, number, name, "common", [GUEST_ZONE])
    staff.create_account(made, ACCOUNT, PASSWORD, "manager")
    return made


def enrol_companions(property: Property, *, suite: bool = False) -> None:
    """Give the doors of COMPANIONS a companion each and write `doors.json`; what is there stays as it is."""
    wanted = [(number, f"demo-{number}") for number in COMPANIONS]
    if suite:
        wanted.append((SUITE, f"demo-{SUITE}-b"))
    data = settings.current().data
    listed = []
    for number, companion_id in wanted:
        door = properties.door_of(property, number)
        flash = data / "flash" / f"{companion_id}.img"
        if not flash.exists():
            key = pki.device_key(companion_id)
            enrolled = doors.companions.enrol(property, door, companion_id, key.request)
            make_image(flash, {**enrolled.files, "/key.der": key.key_der})
        listed.append({"companion_id": companion_id, "name": door.name, "number": number, "class": door.door_class,
                       "flash": str(flash.relative_to(data))})
    (data / "doors.json").write_text(json.dumps(listed, ensure_ascii=False, indent=1) + "\n", "utf-8")


def book_arrivals(property: Property) -> None:
    """Orders for today in the property's zone, unless it has some."""
    today = datetime.fromtimestamp(clock.now_s(), ZoneInfo(TIMEZONE)).date()
    if Order.select().where(Order.property == property, Order.arrival == today).exists():
        return
    by = staff.Actor.system(property, "demo")
    for name, phone, nights, wished in ARRIVALS:
        room = Door.get_or_none(Door.property == property, Door.number == wished) if wished else None
        orders.enter(property, name, phone, today, today + timedelta(days=nights), room, by=by)


def main(argv: list[str] | None = None) -> int:
    """0 when the hotel is open."""
    parser = argparse.ArgumentParser(prog="python -m tools.hotel.opening", description=__doc__)
    parser.add_argument("--no-arrivals", action="store_true", help="book nobody")
    parser.add_argument("--suite", action="store_true", help=f"a second companion at door {SUITE}")
    words = parser.parse_args(argv)
    chosen = settings.use(settings.load())
    db.connect(chosen)
    hotel = the_property()
    enrol_companions(hotel, suite=words.suite)
    if not words.no_arrivals:
        book_arrivals(hotel)
    print(f"{NAME} is open ({hotel.property_id}).")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
