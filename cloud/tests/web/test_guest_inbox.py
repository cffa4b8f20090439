"""The inbox, the letters, and the link that takes the cards to another browser."""

from __future__ import annotations

import dataclasses
import re

import pytest

from lockmate import claims, db, keys, notices, settings, stays
from lockmate.app import create_app
from lockmate.keys import Holder
from lockmate.settings import LANGUAGES
from lockmate.stays import Stay
from lockmate.web import letters
from lockmate.web.guest.phone import COOKIE


def claimed(phone, hotel, room="801", number="13800001234", **more):
    """A phone whose guest is checked in; returns the stay."""
    phone.get(f"/g/claim?t={claims.desk_ticket(hotel.property)}")
    phone.post("/g/claim", t=claims.desk_ticket(hotel.property), phone=number, **more)
    stay = hotel.draft(room)
    claim = claims.waiting(hotel.property)[0].claim
    claims.confirm(claim, stay.present()[0], claim.code, number[-4:], by=hotel.desk)
    return stays.check_in(Stay.get_by_id(stay.id), by=hotel.desk)


FACTS = {
    "hotel": "Lakeside",
    "timezone": "Asia/Shanghai",
    "room": "801",
    "order": "A1",
    "starts_at": 1_795_453_300_000,
    "ends_at": 1_795_539_700_000,
}


def test_new_notices_are_marked_until_they_are_read(mobile, hotel):
    claimed(mobile, hotel)
    holder = Holder.get()
    notices.read(holder)
    notices.put(holder, "changed", FACTS)
    assert mobile.json("/g/card/sheaf").json["unread"] == 1
    assert re.search(r"data-unread>1<", mobile.get("/g/card").text)
    page = mobile.get("/g/inbox").text
    assert page.count('class="tag good"') == 1
    assert "until Nov 25 01:01" in page.replace("2026 ", "")
    assert "Order A1." in page
    assert mobile.json("/g/card/sheaf").json["unread"] == 1  # a look at the page alone marks nothing
    page = mobile.post("/g/inbox/read").text
    assert 'class="tag good"' not in page
    assert mobile.json("/g/card/sheaf").json["unread"] == 0


def test_the_journey_of_a_stay_is_told(mobile, hotel):
    stay = claimed(mobile, hotel)
    stays.check_out(Stay.get_by_id(stay.id), by=hotel.desk)
    page = mobile.get("/g/inbox").text
    for words in ("Room card for 801", "Your card for 801 has ended", "Lakeside"):
        assert words in page
    assert "–" not in re.findall(r"<main.*</main>", page, re.DOTALL)[0]  # no fact is missing


def test_another_phone_does_not_see_them(mobile, browser, hotel):
    claimed(mobile, hotel)
    stranger = browser()
    assert "Nothing yet" in stranger.get("/g/inbox").text
    assert "801" not in stranger.get("/g/inbox").text
    assert stranger.post("/g/inbox/read").status_code == 200
    assert notices.unread(Holder.get()) > 0


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", notices.KINDS)
def test_every_notice_has_its_words(hotel, kind, language):
    what, says = letters.words(kind, FACTS, language)
    assert "801" in what + says
    assert "Lakeside" in says
    assert "{" not in what + says
    subject, text = letters.letter(kind, FACTS, language)
    assert subject.startswith("Lakeside")
    assert "\n" not in subject
    assert says in text and "/g/card" in text
    assert letters.words(kind, {}, language)  # facts of an older house: a dash, and no failure


@pytest.fixture
def writing(browser, house):
    """A browser before a house that sends letters."""
    db.database.close()
    yield type(browser())(create_app(dataclasses.replace(house, smtp_host="127.0.0.1")))
    settings.use(house)


def test_the_address_is_asked_for_only_where_letters_are_sent(mobile, hotel):
    assert "email" not in mobile.get(f"/g/claim?t={claims.desk_ticket(hotel.property)}").text
    claimed(mobile, hotel)
    assert "email" not in mobile.get("/g/inbox").text


def test_the_address_is_kept_changed_and_emptied(writing, hotel):
    phone = writing
    claimed(phone, hotel, email="wang@example.com")
    assert Holder.get().email == "wang@example.com"
    assert 'value="wang@example.com"' in phone.get("/g/inbox").text
    wrong = phone.post("/g/inbox/email", email="no address")
    assert wrong.status_code == 400
    assert 'value="no address"' in wrong.text
    phone.post("/g/inbox/email", email="li@example.com")
    assert Holder.get().email == "li@example.com"
    phone.post("/g/inbox/email", email="")
    assert Holder.get().email == ""


def test_a_wrong_address_is_said_on_the_claim_page(writing, hotel):
    phone = writing
    ticket = claims.desk_ticket(hotel.property)
    phone.get(f"/g/claim?t={ticket}")
    page = phone.post("/g/claim", t=ticket, phone="13800001234", email="x@")
    assert page.status_code == 400
    assert 'value="x@"' in page.text and 'value="13800001234"' in page.text
    assert claims.waiting(hotel.property) == []


def link_of(phone):
    phone.get("/g/carry")
    page = phone.post("/g/carry")
    return re.search(r'data-link="[^"]*(/g/carry/[^"]+)"', page.text)[1]


def test_a_link_brings_the_cards_to_one_more_browser_once(mobile, browser, hotel):
    claimed(mobile, hotel)
    link = link_of(mobile)
    other, late = browser(), browser()
    asked = other.get(link).text
    assert all(words in asked for words in ("Take these cards here?", "801", "Lakeside", "Wang"))
    late.get(link)  # a chat that looks at the link uses nothing up
    assert other.post(link).request.path == "/g/card"
    both = [phone.json("/g/card/sheaf").json["cards"][0]["key"] for phone in (mobile, other)]
    assert both == [keys.Key.get().key_id] * 2
    assert mobile.cookie(COOKIE, path="/g/").value != other.cookie(COOKIE, path="/g/").value
    assert other.cookie(COOKIE, path="/g/").http_only
    for again in (late.post(link), late.get(link)):
        assert again.status_code == 410
        assert "carry_ended" in again.text
    assert late.json("/g/card/sheaf").json["cards"] == []


def test_a_link_ends_after_ten_minutes(mobile, browser, hotel, time):
    claimed(mobile, hotel)
    link, other = link_of(mobile), browser()
    other.get(link)
    time.passes(minutes=10, seconds=1)
    assert (other.get(link).status_code, other.post(link).status_code) == (410, 410)


def test_who_has_no_card_can_make_no_link(browser):
    stranger = browser()
    assert "No room card here" in stranger.get("/g/carry").text
    stranger.get("/g/claim")
    assert stranger.post("/g/carry").request.path == "/g/carry"


def test_somebody_elses_link_replaces_nothing_before_both_sides_were_named(mobile, browser, hotel):
    claimed(mobile, hotel)
    other = browser()
    claimed(other, hotel, "802", "13900005678")
    link = link_of(mobile)
    comes, _, goes = other.get(link).text.partition("They take the place of")
    assert "801" in comes and "802" not in comes and "802" in goes
    assert "Replace mine with these" in goes and "Keep mine" in goes
    assert other.json("/g/card/sheaf").json["cards"][0]["room"] == "802"
    assert "Replace" not in browser().get(link).text
    assert "Replace" not in mobile.get(link).text, "the phone that made it loses nothing"


def test_a_link_of_staff_cards_names_them(mobile, browser, hotel, time):
    claimed(mobile, hotel)
    shift = (time.now_ms, time.now_ms + 3_600_000)
    keys.issue_staff(Holder.get(), hotel.property, 1 << 8, "Mei · Housekeeping", *shift, by=hotel.desk)
    assert "Mei · Housekeeping" in browser().get(link_of(mobile)).text
