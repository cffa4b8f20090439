"""The desk's journeys through real pages, each in both languages, on a desk's screen and on a phone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cloud.tests.gates import Door
from lockmate import clock, keys, properties, records, stays
from lockmate.doors import policies
from lockmate.keys import Key
from lockmate.stays import Guest, Order, Payment, Stay

pytestmark = pytest.mark.browser

# In byte mode these versions hold 106 characters: 151 can only have been alphanumeric (ISO/IEC 18004, table 7).
VERSIONS = {("5", "L"), ("6", "M")}
COLUMNS = {"en": "name,arrival,departure,room,group", "zh-CN": "姓名,入住日期,离店日期,房号,团队"}


def issues(walk, guest, code, last4):
    """The lock beside a name, the phone with the code, and they match."""
    desk = walk.desk
    desk.presses("guests.issue_to", guest=guest)
    desk.answers("claims.pick_this", code=code)
    desk.dialog.locator(".match").wait_for()
    assert desk.dialog.locator(".match strong").all_inner_texts() == [code, last4]
    desk.fits()
    desk.answers("authorise.go")


def in_house(hotel, phone, room="801", **order):
    """A stay whose guest holds a key."""
    stay = hotel.draft(room, **order)
    phone.gets_key(hotel, stay)
    return stays.check_in(Stay.get_by_id(stay.id), by=hotel.desk)


def pick(page, room):
    page.get_by_role("radio", name=room).check()


def row_of(page, name):
    return page.locator("tr", has_text=name)


def test_from_the_order_to_the_first_open(walk, hotel, site, heard, time):
    desk, guest = walk.desk, walk.guest
    companion = hotel.companion("801")
    page = desk.page
    desk.presses("nav.arrivals")
    desk.presses("arrivals.new")
    page.fill("#guest_name", walk.name)
    desk.presses("new_order.go")
    desk.sees("prepare.title", guest=walk.name)
    pick(page, "801")
    desk.presses("prepare.go")
    desk.sees("draft.title", room="801")
    page.fill("#guest-name", walk.joiner)
    desk.presses("guests.add")
    desk.sees("guests.added", guest=walk.joiner)

    desk.presses("nav.qr")  # the page of the draft is left, and nothing is lost
    desk.fits()
    guest.opens(desk.reads().removeprefix(site))
    guest.page.fill("#phone", "138 0000 1234")
    guest.presses("claim.go")
    guest.sees("waiting.title")
    code = guest.page.locator("strong.code").first.inner_text()
    desk.presses("nav.arrivals")
    desk.presses("arrivals.resume")
    desk.says(walk.joiner)
    issues(walk, walk.name, code, "1234")
    desk.sees("guests.key_issued_draft", guest=walk.name, room="801")
    guest.page.wait_for_url("**/g/card")
    guest.sees("card.prepared")
    assert Guest.get().phone == "13800001234"
    desk.says("1234")

    desk.presses("draft.go")
    desk.sees("stay.done_check_in", room="801")
    guest.sees("card.show")
    guest.page.locator("canvas:visible").wait_for()
    code = guest.decoded()
    assert (code.extra["Version"], code.ec_level) in VERSIONS and len(code.text) == 151
    door = heard(companion)
    assert [door.scan(text, time.now_s) for text in (code.text, code.text[:-1])] == ["open", "malformed"]
    assert Door(hotel.companion("802")).scan(code.text, time.now_s) == "wrong_door"

    desk.presses("stay.check_out")
    desk.answers("check_out.go")
    desk.sees("stay.done_check_out", room="801")
    door.hears_newest(hotel, "801")
    assert door.scan(code.text, time.now_s) in {"revoked", "superseded"}
    guest.presses("card.refresh")
    guest.sees("card.ended")


def test_orders_that_come_in_a_table_and_orders_that_nobody_comes_for(walk, hotel):
    desk, page = walk.desk, walk.desk.page
    today, tomorrow = hotel.today(), hotel.today() + timedelta(days=1)
    lines = [f"Guest {room},{today},{tomorrow},{room},Tour" for room in (801, 999)]
    desk.presses("nav.arrivals")
    desk.presses("import.title")
    page.fill("#text", "\n".join([COLUMNS[walk.language], *lines]))
    desk.presses("import.look")
    desk.sees("error.csv_room_unknown.what", room=999)
    desk.sees("import.bad", bad=1, good=1)
    assert page.get_by_role("button", name=walk.t("import.go", count=1)).is_disabled()
    desk.presses("import.back")
    page.fill("#text", "\n".join([COLUMNS[walk.language], *lines]).replace("999", "802"))
    desk.presses("import.look")
    desk.presses("import.go", count=2)
    desk.sees("import.done", count=2)
    for key, name in (("cancel_order", "Guest 801"), ("no_show", "Guest 802")):
        order = Order.get(Order.guest_name == name)
        desk.presses(f"{key}.short", within=row_of(page, name))
        desk.fits()
        desk.answers(f"{key}.go")
        desk.sees(f"{key}.done", number=order.number)
    assert [order.state for order in Order.select().order_by(Order.id)] == ["cancelled", "no_show"]


def test_a_walk_in_pays_and_gets_the_keys_on_the_in_house_page(walk, hotel, phone, phones, heard, time):
    desk, page = walk.desk, walk.desk.page
    companion = hotel.companion("802")
    desk.presses("nav.in_house")
    desk.presses("walk_in.title")
    pick(page, "802")
    page.fill("#name-1", walk.name)
    page.fill("#amount", "380.50")
    page.select_option("#method", "wechat")
    desk.fits()
    desk.presses("draft.go")
    desk.sees("walk_in.done", room="802")
    desk.sees("payment_method.wechat")
    assert (Payment.get().amount_minor, Payment.get().method) == (38050, "wechat")
    page.fill("#guest-name", walk.joiner)  # the joiner comes later, and stays written down
    desk.presses("guests.add")
    desk.sees("guests.added", guest=walk.joiner)
    claims = [phone.claims_at(hotel), phones("13900005678").claims_at(hotel)]
    for name, claim in zip((walk.name, walk.joiner), claims, strict=True):
        desk.presses("nav.in_house")
        desk.fits()
        issues(walk, name, claim.code, claim.phone[-4:])
        desk.sees("guests.key_issued", guest=name, room="802")

    door = heard(companion, "802")
    shown = Stay.get().present()[1].key
    text = keys.sheaf(shown, time.now_s)[0].text
    assert door.scan(text, time.now_s) == "open"
    desk.presses("remove.for", guest=walk.joiner)
    desk.sees("remove.does", guest=walk.joiner, room="802")
    desk.answers("remove.go")
    desk.sees("remove.done", guest=walk.joiner)
    desk.sees("truth.tag.ended_may_open")
    door.hears_newest(hotel, "802")
    assert door.scan(text, time.now_s) == "revoked"
    companion.holds(policies.newest(hotel.door("802")))
    companion.reports()
    desk.sees("truth.says.ended_confirmed")


def test_a_stay_is_extended_and_shortened_moved_and_moved_back(walk, hotel, phone, time):
    desk, page = walk.desk, walk.desk.page
    stay = in_house(hotel, phone, name=walk.name, nights=2)
    desk.opens(f"/desk/stays/{stay.id}")
    for days, told in ((4, "extend.done_longer"), (1, "extend.done_shorter")):
        desk.presses("extend.short")
        desk.dialog.locator("#departure").fill((hotel.today() + timedelta(days=days)).isoformat())
        desk.sees("extend.does")
        desk.answers("extend.go")
        desk.sees(told)
        assert Key.get().ends_at == Stay.get().ends_at

    desk.presses("move.short")
    pick(desk.dialog, "803")
    desk.sees("move.grace_does", room="801", minutes=15)
    desk.answers("move.go")
    desk.sees("move.done", old="801", new="803")
    desk.sees("move.running", old="801", new="803")
    stays.note_opened(Stay.get().present()[0].key.key_id, clock.now_ms(), hotel.door("803").id)
    page.locator(".moving").wait_for(state="detached")
    desk.sees("key_ended.moved")

    page.reload()
    desk.presses("move_back.short", room="801")
    desk.sees("move_back.does", old="801", new="803")
    desk.answers("move_back.go")
    desk.sees("move_back.done", room="801")
    desk.presses("move_back.short", room="803", within=page.locator(".moving"))
    desk.sees("move_back.does_running", old="803", new="801")
    desk.answers("move_back.go")
    desk.sees("move_back.done", room="803")

    desk.presses("move.short")
    pick(desk.dialog, "802")
    desk.dialog.get_by_role("radio", name=walk.t("move.at_once")).check()
    desk.answers("move.go")
    desk.sees("move.done_at_once", old="803", new="802")
    assert Stay.get().room.name == "802"


def test_a_phone_is_lost_and_a_check_out_is_undone(walk, hotel, phone, phones):
    desk = walk.desk
    stay = in_house(hotel, phone, name=walk.name)
    joiner = stays.name_guest(Stay.get_by_id(stay.id), walk.joiner, by=hotel.desk)
    phones("13900005678").gets_key(hotel, Stay.get_by_id(stay.id), joiner)
    desk.opens(f"/desk/stays/{stay.id}")
    desk.presses("rekey.short")
    desk.dialog.get_by_role("checkbox", name=walk.joiner).check()
    desk.sees("rekey.does")
    desk.answers("rekey.go")
    desk.sees("rekey.done", guests=walk.joiner)
    desk.sees("key_ended.lost")
    desk.sees("key_ended.rekeyed")
    assert Stay.get().present()[0].key.state == "active"

    desk.presses("stay.check_out")
    desk.sees("check_out.does", keys=1)
    desk.answers("check_out.go")
    desk.sees("stay.done_check_out", room="801")
    desk.presses("undo.short")
    desk.sees("undo.does", room="801")
    desk.answers("undo.go")
    desk.sees("undo.done", room="801")
    assert (Stay.get().state, Stay.get().present()[0].key.state) == ("in_house", "active")


def test_day_use_early_arrival_two_rooms_a_suite_and_a_group_of_ten(walk, hotel, phone, time):
    desk, page = walk.desk, walk.desk.page
    leaving = in_house(hotel, phone, name=walk.joiner)
    today = hotel.today()
    hotel.property.day_use_end = "23:59"  # whatever the time of the day is
    hotel.property.save()
    early = stays.orders.enter(hotel.property, walk.name, "", today, today, hotel.door("801"), by=hotel.desk)
    desk.presses("nav.arrivals")
    desk.sees("order.day_use")
    desk.presses("arrivals.check_in", within=row_of(page, early.number))
    desk.sees("room.occupied")  # the guest is early: the room that was ordered is not free yet
    assert page.get_by_role("radio", name="801").is_disabled()
    stays.check_out(Stay.get_by_id(leaving.id), by=hotel.desk)
    suite = [hotel.companion("801", f"c-801-{which}") for which in ("door", "lounge")]
    page.reload()
    pick(page, "801")
    desk.presses("prepare.go")
    desk.presses("draft.go")
    desk.sees("stay.done_check_in", room="801")
    desk.sees("stay.rules_behind", room="801")
    stay = Stay.get(Stay.order == early)
    assert f"{stays.bounds.local(hotel.property, stay.ends_at):%H:%M}" == hotel.property.day_use_end
    for companion in suite:  # both doors of the suite
        companion.holds(policies.newest(hotel.door("801")))
        companion.reports(generation=stay.generation)
    desk.sees("stay.rules_in_step", room="801")

    phone.gets_key(hotel, stay)
    other = hotel.checked_in("802", name=walk.name)
    desk.opens(f"/desk/stays/{other.id}")
    desk.presses("again.for", guest=walk.name)
    desk.dialog.get_by_role("radio", name="801").check()
    desk.sees("again.does", room="802")
    desk.answers("again.go")
    desk.sees("guests.key_issued", guest=walk.name, room="802")
    assert len({key.holder_id for key in Key.select().where(Key.state == "active")}) == 1

    rooms = [properties.add_door(hotel.property, number, str(number), "room") for number in range(821, 831)]
    for room in rooms:
        stays.orders.enter(hotel.property, f"T {room.name}", "", today, today + timedelta(days=1), room, group="Tour",
                           by=hotel.desk)
    desk.opens("/desk/arrivals?q=Tour")
    page.locator("[data-picks]:disabled").wait_for()
    for box in page.locator(".arrivals input[type=checkbox]").all():
        box.check()
    desk.presses("group.start")
    desk.sees("group.does")
    desk.presses("group.go", count=10)
    desk.sees("group.done", count=10)
    assert Stay.select().where(Stay.room.in_(rooms), Stay.state == "in_house").count() == 10


def test_what_fails_says_why_and_who_was_refused_is_told(walk, hotel, phone):
    desk, page = walk.desk, walk.desk.page
    companion = hotel.companion("801")
    stay = hotel.draft("801", name=walk.name)
    claim = phone.claims_at(hotel)
    desk.opens(f"/desk/stays/{stay.id}")
    desk.presses("guests.issue_to", guest=walk.name)
    desk.answers("claims.pick_this", code=claim.code)
    desk.dialog.locator(".match").wait_for()
    Guest.update(removed_at=1).where(Guest.stay == stay).execute()
    desk.answers("authorise.go")
    desk.sees("error.guest_gone.what", guest=walk.name)
    desk.dialog.get_by_text(walk.t("report.title")).click()
    desk.fits()
    report = desk.dialog.locator("textarea").input_value()
    for words in ("Lakeside", f"{walk.t('report.room')}: 801", "guest_gone (409)"):
        assert words in report, report
    desk.answers("report.copy")
    desk.dialog.get_by_role("button", name=walk.t("report.copied")).wait_for()
    Guest.update(removed_at=None).where(Guest.stay == stay).execute()
    desk.answers("refused.retry")
    desk.sees("guests.key_issued_draft", guest=walk.name, room="801")

    key = Key.get()
    stays.check_in(Stay.get_by_id(stay.id), by=hotel.desk)
    desk.opens(f"/desk/stays/{stay.id}")
    lines = [
        companion.line("refused", road="qr", verdict="privacy", key_id=key.key_id),
        companion.line("refused", road="qr", verdict="malformed"),
    ]
    records.store(companion.row, [records.parse(companion.link_key, line) for line in lines], clock.now_ms())
    desk.sees("verdict_why.privacy")
    assert page.locator(".refusals strong").inner_text() == walk.name
    desk.presses("stay.door")
    desk.sees("verdict_why.privacy")
    desk.sees("refusals.unverified_what")
    desk.sees("events.unverified")
