"""The desk's journeys through real pages: walk-in, joiners, move, group, doors from afar, staff keys, failures."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
import zxingcpp
from PIL import Image

from cloud.tests.gates import Door
from lockmate import clock, keys, records, staff, stays
from lockmate.doors import RemoteOpen, policies
from lockmate.keys import Key
from lockmate.stays import Order, Payment, Stay

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}


@pytest.fixture
def companion(hotel):
    made = hotel.companion("801")
    made.reports()
    return made


@pytest.fixture
def heard(hotel):
    """A door's gate that has heard its newest policy."""

    def listen(companion, name="801"):
        door = Door(companion)
        door.hears_newest(hotel, name)
        return door

    return listen


def in_dialog(page):
    return page.locator("dialog[open]")


def gives(page, claim, guest):
    """The lock beside a name, the phone with the code, and they match."""
    page.get_by_role("link", name=f"Issue a key to {guest}").click()
    in_dialog(page).get_by_role("link", name=f"The phone with code {claim.code}").click()
    in_dialog(page).get_by_role("button", name="They match: issue key").click()


def test_a_walk_in_with_a_joiner_who_is_removed_again(desk, hotel, companion, phones, heard, time):
    page = desk.opens("/desk/")
    page.get_by_role("link", name="In house").click()
    page.get_by_role("link", name="Walk-in").click()
    page.get_by_role("radio", name="801").check()
    page.fill("#name-1", "Chen Siyuan")
    page.get_by_text("Joiners").click()
    page.fill("#name-2", "Li Na")
    page.fill("#amount", "380")
    page.select_option("#method", "alipay")
    page.get_by_role("button", name="Check in").click()
    desk.says("Room 801 is checked in.")
    desk.says("CN¥380.00")
    assert Payment.get().amount_minor == 38000

    page.get_by_role("link", name="In house").first.click()
    one, two = phones("13900001111").claims_at(hotel), phones("13900002222").claims_at(hotel)
    gives(page, one, "Chen Siyuan")
    desk.says("Chen Siyuan now holds a key for room 801.")
    page.get_by_role("link", name="In house").first.click()
    gives(page, two, "Li Na")
    desk.says("Li Na now holds a key for room 801.")
    door = heard(companion)
    joiner = Key.select().order_by(Key.id.desc()).get()
    text = keys.sheaf(joiner, time.now_s)[0].text
    assert door.scan(text, time.now_s) == "open"

    page.get_by_role("link", name="Remove Li Na").click()
    in_dialog(page).get_by_text("ends at once and the doors are told to refuse it").wait_for()
    in_dialog(page).get_by_role("button", name="Remove").click()
    desk.says("Li Na is removed")
    desk.says("May still open 801 until")
    door.hears_newest(hotel, "801")
    assert door.scan(text, time.now_s) == "revoked"
    companion.holds(policies.newest(hotel.door("801")))
    companion.reports()
    desk.says("Ended, confirmed by the door at")


def test_a_move_is_watched_until_the_old_room_closes(desk, hotel, phone, companion, time):
    stay = hotel.draft("801", name="Wang")
    phone.gets_key(hotel, stay)
    stays.check_in(Stay.get_by_id(stay.id), by=hotel.desk)
    page = desk.opens(f"/desk/stays/{stay.id}")
    page.get_by_role("link", name="Move", exact=True).click()
    in_dialog(page).get_by_role("radio", name="803").check()
    in_dialog(page).get_by_role("button", name="Move").click()
    desk.says("Moving from 801 to 803.")
    page.get_by_role("link", name="Back to 801").first.wait_for()
    new = Stay.get().present()[0].key
    stays.note_opened(new.key_id, clock.now_ms(), hotel.door("803").id)
    page.locator(".moving").wait_for(state="detached")
    desk.says("Moved to another room.")
    page.reload()
    page.get_by_role("link", name="Back to 801").click()
    in_dialog(page).get_by_role("button", name="Move back").click()
    desk.says("Moving from 803 to 801.")
    assert Stay.get().room.name == "801"


def test_a_group_is_imported_and_checked_in(desk, hotel):
    page = desk.opens("/desk/arrivals")
    page.get_by_role("link", name="Import orders").click()
    today, tomorrow = hotel.today(), hotel.today() + timedelta(days=1)
    lines = [f"Guest {number},{today},{tomorrow},{room},Tour" for number, room in enumerate((801, 802, 999))]
    page.fill("#text", "\n".join(["name,arrival,departure,room,group", *lines]))
    page.get_by_role("button", name="Look at it").click()
    desk.says("There is no room 999.")
    assert page.get_by_role("button", name="Import orders").is_disabled()
    page.get_by_role("link", name="Another table").click()
    page.fill("#text", "\n".join(["name,arrival,departure,room,group", *lines]).replace("999", "804"))
    page.get_by_role("button", name="Look at it").click()
    page.get_by_role("button", name="Import orders (3)").click()
    desk.says("Orders imported: 3.")
    page.locator("[data-picks]:disabled").wait_for()
    for box in page.locator(".arrivals input[type=checkbox]").all():
        box.check()
    page.get_by_role("button", name="Check in those picked").click()
    page.get_by_role("button", name="Check in all 3").click()
    desk.says("Rooms checked in: 3.")
    assert {order.state for order in Order.select()} == {"checked_in"}


def test_a_door_is_opened_from_the_desk_and_a_reset_token_is_shown(desk, companion, time):
    page = desk.opens("/desk/doors/801")
    page.get_by_role("link", name="Open now").click()
    in_dialog(page).locator("#reason").select_option("phone_empty")
    in_dialog(page).get_by_role("button", name="Open now").click()
    desk.says("Waiting for the door…")
    asked = RemoteOpen.get()
    RemoteOpen.update(answer="opened", answered_at=clock.now_ms()).where(RemoteOpen.id == asked.id).execute()
    desk.says("The door itself says that it opened.")

    page.get_by_role("link", name="Reset token").click()
    in_dialog(page).get_by_role("button", name="Show the token").click()
    in_dialog(page).locator("canvas:not([hidden])").wait_for()
    assert Door(companion).scan(desk.decoded().text, time.now_s) == "reset"


def test_a_failure_is_told_in_the_dialog_with_a_second_try_and_a_report(desk, hotel):
    companion = hotel.companion("802")
    page = desk.opens("/desk/doors/802")
    page.get_by_role("link", name="Open now").click()
    in_dialog(page).locator("#reason").select_option("other")
    in_dialog(page).get_by_role("button", name="Open now").click()
    in_dialog(page).get_by_text("Door 802 is offline; nothing was sent.").wait_for()
    in_dialog(page).get_by_text("Report for the support").click()
    in_dialog(page).get_by_role("button", name="Copy").click()
    in_dialog(page).get_by_role("button", name="Copied").wait_for()
    report = page.evaluate("() => document.getSelection().toString() || document.querySelector('textarea').value")
    assert "Code: door_offline (409)" in report
    companion.reports()
    in_dialog(page).get_by_role("button", name="Try again").click()
    desk.says("802 is asked to open")


def test_a_dialog_without_a_network_says_so_and_tries_again(desk, hotel):
    stay = hotel.checked_in("801", name="Wang")
    page = desk.opens(f"/desk/stays/{stay.id}")
    page.get_by_role("link", name="Add payment").click()
    in_dialog(page).locator("#amount").fill("20")
    desk.context.set_offline(True)
    in_dialog(page).get_by_role("button", name="Write down").click()
    in_dialog(page).get_by_text("The server did not answer.").wait_for()
    assert "Room: 801" in in_dialog(page).locator("textarea").input_value()
    desk.context.set_offline(False)
    in_dialog(page).get_by_role("button", name="Try again").click()
    desk.says("Written down: CN¥20.00.")
    assert Payment.select().count() == 1


def test_who_was_refused_appears_while_the_desk_looks(desk, hotel, companion, phone):
    stay = hotel.draft("801", name="Wang")
    key = phone.gets_key(hotel, stay)
    stays.check_in(Stay.get_by_id(stay.id), by=hotel.desk)
    page = desk.opens(f"/desk/stays/{stay.id}")
    line = companion.line("refused", road="qr", verdict="privacy", key_id=key.key_id)
    records.store(companion.row, [records.parse(companion.link_key, line)], clock.now_ms())
    desk.says("Somebody inside does not want to be disturbed.")
    assert page.locator(".refusals strong").inner_text() == "Wang"


def test_the_staff_get_keys_and_the_printed_set_opens(screens, hotel, phone, companion, heard, time):
    staff.create_account(hotel.property, "mei", "correct horse", "manager", language="en")
    mei = screens(viewport={"width": 1280, "height": 800})
    page = mei.logs_in("mei")
    page.get_by_role("link", name="Staff keys").click()
    claim = phone.claims_at(hotel)
    page.get_by_role("link", name=f"The phone with code {claim.code}").click()
    in_dialog(page).locator("#who").fill("Zhang Wei")
    in_dialog(page).get_by_role("checkbox", name="Guests").check()
    in_dialog(page).get_by_role("button", name="They match: issue key").click()
    mei.says("Zhang Wei now holds a staff key.")
    page.get_by_role("link", name="Renew all staff keys").click()
    in_dialog(page).get_by_role("button", name="Renew").click()
    mei.says("Doors that have not confirmed the newest rules yet: 801 (1 of 1).")
    companion.holds(policies.newest(hotel.door("801")))
    companion.reports()
    mei.says("Newest rules confirmed by all doors")

    page.get_by_role("link", name="Print emergency set").click()
    page.get_by_role("button", name="Make the set").click()
    page.locator("canvas:not([hidden])").first.wait_for()
    sheet = Image.open(io.BytesIO(page.locator(".sheets .token").first.screenshot()))
    token = zxingcpp.read_barcodes(sheet)[0].text
    assert heard(companion).scan(token, time.now_s) == "open"


def test_the_desk_on_a_phone_in_chinese(screens, hotel, phone):
    staff.Account.update(language="zh-CN").execute()
    anna = screens("zh-CN", **PHONE)
    page = anna.logs_in()
    page.get_by_role("link", name="在住").click()
    page.get_by_role("link", name="散客入住").click()
    page.get_by_role("radio", name="802").check()
    page.fill("#name-1", "王小明")
    page.get_by_role("button", name="确定入住").click()
    anna.says("802 房已入住。")
    claim = phone.claims_at(hotel)
    page.get_by_role("link", name="为 王小明 授权房卡").click()
    in_dialog(page).get_by_role("link", name=f"选择代码为 {claim.code} 的手机").click()
    in_dialog(page).get_by_role("button", name="核对一致，确定下发").click()
    anna.says("王小明 已领取 802 房的房卡。")
    page.get_by_role("link", name="续住").click()
    later = (hotel.today() + timedelta(days=4)).isoformat()
    in_dialog(page).locator("#departure").fill(later)
    in_dialog(page).get_by_role("button", name="保存离店时间").click()
    anna.says("已续住，房卡自动延期至")
    assert Key.get().ends_at == Stay.get().ends_at
    page.get_by_role("button", name="退房").click()
    in_dialog(page).get_by_role("button", name="确定退房").click()
    anna.says("802 房已退房")
    page.get_by_role("link", name="撤销退房").click()
    in_dialog(page).get_by_role("button", name="撤销退房").click()
    anna.says("802 房已恢复在住")
