"""The guest's card, stickers, staff keys, doors opened from afar: in both languages, on a phone and a wide screen."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cloud.tests.gates import Door
from lockmate import doors, keys, staff, stays
from lockmate.doors import RemoteOpen, policies, remote
from lockmate.keys import Key
from lockmate.stays import Stay

pytestmark = pytest.mark.browser


@pytest.fixture
def carded_guest(walk, carded):
    """The walk's guest, checked in at 801 with the card on the screen; answers (screen, stay)."""
    _, stay = carded(walk.guest)
    return walk.guest, stay


def answers(kind="opened", verdict="open"):
    """The door's event comes home."""
    asked = RemoteOpen.select().order_by(RemoteOpen.id.desc()).get()
    companion = doors.companions.by_id("c-801-test")
    remote.answered([remote.Answer(companion, asked.key_id, kind, verdict)], asked.asked_at + 900)


def test_the_card_is_told_of_changes_goes_on_offline_and_is_carried_along(walk, carded_guest, hotel, site):
    guest, stay = carded_guest
    page = guest.page
    facts = page.locator(".facts").inner_text()
    until = page.locator(".facts dd").nth(2).inner_text()
    for words in ("Lakeside", stay.order.number, "12:00", walk.t("card.hotel"), walk.t("card.until")):
        assert words in facts
    assert walk.t("card_kind.guest") in page.locator(".room").inner_text()
    stays.reschedule(Stay.get_by_id(stay.id), hotel.today() + timedelta(days=5), by=hotel.desk)
    guest.presses("card.refresh")
    page.wait_for_function("(old) => !document.querySelector('.facts')?.innerText.includes(old)", arg=until)
    page.locator("[data-unread]:visible").wait_for()
    page.locator(".inbox-link").click()
    guest.sees("notice.what.changed")
    guest.sees("notice.what.issued", room="801")
    guest.presses("refused.to_card")
    guest.reads()

    page.locator("[data-kept=yes]").wait_for()
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    guest.context.set_offline(True)
    page.reload()
    assert len(guest.reads()) == 151
    guest.sees("card.lost")
    guest.sees("card.safe")
    guest.context.set_offline(False)

    guest.opens("/g/carry")
    guest.presses("carry.make")
    guest.sees("carry.care")
    link = guest.reads().removeprefix(site)
    other = walk.another()
    other.opens(link)
    other.sees("arrive.title")
    assert "801" in other.page.locator(".card").inner_text()
    other.presses("arrive.go")
    other.page.wait_for_url("**/g/card")
    assert len(other.reads()) == 151
    late = walk.another()
    late.opens(link)
    late.sees("error.carry_ended.what")
    walk.desk.opens("/desk/")


def test_the_stickers_code_leads_to_the_door_that_opens_or_says_why_not(walk, carded_guest, hotel, site):
    guest, _ = carded_guest
    desk, page = walk.desk, guest.page
    companion = hotel.companion("801")
    companion.reports()
    desk.opens("/desk/stickers")
    desk.sees("stickers.what")
    address = desk.reads("canvas[data-address$='/801']")
    assert address == f"{site}/g/d/{hotel.property.property_id}/801"
    guest.opens(address.removeprefix(site))
    guest.sees("sticker.how")
    assert len(guest.reads()) == 151
    hold = page.get_by_role("button", name=walk.t("sticker.hold"))

    def held(says):
        hold.focus()
        page.keyboard.down("Enter")
        guest.sees(says)

    held("opening.what.waiting")
    page.keyboard.up("Enter")
    answers()
    guest.sees("opening.what.opened")
    guest.sees("opening.do.opened")
    held("opening.what.waiting")
    page.keyboard.up("Enter")
    answers("refused", "privacy")
    guest.sees("opening.what.privacy")
    doors.companions.offline(companion.row)
    held("opening.what.offline")
    guest.sees("opening.do.offline")
    stranger = walk.another()
    stranger.opens(address.removeprefix(site))
    stranger.sees("scan.title")
    assert "801" not in stranger.page.locator("body").inner_text()


def test_the_staff_get_keys_that_end_alone_or_all_at_once_and_the_printed_set_opens(walk, hotel, site, heard, time):
    staff.Account.update(role="manager").execute()
    companion = hotel.companion("801")
    companion.reports()
    desk, person, page = walk.desk, walk.guest, walk.desk.page
    desk.opens("/desk/qr")
    person.opens(desk.reads().removeprefix(site))
    person.page.fill("#phone", "13800001234")
    person.presses("claim.go")
    code = person.page.locator("strong.code").first.inner_text()
    desk.presses("nav.staff_keys")
    desk.presses("claims.pick_this", code=code)
    desk.dialog.locator("#who").fill(walk.name)
    desk.dialog.get_by_role("checkbox", name="Guests").check()
    desk.sees("staff_keys.does")
    desk.answers("authorise.go")
    desk.sees("staff_keys.issued", who=walk.name)
    person.page.wait_for_url("**/g/card")
    text = person.reads()
    person.sees("card_kind.staff")
    lift = hotel.companion("Lift")
    assert heard(lift, "Lift").scan(text, time.now_s) == "open"

    desk.presses("raise_epoch.staff_short")
    desk.sees("raise_epoch.staff_does")
    desk.answers("raise_epoch.go")
    desk.sees("raise_epoch.staff_done")
    desk.sees("staff_keys.doors_behind")
    assert heard(lift, "Lift").scan(text, time.now_s) == "superseded"
    for one, name in ((companion, "801"), (lift, "Lift")):
        one.holds(policies.newest(hotel.door(name)))
        one.reports()
    desk.sees("staff_keys.doors_in_step", total=2)
    desk.presses("staff_keys.end_this", label=f"{walk.name} · {walk.t('staff_job.housekeeping')}")
    desk.sees("staff_keys.end_does")
    desk.answers("staff_keys.end_go")
    desk.sees("staff_keys.ended")
    assert Key.get().end_reason == keys.holders.LOST

    desk.presses("printed.short")
    desk.presses("printed.go")
    desk.sees("printed.keep")
    page.locator("canvas:not([hidden])").first.wait_for()
    assert heard(companion).scan(desk.reads(".sheets .token"), time.now_s) == "open"


def test_a_door_is_opened_from_the_desk_and_a_reset_token_ends_earlier_stays(walk, hotel, time):
    desk = walk.desk
    companion = hotel.companion("801")
    companion.reports()
    desk.opens("/desk/doors/801")
    desk.presses("open.short")
    desk.dialog.locator("#reason").select_option("phone_empty")
    desk.sees("open.does")
    desk.answers("open.go")
    desk.sees("open.asked", door="801")
    desk.sees("open_answer.waiting")
    answers()
    desk.sees("open_answer_do.opened")
    doors.companions.offline(companion.row)
    desk.presses("open.short")
    desk.dialog.locator("#reason").select_option("other")
    desk.answers("open.go")
    desk.sees("error.door_offline.what", door="801")
    desk.dialog.get_by_role("button", name=walk.t("site.close")).click()

    desk.presses("reset.short")
    desk.sees("reset.does", door="801")
    desk.answers("reset.go")
    desk.sees("reset.hold", door="801")
    assert Door(companion).scan(desk.reads("dialog canvas:visible"), time.now_s) == "reset"
