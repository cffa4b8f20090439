"""Takes a picture of every page, phone and desk size, both languages, into build/shots/ for people to look at.

    .venv/bin/pytest cloud/tests/pages/shots.py
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from lockmate import claims, clock, keys, records, staff, stays
from lockmate.doors import RemoteOpen, companions, policies, remote
from lockmate.properties import Zone
from lockmate.stays import Stay

pytestmark = pytest.mark.browser

SHOTS = Path(__file__).parents[3] / "build" / "shots"
SIZES = {
    "desk": {"viewport": {"width": 1280, "height": 800}},
    "phone": {
        "viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True
    },
}
NAMES = {"en": ("Olivia Martin", "Jun Tanaka", "Sofia Rossi"), "zh-CN": ("王小明", "李娜", "陈思远")}


@pytest.fixture(params=[(language, size) for language in NAMES for size in SIZES], ids="-".join)
def look(request, screens, hotel):
    """(names, shoot, new screen) for one language and size."""
    language, size = request.param
    staff.Account.update(language=language).execute()
    folder = SHOTS / f"{language}-{size}"
    folder.mkdir(parents=True, exist_ok=True)

    def shoot(page, name, full=True):
        page.evaluate("() => document.fonts.ready")
        wide = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
        page.screenshot(path=folder / f"{name}.png", full_page=full)
        assert wide <= 0, f"{name} is {wide} pixels too wide"

    return NAMES[language], shoot, lambda: screens(language, **SIZES[size])


def test_the_desks_pages(look, hotel, phone, phones, site, time):
    (wang, li, chen), shoot, screen = look
    anna = screen()
    page = anna.opens("/desk/login")
    shoot(page, "01-log-in")
    page.fill("[name=name]", "anna@Lakeside")
    page.fill("[name=password]", "wrong")
    page.press("[name=password]", "Enter")
    page.locator("[role=alert]").wait_for()
    shoot(page, "02-log-in-wrong")
    page.fill("[name=password]", "correct horse")
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/desk/")

    companion, other = hotel.companion("801"), hotel.companion("802")
    hotel.companion("Lift")
    companion.reports()
    other.reports()
    in_house = hotel.draft("801", name=wang)
    key = phone.gets_key(hotel, in_house)
    stays.name_guest(Stay.get_by_id(in_house.id), f"{chen} ({li})", "+86 139 0000 5678", by=hotel.desk)
    stays.check_in(Stay.get_by_id(in_house.id), by=hotel.desk)
    companion.holds(policies.newest(hotel.door("801")))
    companion.reports(generation=1)
    policies.publish(hotel.door("802"))
    draft = hotel.draft("803", name=li)
    hotel.order(name=chen, nights=3)
    hotel.order(name=f"{li} & {wang}", arrival=hotel.today() - timedelta(days=1), nights=9)
    for path, name in (
        ("/desk/", "03-rack"),
        ("/desk/arrivals", "04-arrivals"),
        ("/desk/arrivals?q=xyz", "05-arrivals-none"),
        ("/desk/orders/new", "06-new-order"),
        (f"/desk/orders/{stays.Order.select().order_by(stays.Order.id.desc()).get().id}/prepare", "08-prepare"),
        (f"/desk/stays/{draft.id}", "09-draft"),
        ("/desk/claims", "10-claims-none"),
        ("/desk/stays/999", "20-not-found"),
        ("/desk/doors/804", "21-door-bare"),
    ):
        shoot(anna.opens(path), name)
    page = anna.opens("/desk/orders/new")
    page.fill("#guest_name", chen)
    page.fill("#phone", "12")
    page.locator("main form button").click()
    page.locator("[role=alert]").wait_for()
    shoot(page, "07-new-order-wrong")

    first = phones("13800001234").claims_at(hotel)
    phones("13800001234").claims_at(hotel)
    phones("+4479460095").claims_at(hotel)
    page = anna.opens(f"/desk/stays/{draft.id}")
    page.locator("a[data-id^=guest-]").first.click()
    page.locator("dialog .claims").wait_for()
    shoot(page, "11-claims-dialog", full=False)
    page.locator(f"[data-id=claim-{first.id}]").click()
    page.locator("dialog .match").wait_for()
    shoot(page, "12-confirm-dialog", full=False)
    page.locator("dialog form button").click()
    page.locator("main > .note.good").wait_for()
    shoot(page, "13-draft-key-issued")
    shoot(anna.opens("/desk/claims"), "14-claims")
    page = anna.opens("/desk/qr")
    page.locator("canvas:not([hidden])").wait_for()
    shoot(page, "15-desk-qr")

    page = anna.opens(f"/desk/stays/{in_house.id}")
    shoot(page, "16-stay")
    page.locator("a[href$=check-out]").click()
    page.locator("dialog[open] form").wait_for()
    shoot(page, "17-check-out-dialog", full=False)
    lines = [
        companion.line("boot"),
        companion.line("opened", road="qr", verdict="open", key_id=key.key_id, generation=1),
        companion.line("refused", road="qr", verdict="forged", count=12),
        companion.line("refused", road="qr", verdict="privacy", key_id=key.key_id),
        companion.line("card_open", card="04A2219C"),
        companion.line("forced"),
        companion.line("opened", road="mqtt", verdict="open", key_id="0011223344556677"),
    ]
    records.store(companion.row, [records.parse(companion.link_key, line) for line in lines], clock.now_ms())
    shoot(anna.opens("/desk/doors/801"), "19-door")
    keys.sheaf(keys.Key.get_by_id(key.id), clock.now_s())
    page = anna.opens(f"/desk/stays/{in_house.id}")
    page.locator("a[href$=check-out]").click()
    page.locator("dialog[open] form button").click()
    page.locator("main > .note.good").wait_for()
    shoot(page, "18-stay-ended")


def test_the_guests_pages(look, hotel, site, time):
    (wang, _, _), shoot, screen = look
    guest = screen()
    shoot(guest.opens("/g/claim"), "40-scan")
    shoot(guest.opens("/g/card"), "41-no-card")
    shoot(guest.opens("/g/claim?t=x"), "42-ticket-bad")
    page = guest.opens(f"/g/claim?t={claims.desk_ticket(hotel.property)}")
    shoot(page, "43-claim")
    page.fill("#phone", "12")
    page.locator("main form button").click()
    page.locator("[role=alert]").wait_for()
    shoot(page, "44-claim-wrong")
    page.fill("#phone", "138 0000 1234")
    page.locator("main form button").click()
    page.locator("strong.code").first.wait_for()
    shoot(page, "45-waiting")
    stay, claim = hotel.draft("801", name=wang), claims.Claim.get()
    claims.confirm(claim, stay.present()[0], claim.code, "1234", by=hotel.desk)
    page.wait_for_url("**/g/card")
    page.locator("[data-when=prepared]").wait_for()
    shoot(page, "46-card-prepared")
    stays.check_in(Stay.get_by_id(stay.id), by=hotel.desk)
    page.locator("canvas:visible").wait_for()
    shoot(page, "47-card")
    page.emulate_media(color_scheme="dark")
    shoot(page, "48-card-dark")
    page.emulate_media(color_scheme="light")
    page.locator("[data-kept=yes]").wait_for()
    page.locator("details.refused summary").click()
    page.locator("[data-try='1']").click()
    shoot(page, "52-card-neighbour")
    page.locator("[data-try='0']").click()
    page.locator("details.refused summary").click()
    guest.context.set_offline(True)
    page.reload()
    page.locator("[data-lost]").wait_for()
    shoot(page, "49-card-offline")
    guest.context.set_offline(False)
    shoot(guest.opens("/g/inbox"), "53-inbox")
    shoot(guest.opens("/g/carry"), "54-carry")
    page.locator("main form button").click()
    page.locator("canvas:visible").wait_for()
    shoot(page, "55-carry-link")
    path = page.locator("[data-link]").get_attribute("data-link").removeprefix(site)
    other = screen()
    shoot(other.opens(path), "56-arrive")
    holder = keys.Key.get().holder
    hotel.companion("801").reports()
    for bit in (8, 9):
        Zone.create(property=hotel.property, bit=bit, name=f"{bit}F")
    now = clock.now_ms()
    shift = (now - 60_000, now + 28_800_000)
    keys.issue_staff(holder, hotel.property, 0b11 << 8, "Housekeeping 8F", *shift, by=hotel.desk)
    page = guest.opens("/g/card")
    page.locator("canvas:visible").wait_for()
    shoot(page, "57-card-staff")
    door = f"/g/d/{hotel.property.property_id}/801"
    page = guest.opens(door)
    page.locator("canvas:visible").wait_for()
    shoot(page, "58-sticker")
    hold = page.locator("button.hold")
    hold.focus()
    page.keyboard.down("Enter")
    page.locator("[data-state=waiting]").wait_for()
    asked = RemoteOpen.get()
    shoot(page, "59-sticker-asking")
    remote.answered([remote.Answer(companions.by_id("c-801-test"), asked.key_id, "opened", "open")], now)
    page.locator("[data-state=opened]").wait_for()
    shoot(page, "60-sticker-opened")
    page.keyboard.up("Enter")
    companions.Companion.update(online=False).execute()
    page.keyboard.down("Enter")
    page.locator("[data-state=offline]").wait_for()
    shoot(page, "61-sticker-offline")
    shoot(other.opens(door), "62-sticker-stranger")
    keys.Key.update(state="ended", ended_at=now).where(keys.Key.kind == "staff").execute()
    page = guest.opens("/g/card")
    page.locator("canvas:visible").wait_for()
    stays.check_out(Stay.get_by_id(stay.id), by=hotel.desk)
    page.locator("[data-refresh]").click()
    page.locator("[data-when=ended]").wait_for()
    shoot(page, "50-card-ended")
    page = guest.opens(f"/g/claim?t={claims.desk_ticket(hotel.property)}")
    page.fill("#phone", "138 0000 1234")
    page.locator("main form button").click()
    page.locator("[data-left]").first.wait_for()
    claims.Claim.update(ends_at=0).execute()
    page.reload()
    shoot(page, "51-claim-ended")
