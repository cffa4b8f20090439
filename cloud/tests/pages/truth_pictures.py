"""Takes the pictures of docs/truth.md: each statement about a key, and the answers beside them, in English.

    .venv/bin/pytest cloud/tests/pages/truth_pictures.py
"""

from __future__ import annotations

import io

import pytest
from PIL import Image

from cloud.tests.pages.front_desk_pictures import PICTURES, save
from cloud.tests.pages.shots_truth import hears
from lockmate import clock, keys, properties, staff, stays
from lockmate.keys import Key
from lockmate.stays import Stay

pytestmark = pytest.mark.browser

FOLDER = PICTURES.parent / "truth"
DESK = {"viewport": {"width": 820, "height": 700}}


def keep(page, selector, name):
    """One part of the page, cut out of it: what refreshes by itself may be another element a moment later."""
    page.evaluate("() => document.fonts.ready")
    part = page.screenshot(full_page=True, clip=page.locator(selector).first.bounding_box())
    save(Image.open(io.BytesIO(part)).convert("RGB"), FOLDER / f"{name}.png")


def test_the_pictures(screens, hotel, phone, site):
    staff.Account.update(language="en", role="manager").execute()
    properties.Property.update(name="Lakeside").execute()
    anna = screens("en", **DESK)
    anna.logs_in()
    room, lift = hotel.companion("801"), hotel.companion("Lift")
    stay = hotel.draft("801", name="Olivia Martin")
    key = phone.gets_key(hotel, stay)
    address = f"/desk/stays/{stay.id}"

    def says(name):
        keep(anna.opens(address), ".guests", name)

    says("prepared")
    stays.check_in(Stay.get_by_id(stay.id), by=hotel.desk)
    for board, name in ((room, "801"), (lift, "Lift")):
        hears(hotel, board, name)
    keys.sheaf(Key.get_by_id(key.id), clock.now_s())
    says("opens-until")
    draft = hotel.draft("801", name="Jun Tanaka")
    page = anna.opens(f"/desk/stays/{draft.id}")
    page.locator(f"form[action$='/stays/{draft.id}/check-in'] button").click()
    page.locator("#confirmed").wait_for()
    keep(page, "main", "evict")
    stays.reschedule(Stay.get_by_id(stay.id), ends_at=clock.now_ms() + 3_600_000, by=hotel.desk)
    says("opens-until-late")
    stays.check_out(Stay.get_by_id(stay.id), by=hotel.desk)
    says("may-still-open")
    page.locator("a[href*='would-open']").first.click()
    page.locator("dialog[open] .dialog-body > *").first.wait_for()
    keep(page, "dialog[open]", "would-it-open")
    room.reports(clock=[clock.now_s() - 90_000, None])
    says("may-still-open-unknown")
    for board, name in ((room, "801"), (lift, "Lift")):
        hears(hotel, board, name)
    says("ended-confirmed")
    other = hotel.checked_in("802", name="Jun Tanaka")
    ahead = hotel.companion("802")
    ahead.generation = 7
    ahead.reports(policy_version=ahead.policy_version + 9_000_000)
    keep(anna.opens(f"/desk/stays/{other.id}"), ".note.ahead", "ahead")
    keep(anna.opens("/desk/doors/802"), "section.card", "drift")
