"""Takes a picture of each statement about a key, of dry runs, evictions, alarms and records, into build/shots/.

    .venv/bin/pytest cloud/tests/pages/shots_truth.py
"""

from __future__ import annotations

import pytest

from cloud.tests.pages.shots import look  # noqa: F401 - a fixture
from lockmate import clock, keys, records, staff, stays
from lockmate.doors import policies
from lockmate.keys import Key
from lockmate.stays import Stay

pytestmark = pytest.mark.browser


def hears(hotel, board, name):
    board.holds(policies.newest(hotel.door(name)))
    board.reports()


def test_each_statement(look, hotel, phone, site):  # noqa: F811
    (wang, li, _), shoot, screen = look
    staff.Account.update(role="manager").execute()
    anna = screen()
    anna.logs_in()
    room, lift = hotel.companion("801"), hotel.companion("Lift")
    stay = hotel.draft("801", name=wang)
    key = phone.gets_key(hotel, stay)
    shoot(anna.opens(f"/desk/stays/{stay.id}"), "80-prepared")
    stays.check_in(Stay.get_by_id(stay.id), by=hotel.desk)
    for board, name in ((room, "801"), (lift, "Lift")):
        hears(hotel, board, name)
    keys.sheaf(Key.get_by_id(key.id), clock.now_s())
    address = f"/desk/stays/{stay.id}"
    shoot(anna.opens(address), "81-opens-until")
    draft = hotel.draft("801", name=li)
    page = anna.opens(f"/desk/stays/{draft.id}")
    page.locator(f"form[action$='/stays/{draft.id}/check-in'] button").click()
    page.locator("#confirmed").wait_for()
    shoot(page, "82-evict")
    stays.reschedule(Stay.get_by_id(stay.id), ends_at=clock.now_ms() + 3_600_000, by=hotel.desk)
    shoot(anna.opens(address), "83-opens-until-and-a-code-may-longer")
    stays.check_out(Stay.get_by_id(stay.id), by=hotel.desk)
    shoot(anna.opens(address), "84-may-still-open")
    page.locator("a[href*='would-open']").first.click()
    page.locator("dialog[open] .dialog-body > *").first.wait_for()
    shoot(page, "85-dry-run", full=False)
    room.reports(clock=[clock.now_s() - 90_000, None])
    shoot(anna.opens(address), "86-may-still-open-unknown")
    for board, name in ((room, "801"), (lift, "Lift")):
        hears(hotel, board, name)
    shoot(anna.opens(address), "87-ended-confirmed")
    other = hotel.checked_in("802", name=li)
    ahead = hotel.companion("802")
    ahead.generation = 7
    ahead.reports(policy_version=ahead.policy_version + 9_000_000)
    shoot(anna.opens(f"/desk/stays/{other.id}"), "88-ahead")
    shoot(anna.opens("/desk/doors/802"), "89-drift")
    lines = [
        room.line("opened", road="qr", verdict="open", key_id=key.key_id, generation=1),
        room.line("boot"),
        room.line("forced"),
        room.line("card_open", card=None),
        room.line("opened", road="qr", verdict="open", key_id="00" * 8, generation=1),
    ]
    told = [records.parse(room.link_key, line) for number, line in enumerate(lines) if number != 1]
    records.store(room.row, told, clock.now_ms())
    records.reconcile()
    shoot(anna.opens("/desk/records"), "90-records")
    page = anna.opens("/desk/alarms")
    shoot(page, "91-alarms")
    page.locator("a[href$='/acknowledge']").first.click()
    page.locator("dialog[open] #note").wait_for()
    shoot(page, "92-acknowledge", full=False)
