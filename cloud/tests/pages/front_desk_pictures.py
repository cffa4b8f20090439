"""Takes the pictures of docs/front-desk.md, in Chinese as in the hotel's own training page, 60 KB each at most.

    .venv/bin/pytest cloud/tests/pages/front_desk_pictures.py
"""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image

from cloud.tests.pages.screen import PHONE
from lockmate import clock, properties, records, staff, stays
from lockmate.doors import policies
from lockmate.stays import Guest, Stay

pytestmark = pytest.mark.browser

PICTURES = Path(__file__).parents[3] / "docs" / "pictures" / "front-desk"
MOST = 60 * 1024
DESK = {"viewport": {"width": 960, "height": 620}}
WANG, LI, CHEN = "王小明", "李娜", "陈思远"


def keep(page, name, *, phone=False, whole=False):
    """What the screen shows (or the whole page), with few colours; smaller for a phone."""
    page.evaluate("() => document.fonts.ready")
    picture = Image.open(io.BytesIO(page.screenshot(full_page=whole))).convert("RGB")
    if phone:
        picture = picture.resize((390, 844), Image.Resampling.LANCZOS)
    save(picture, PICTURES / f"{name}.png")


def save(picture, file):
    """With as few colours as it takes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    for colours in (48, 24, 12):
        picture.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(file, optimize=True)
        if file.stat().st_size <= MOST:
            return
    raise AssertionError(f"{file} is too large")


@pytest.fixture
def anna(screens):
    staff.Account.update(language="zh-CN", role="manager").execute()
    properties.Property.update(name="湖畔酒店").execute()
    made = screens("zh-CN", **DESK)
    made.logs_in()
    return made


def shown(page, selector):
    page.locator(selector).first.click()
    page.locator("dialog[open] .dialog-body > *").first.wait_for()


def closed(page):
    page.keyboard.press("Escape")


def test_an_order_is_checked_in(anna, hotel, phones):
    for name, number in ((WANG, "13800001234"), (LI, "13900005678")):
        hotel.order(name=name, phone=number)
    page = anna.opens("/desk/arrivals")
    keep(page, "01-arrivals")
    page.locator(".arrivals .button.main").first.click()
    page.locator("label.pick").first.click()
    keep(page, "02-room")
    page.locator("main form button.main").click()
    page.locator(".guests").wait_for()
    address = page.url
    page.goto("/desk/qr")
    page.locator("canvas:not([hidden])").wait_for()
    keep(page, "03-desk-qr")
    claim = phones("13800001234").claims_at(hotel)
    page.goto(address)
    keep(page, "04-guests-and-lock")
    shown(page, "a[data-id^=guest-]")
    keep(page, "05-claims")
    page.locator(f"[data-id=claim-{claim.id}]").click()
    page.locator("dialog[open] .match").wait_for()
    keep(page, "06-compare-and-issue")
    page.locator("dialog[open] button.main").click()
    page.locator("main .note.good").wait_for()
    page.get_by_role("button", name="确定入住").click()
    anna.says("已办理入住")
    keep(page, "07-checked-in")


def test_the_guests_card(screens, site, hotel, carded):
    properties.Property.update(name="湖畔酒店").execute()
    first, second = screens("zh-CN", **PHONE), screens("zh-CN", **PHONE)
    page, _ = carded(first, name=WANG)
    keep(page, "08-card", phone=True)
    hotel.companion("801").reports()
    page = first.opens(f"/g/d/{hotel.property.property_id}/801")
    page.locator("canvas:visible").wait_for()
    keep(page, "26-at-the-door", phone=True)
    carded(second, "802", "13900005678", name=LI)
    first.opens("/g/carry")
    first.presses("carry.make")
    page = second.opens(first.reads().removeprefix(site))
    second.sees("arrive.replaces")
    keep(page, "25-carry", phone=True)


def test_orders_from_a_table_and_a_group(anna, hotel):
    today, tomorrow = hotel.today(), hotel.today() + timedelta(days=1)
    lines = [f"{name},{today},{tomorrow},{room},春游" for name, room in ((WANG, 801), (LI, 802), (CHEN, 999))]
    page = anna.opens("/desk/orders/import")
    page.fill("#text", "\n".join(["姓名,入住日期,离店日期,房号,团队", *lines]))
    anna.presses("import.look")
    anna.sees("error.csv_room_unknown.what", room=999)
    keep(page, "27-import")
    anna.presses("import.back")
    page.fill("#text", "\n".join(["姓名,入住日期,离店日期,房号,团队", *lines]).replace("999", "803"))
    anna.presses("import.look")
    anna.presses("import.go", count=3)
    anna.sees("import.done", count=3)
    for box in page.locator(".arrivals input[type=checkbox]").all():
        box.check()
    anna.presses("group.start")
    anna.sees("group.does")
    keep(page, "28-group")


def test_a_walk_in_and_all_that_follows(anna, hotel, phones):  # a walk through the stay's page
    companion = hotel.companion("802")
    page = anna.opens("/desk/walk-in")
    page.get_by_role("radio", name="802").check()
    page.fill("#name-1", CHEN)
    page.fill("#amount", "380")
    page.select_option("#method", "wechat")
    keep(page, "09-walk-in", whole=True)
    page.locator("main form button.main").click()
    anna.says("802 房已入住")
    keep(page, "10-walk-in-done")
    page.goto("/desk/in-house")
    keep(page, "11-in-house")
    stay = Stay.get()
    phones("13900001111").gets_key(hotel, stay)
    page.goto(f"/desk/stays/{stay.id}")
    page.fill("#guest-name", LI)
    page.get_by_role("button", name="添加客人").scroll_into_view_if_needed()
    keep(page, "12-add-joiner")
    page.get_by_role("button", name="添加客人").click()
    anna.says(f"已添加 {LI}")
    claim = phones("13900002222").claims_at(hotel)
    shown(page, "a[data-id^=guest-]")
    page.locator(f"[data-id=claim-{claim.id}]").click()
    page.locator("dialog[open] .match").wait_for()
    keep(page, "13-joiner-compare")
    page.locator("dialog[open] button.main").click()
    anna.says(f"{LI} 已领取")
    companion.holds(policies.newest(hotel.door("802")))
    companion.reports(generation=1)
    shown(page, "a[href$='/extend']")
    keep(page, "14-extend")
    closed(page)
    shown(page, "a[href$='/rekey']")
    keep(page, "15-lost-phone")
    closed(page)
    shown(page, "a[href$='/move']")
    page.locator("dialog[open] [name=room]").nth(1).check()
    keep(page, "16-move")
    page.locator("dialog[open] button.main").click()
    anna.says("正在从 802 房换到")
    keep(page, "17-moving")
    page.locator("a[href$=check-out]").click()
    page.locator("dialog[open] form").wait_for()
    keep(page, "18-check-out")
    page.locator("dialog[open] form button").click()
    anna.says("已退房")
    keep(page, "19-checked-out")
    shown(page, "a[href$='/undo-check-out']")
    keep(page, "20-undo")


def test_when_something_fails(anna, hotel, phone):
    companion = hotel.companion("801")
    companion.reports()
    stay = hotel.draft("801", name=WANG)
    key = phone.gets_key(hotel, stay)
    stays.check_in(Stay.get_by_id(stay.id), by=hotel.desk)
    lines = [
        companion.line("refused", road="qr", verdict="privacy", key_id=key.key_id),
        companion.line("refused", road="qr", verdict="expired", count=2),
    ]
    records.store(companion.row, [records.parse(companion.link_key, line) for line in lines], clock.now_ms())
    page = anna.opens(f"/desk/stays/{stay.id}")
    keep(page, "21-refused", whole=True)
    page = anna.opens("/desk/doors/801")
    shown(page, "a[href$='/open']")
    page.locator("dialog[open] #reason").select_option("phone_empty")
    keep(page, "22-open-from-desk")
    hotel.draft("802", name=CHEN)
    guest = Guest.get(Guest.name == CHEN)
    claim = phone.claims_at(hotel)
    page = anna.opens(f"/desk/stays/{guest.stay_id}")
    shown(page, "a[data-id^=guest-]")
    page.locator(f"[data-id=claim-{claim.id}]").click()
    page.locator("dialog[open] .match").wait_for()
    page.evaluate("() => { document.querySelector('dialog[open] [name=code]').value = 'A1-11'; }")
    page.locator("dialog[open] button.main").click()
    page.locator("dialog[open] .note.bad").wait_for()
    page.locator("dialog[open] summary").click()
    keep(page, "23-failure")
    page = anna.opens("/desk/staff-keys")
    page.locator("[data-id^=claim-]").wait_for()
    keep(page, "24-staff-keys", whole=True)
