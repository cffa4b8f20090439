"""The guest's card: changes by server time, goes on without the network, says what it is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cloud.tests.pages.screen import PHONE
from lockmate import stays
from lockmate.stays import Stay

pytestmark = pytest.mark.browser

SEEN = """(state) => {
    Object.defineProperty(document, "visibilityState", { get: () => state, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


def changed(page, picture):
    """Waits until the code is another picture."""
    page.wait_for_function("(old) => document.querySelector('canvas').toDataURL() !== old", arg=picture)


def test_the_card_says_hotel_room_dates_and_order(card, mobile):
    page, stay = card
    text = page.locator("main").inner_text()
    for words in ("Lakeside", "801", stay.order.number, "12:00"):
        assert words in text


def test_the_code_follows_the_servers_time_whatever_the_phones(mobile, card, time, record):
    page, _ = card
    page.clock.install(time=0)  # this phone believes it is 1970
    page.reload()
    page.locator("canvas:visible").wait_for()
    first = mobile.decoded().text
    assert record(first)["nbf"] <= time.now_s < record(first)["exp"]
    picture = page.evaluate("() => document.querySelector('canvas').toDataURL()")
    time.passes(minutes=10)
    page.get_by_role("button", name="Refresh").click()
    changed(page, picture)
    second = mobile.decoded().text
    assert second != first
    assert record(second)["nbf"] <= time.now_s < record(second)["exp"]


def test_the_code_changes_by_itself_without_the_network(mobile, card, time, record):
    page, _ = card
    page.clock.install()
    page.reload()
    page.locator("canvas:visible").wait_for()
    page.clock.run_for(2000)
    page.wait_for_load_state("networkidle")
    mobile.context.set_offline(True)
    seen, at = [], time.now_s
    for _ in range(3):
        text = mobile.decoded().text
        assert record(text)["nbf"] <= at < record(text)["exp"]
        seen.append(text)
        page.clock.run_for(301_000)
        at += 301
    assert len(set(seen)) == 3
    mobile.says("No network.")
    assert page.locator("[data-lasts]").is_visible()
    mobile.context.set_offline(False)


def test_a_move_of_the_phones_clock_changes_nothing(mobile, card, record):
    page, _ = card
    page.clock.install()
    page.reload()
    page.locator("canvas:visible").wait_for()
    before = record(mobile.decoded().text)
    page.evaluate("() => { const real = Date.now; Date.now = () => real() + 86400000; }")
    page.clock.run_for(1000)
    assert record(mobile.decoded().text) == before


def test_a_phone_that_slept_shows_the_code_of_now(mobile, card, time, record):
    page, _ = card
    page.clock.install()
    page.reload()
    page.locator("canvas:visible").wait_for()
    page.clock.run_for(2000)
    page.wait_for_load_state("networkidle")
    mobile.context.set_offline(True)
    page.evaluate(SEEN, "hidden")
    page.evaluate("() => { const real = Date.now; Date.now = () => real() + 1200000; }")  # the other clock slept too
    page.evaluate(SEEN, "visible")
    page.clock.run_for(1000)
    shown = record(mobile.decoded().text)
    assert shown["nbf"] <= time.now_s + 1200 < shown["exp"]
    mobile.context.set_offline(False)


def test_the_code_is_readable_in_dark_mode(mobile, card):
    page, _ = card
    page.emulate_media(color_scheme="dark")
    assert len(mobile.decoded().text) == 151


def test_the_card_is_small_enough_for_a_poor_network(mobile, card, screens):
    fresh = screens(**PHONE, storage_state=mobile.context.storage_state())
    sizes = {}
    fresh.page.on("requestfinished", lambda asked: sizes.update({asked.url: asked.sizes()["responseBodySize"]}))
    with fresh.page.expect_response("**/g/card/sheaf") as whole:  # asked for once the first code is shown
        fresh.opens("/g/card")
    whole.value.finished()
    fresh.page.wait_for_load_state("networkidle")
    assert len([url for url in sizes if "/static/" in url]) >= 8
    assert 20_000 < sum(sizes.values()) < 60 * 1024


def test_a_longer_stay_is_on_the_card_by_itself(mobile, card, hotel):
    page, stay = card
    until = page.locator(".facts dd").nth(2)
    before = until.inner_text()
    stays.reschedule(Stay.get_by_id(stay.id), hotel.today() + timedelta(days=5), by=hotel.desk)
    page.locator("[data-refresh]").click()
    page.wait_for_function("(old) => !document.querySelector('.facts').innerText.includes(old)", arg=before)
    page.locator("canvas:visible").wait_for()
    assert until.inner_text() != before
    assert len(mobile.decoded().text) == 151


def test_during_a_move_both_rooms_are_on_the_page(mobile, card, hotel):
    page, stay = card
    first = mobile.decoded().text
    stays.move(Stay.get_by_id(stay.id), hotel.door("803"), by=hotel.desk)
    page.locator("[data-refresh]").click()
    page.get_by_role("button", name="803", exact=True).wait_for()
    page.locator("canvas:visible").wait_for()
    codes = {}
    for room in ("801", "803"):
        page.get_by_role("button", name=room, exact=True).click()
        page.locator(f".roomcard:visible strong:text-is('{room}')").wait_for()
        codes[room] = mobile.decoded().text
    assert len({*codes.values(), first}) >= 2
    assert codes["801"] != codes["803"]
