"""Takes a picture of every page of the desk's journeys, phone and desk size, both languages, into build/shots/.

    .venv/bin/pytest cloud/tests/pages/shots_journeys.py
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from cloud.tests.pages.shots import look  # noqa: F401 - a fixture
from lockmate import clock, doors, keys, records, staff, stays
from lockmate.doors import RemoteOpen, policies
from lockmate.stays import Guest, Stay

pytestmark = pytest.mark.browser


def dialog(page, shoot, address, name):
    """Press the link to an address, and look at the dialog that opens."""
    page.locator(f"a[data-steps][href$='{address}']").first.click()
    page.locator("dialog[open] .dialog-body > *").first.wait_for()
    shoot(page, name, full=False)
    page.keyboard.press("Escape")


def test_the_desks_journeys(look, hotel, phone, phones, site):  # noqa: F811 - a walk through all pages
    (wang, li, chen), shoot, screen = look
    anna = screen()
    anna.logs_in()
    companion = hotel.companion("801")
    companion.reports()
    stay = hotel.draft("801", name=wang)
    key = phone.gets_key(hotel, stay)
    joiner = stays.name_guest(Stay.get_by_id(stay.id), chen, by=hotel.desk)
    phones("13900005678").gets_key(hotel, Stay.get_by_id(stay.id), joiner)
    stays.name_guest(Stay.get_by_id(stay.id), f"{li} ({wang})", by=hotel.desk)
    stays.check_in(Stay.get_by_id(stay.id), by=hotel.desk)
    stays.pay(Stay.get_by_id(stay.id), 38000, "CNY", "wechat", "押金 deposit", by=hotel.desk)
    other = hotel.checked_in("802", name=li)
    companion.holds(policies.newest(hotel.door("801")))
    companion.reports(generation=1)
    lines = [
        companion.line("refused", road="qr", verdict="privacy", key_id=key.key_id),
        companion.line("refused", road="qr", verdict="expired", count=3),
    ]
    records.store(companion.row, [records.parse(companion.link_key, line) for line in lines], clock.now_ms())
    orders = [hotel.order(name=name) for name in (wang, li, chen)]
    late = hotel.order(name=f"{li} & {wang}", arrival=hotel.today() - timedelta(days=1), nights=1)
    stays.orders.enter(hotel.property, chen, "", hotel.today(), hotel.today(), None, group="Tour 7", by=hotel.desk)

    shoot(anna.opens("/desk/in-house"), "60-in-house")
    page = anna.opens("/desk/walk-in")
    shoot(page, "61-walk-in")
    page.locator("summary").click()
    page.fill("#name-1", wang)
    page.fill("#amount", "x")
    page.locator("label.pick").first.click()
    page.locator("main form button.main").click()
    page.locator("[role=alert]").wait_for()
    shoot(page, "62-walk-in-wrong")

    page = anna.opens(f"/desk/stays/{stay.id}")
    shoot(page, "63-stay")
    for address, name in (
        ("/extend", "64-extend"), ("/move", "65-move"), ("/rekey", "66-rekey"), ("/payments", "67-pay"),
        ("/rename", "68-rename"), ("/remove", "69-remove"), ("/authorise-again", "70-again"),
    ):  # fmt: skip
        dialog(page, shoot, address, name)
    shoot(anna.opens(f"/desk/stays/{stay.id}/move"), "65-move-page")
    stays.move(Stay.get_by_id(stay.id), hotel.door("803"), by=hotel.desk)
    page = anna.opens(f"/desk/stays/{stay.id}")
    shoot(page, "71-moving")
    dialog(page, shoot, "/move-back", "72-move-back")
    shoot(anna.opens("/desk/"), "73-rack-moving")
    keys.sheaf(keys.Key.get_by_id(key.id), clock.now_s())
    stays.rekey(Stay.get_by_id(stay.id), [Guest.get_by_id(joiner.id)], by=hotel.desk)
    shoot(anna.opens(f"/desk/stays/{stay.id}"), "74-rekeyed")
    stays.check_out(Stay.get_by_id(other.id), by=hotel.desk)
    page = anna.opens(f"/desk/stays/{other.id}")
    shoot(page, "75-ended")
    dialog(page, shoot, "/undo-check-out", "76-undo")

    page = anna.opens("/desk/arrivals")
    shoot(page, "77-arrivals")
    dialog(page, shoot, f"/orders/{late.id}/no-show", "78-no-show")
    shoot(anna.opens("/desk/orders/group?" + "&".join(f"order={order.id}" for order in orders)), "79-group")
    shoot(anna.opens("/desk/orders/new"), "80-new-order")
    page = anna.opens("/desk/orders/import")
    today = hotel.today().isoformat()
    tomorrow = (hotel.today() + timedelta(days=1)).isoformat()
    page.fill("#text", f"name,arrival,departure,room,group\n{wang} A,{today},{tomorrow},804,T\n{li},soon,{today},,\n")
    shoot(page, "81-import")
    page.locator("main form button.main").click()
    page.locator("[role=alert]").wait_for()
    shoot(page, "82-import-table")

    page = anna.opens("/desk/doors/801")
    page.locator("a[data-steps][href$='/open']").click()
    page.locator("dialog[open] #reason").select_option("no_phone")
    shoot(page, "83-open", full=False)
    page.locator("dialog[open] button.main").click()
    page.locator(".opens").wait_for()
    shoot(page, "84-door-waiting")
    RemoteOpen.update(answer="privacy").execute()
    dialog(page, shoot, "/reset", "85-reset")
    page.locator("a[data-steps][href$='/reset']").click()
    page.locator("dialog[open] button.main").click()
    page.locator("dialog[open] canvas:not([hidden])").wait_for()
    shoot(page, "86-reset-shown", full=False)
    page = anna.opens("/desk/doors/804")
    page.locator("a[data-steps][href$='/open']").click()
    page.locator("dialog[open] #reason").select_option("other")
    page.locator("dialog[open] button.main").click()
    page.locator("dialog[open] .note.bad").wait_for()
    page.locator("dialog[open] summary").click()
    shoot(page, "87-failure-dialog", full=False)

    staff.Account.update(role="manager").execute()
    claim = phones("13700009999").claims_at(hotel)
    page = anna.opens("/desk/staff-keys")
    page.locator(f"[data-id=claim-{claim.id}]").click()
    page.locator("dialog[open] #who").fill(chen)
    page.locator("dialog[open] label.pick").first.click()
    shoot(page, "88-issue-staff", full=False)
    page.locator("dialog[open] button.main").click()
    page.locator("main .note.good").first.wait_for()
    shoot(page, "89-staff-keys")
    dialog(page, shoot, "kind=staff", "90-raise")
    doors.raise_epoch(hotel.property, "staff", by=hotel.desk)
    page = anna.opens("/desk/staff-keys/printed")
    shoot(page, "91-print-ask")
    page.locator("main form button.main").click()
    page.locator("canvas:not([hidden])").first.wait_for()
    shoot(page, "92-printed")
