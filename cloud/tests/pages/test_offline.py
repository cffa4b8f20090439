"""The card without the network: a reload is served by the phone itself, and the code goes on changing."""

from __future__ import annotations

import pytest

from cloud.tests.gates import Door
from cloud.tests.pages.screen import PHONE
from lockmate import stays
from lockmate.stays import Stay

pytestmark = pytest.mark.browser

NO_WORKER = "delete Navigator.prototype.serviceWorker"
KEPT = """() => new Promise((done) => {
    const opening = indexedDB.open("lockmate-card", 1);
    opening.onsuccess = () => {
        const rows = opening.result.transaction("sheaf").objectStore("sheaf").getAll();
        rows.onsuccess = () => done(rows.result);
    };
})"""
BAGS = "() => caches.keys()"


def is_kept(page):
    """Waits until the phone could do without the network."""
    page.locator("[data-kept=yes]").wait_for()
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")


def text_shown(screen, old=None):
    """The code on the screen, once it is another one than `old`."""
    for _ in range(100):
        text = screen.decoded().text
        if text != old:
            return text
        screen.page.wait_for_timeout(50)
    raise AssertionError("the code did not change")


def test_a_reload_without_the_network_shows_a_code_that_goes_on_changing(mobile, card, time, record):
    page, stay = card
    is_kept(page)
    page.clock.install()
    online = mobile.decoded().text
    mobile.context.set_offline(True)
    page.reload()
    page.locator("canvas:visible").wait_for()
    mobile.says("You may close this page")
    mobile.says("It works until")
    assert "Lakeside" in page.locator("main").inner_text()
    assert stay.order.number in page.locator("main").inner_text()
    text, at = mobile.decoded().text, time.now_s
    assert record(text)["nbf"] <= at < record(text)["exp"]
    assert len(online) == len(text) == 151
    for _ in range(3):
        page.clock.run_for(300_000)
        at += 300
        text = text_shown(mobile, text)
        assert record(text)["nbf"] <= at < record(text)["exp"]
    mobile.context.set_offline(False)


def test_the_phone_can_be_away_for_most_of_a_day(mobile, card, time, record):
    page, _ = card
    is_kept(page)
    mobile.context.set_offline(True)
    page.clock.install(time=time.now_s + 20 * 3600)
    page.reload()
    page.locator("canvas:visible").wait_for()
    shown = record(mobile.decoded().text)
    assert shown["nbf"] <= time.now_s + 20 * 3600 < shown["exp"]
    mobile.context.set_offline(False)


def test_a_wrong_clock_of_the_phone_moves_nothing_after_a_reload(mobile, card, time, record):
    page, _ = card
    page.clock.install(time=0)  # this phone believes it is 1970
    page.reload()
    is_kept(page)
    mobile.context.set_offline(True)
    page.reload()
    page.locator("canvas:visible").wait_for()
    shown = record(mobile.decoded().text)
    assert shown["nbf"] <= time.now_s < shown["exp"]
    mobile.context.set_offline(False)


def test_a_sticker_scanned_without_the_network_brings_the_card(mobile, card, hotel):
    page, _ = card
    is_kept(page)
    mobile.context.set_offline(True)
    mobile.opens(f"/g/d/{hotel.property.property_id}/801")
    page.locator("canvas:visible").wait_for()
    assert page.url.endswith("/g/card")
    assert len(mobile.decoded().text) == 151
    mobile.context.set_offline(False)


def test_when_the_key_ended_nothing_stays_in_the_phone(mobile, card, hotel):
    page, stay = card
    is_kept(page)
    assert len(page.evaluate(KEPT)[0]["cards"][0]["slots"]) > 50
    stays.check_out(Stay.get_by_id(stay.id), by=hotel.desk)
    page.locator("[data-refresh]").click()
    page.locator("[data-when=ended]").wait_for()
    page.wait_for_function("() => caches.keys().then((names) => names.length === 0)")
    assert page.evaluate(KEPT) == []
    mobile.context.set_offline(True)
    with pytest.raises(Exception, match="ERR_"):
        page.reload()
    mobile.context.set_offline(False)


def test_a_guest_who_is_offline_through_a_moves_grace_has_the_new_room_as_soon_as_there_is_a_network(
    mobile, card, hotel, time
):
    page, stay = card
    old, new = Door(hotel.companion("801")), Door(hotel.companion("803"))
    is_kept(page)
    mobile.context.set_offline(True)
    mobile.sees("card.lost")  # which says that what the desk changes comes with the network
    stays.move(Stay.get_by_id(stay.id), hotel.door("803"), by=hotel.desk)
    old.hears_newest(hotel, "801")
    new.hears_newest(hotel, "803")
    assert old.scan(mobile.reads(), time.now_s) == "open", "within the grace the old room opens"
    time.passes(minutes=16)
    assert stays.tend() == 1
    old.hears_newest(hotel, "801")
    sheaf = page.evaluate(KEPT)[0]["cards"][0]["slots"]
    held = next(text for nbf, exp, text in sheaf if nbf <= time.now_s < exp)
    assert (old.scan(held, time.now_s), new.scan(held, time.now_s)) == ("revoked", "wrong_door")

    mobile.context.set_offline(False)
    page.locator(".roomcard:visible strong:text-is('803')").wait_for()
    assert new.scan(mobile.reads(), time.now_s) == "open"
    assert page.locator(".roomcard").count() == 1, "the old room's card is gone"


def test_a_card_that_ends_while_the_phone_is_away_leaves_it_too(mobile, card, time):
    page, _ = card
    is_kept(page)
    ends = page.evaluate(KEPT)[0]["cards"][0]["until"]
    mobile.context.set_offline(True)
    page.clock.install(time=ends + 60)
    page.reload()
    page.locator("[data-when=ended]").wait_for()
    page.wait_for_function("() => caches.keys().then((names) => names.length === 0)")
    assert page.evaluate(KEPT) == []
    mobile.context.set_offline(False)


def test_a_phone_that_lost_its_cookie_keeps_nothing(mobile, card):
    page, _ = card
    is_kept(page)
    mobile.context.clear_cookies()
    page.reload()
    mobile.says("No room card here")
    page.wait_for_function("() => caches.keys().then((names) => names.length === 0)")
    assert page.evaluate(KEPT) == []


def test_an_in_app_browser_goes_on_from_memory_and_says_to_stay(screens, carded, time, record):
    inside = screens(**PHONE)
    inside.context.add_init_script(NO_WORKER)
    page, _ = carded(inside)
    inside.says("Leave this page open, or take the card along")
    page.clock.install()
    page.reload()
    page.locator("canvas:visible").wait_for()
    page.clock.run_for(2000)
    page.wait_for_load_state("networkidle")
    inside.context.set_offline(True)
    text, at = inside.decoded().text, time.now_s
    for _ in range(2):
        page.clock.run_for(300_000)
        at += 300
        text = text_shown(inside, text)
        assert record(text)["nbf"] <= at < record(text)["exp"]
    inside.says("Leave this page open: this browser can not open it again without a network.")
    inside.context.set_offline(False)


def test_after_a_refusal_the_neighbouring_codes_are_shown(mobile, card, record):
    page, _ = card
    is_kept(page)
    page.clock.install()
    mobile.context.set_offline(True)  # or the server's time would hold the page back below
    page.reload()
    page.locator("canvas:visible").wait_for()
    page.get_by_text("Was the code refused?").click()
    now = mobile.decoded().text
    page.get_by_role("button", name="Later code").click()
    mobile.says("This is the later code")
    later = text_shown(mobile, now)
    assert record(later)["exp"] > record(now)["exp"]
    page.clock.run_for(61_000)
    page.get_by_role("button", name="Code of now", pressed=True).wait_for()
    page.clock.run_for(300_000)
    now = mobile.decoded().text
    page.get_by_role("button", name="Earlier code").click()
    mobile.says("This is the earlier code")
    earlier = text_shown(mobile, now)
    assert record(earlier)["exp"] < record(now)["exp"]
    page.get_by_role("button", name="Code of now").click()
    assert text_shown(mobile, earlier) == now
    mobile.context.set_offline(False)
