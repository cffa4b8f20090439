"""Pages ask the database a few times, however many guests, keys, doors and refusals are on them."""

from __future__ import annotations

import pytest

from lockmate import clock, doors, keys, records, stays
from lockmate.stays import Stay
from tools.bench import queries

MOST = 8


def refused(companion, verdict, key_id, **other):
    line = companion.line("refused", road="qr", verdict=verdict, key_id=key_id, **other)
    records.store(companion.row, [records.parse(companion.link_key, line)], clock.now_ms())


@pytest.fixture
def party(hotel, phones):
    """Three guests who moved, one of them with a new phone; refused here and there, once after a remote open."""
    companions = [hotel.companion(door) for door in ("801", "802", "Lift")]
    stay = hotel.checked_in("801")
    held = [phones("13800001234").gets_key(hotel, stay)]
    for number, name in (("13900005678", "Li Na"), ("13700009012", "Zhao Lei")):
        guest = stays.name_guest(Stay.get_by_id(stay.id), name, number, by=hotel.desk)
        held.append(phones(number).gets_key(hotel, Stay.get_by_id(stay.id), guest))
    for companion in companions:
        companion.reports()
    for key in held:
        keys.sheaf(key, clock.now_s())  # something is out that a door must refuse once it ended
    asked = doors.open_remotely(hotel.door("801"), reason="no_phone", by=hotel.desk)
    for number, key in enumerate(held):
        refused(companions[0], "privacy", key.key_id)
        refused(companions[1], "superseded", f"{number:016x}")
    refused(companions[0], "privacy", asked.key_id)
    stays.move(Stay.get_by_id(stay.id), hotel.door("802"), by=hotel.desk, at_once=True)
    stays.rekey(Stay.get_by_id(stay.id), [stay.present()[0]], by=hotel.desk)
    for companion in companions[1:]:
        companion.reports()
    return stay


def test_a_page_asks_no_more_than_eight_times(party, hotel, desk):
    hotel.draft("803", name="Sun Yue")
    paths = [
        f"/desk/stays/{party.id}", f"/desk/stays/{party.id}/guests", "/desk/", "/desk/rack", "/desk/arrivals",
        "/desk/in-house", "/desk/claims", "/desk/undelivered", "/desk/alarms",
    ]  # fmt: skip
    numbers = [hotel.door(name).number for name in ("801", "802", "Lift")]
    paths += [f"/desk/doors/{number}{part}" for number in numbers for part in ("", "/events", "/health", "/refusals")]
    counts = {}
    for path in paths:
        with queries.counted() as sent:
            page = desk.get(path)
        assert page.status_code == 200, path
        counts[path] = len(sent)
    assert {path: count for path, count in counts.items() if count > MOST} == {}


def test_one_more_guest_is_not_one_more_question(party, hotel, desk, phones):
    path = f"/desk/stays/{party.id}"
    with queries.counted() as before:
        desk.get(path)
    for number in range(3):
        phone = f"1360000{number:04}"
        guest = stays.name_guest(Stay.get_by_id(party.id), f"Joiner {number}", phone, by=hotel.desk)
        phones(phone).gets_key(hotel, Stay.get_by_id(party.id), guest)
    with queries.counted() as after:
        page = desk.get(path)
    assert "Joiner 2" in page.text
    assert len(after) == len(before)
