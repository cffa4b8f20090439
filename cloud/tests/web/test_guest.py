"""The guests' pages as a phone reads them."""

from __future__ import annotations

import re

from lockmate import claims, keys, stays
from lockmate.keys import Holder
from lockmate.stays import Stay
from lockmate.web.guest.phone import COOKIE


def scans(mobile, hotel):
    """The desk's QR, followed; returns the ticket in it."""
    ticket = claims.desk_ticket(hotel.property)
    page = mobile.get(f"/g/claim?t={ticket}")
    assert page.status_code == 200
    return ticket


def test_a_phone_claims_in_one_step_and_sees_its_code(mobile, hotel):
    page = mobile.post("/g/claim", t=scans(mobile, hotel), phone="13800001234")
    claim = claims.Claim.get()
    assert page.request.path == f"/g/claim/{claim.code}"
    assert re.search(rf'huge code">{claim.code}<.*huge code">1234<', page.text, re.DOTALL)
    assert 'data-left="900"' in page.text
    assert claim.holder.secret_hash not in page.text


def test_the_phones_cookie_can_not_be_read_by_scripts_or_sent_by_other_sites(mobile, hotel):
    mobile.post("/g/claim", t=scans(mobile, hotel), phone="13800001234")
    kept = mobile.cookie(COOKIE, path="/g/")
    assert kept.http_only
    assert kept.same_site == "Lax"
    assert not kept.secure
    assert kept.value not in {holder.secret_hash for holder in Holder.select()}


def test_a_phone_that_claims_again_is_the_same_phone(mobile, hotel):
    for number in ("13800001234", "13800001235"):
        mobile.post("/g/claim", t=scans(mobile, hotel), phone=number)
    assert Holder.select().count() == 1
    assert [row.claim.phone for row in claims.waiting(hotel.property)] == ["13800001235"]


def holds(mobile, hotel, room):
    """The phone claims, and the desk checks its guest in."""
    mobile.post("/g/claim", t=scans(mobile, hotel), phone="13800001234")
    claim = claims.waiting(hotel.property)[-1].claim
    stay = hotel.checked_in(room)
    claims.confirm(claim, stay.present()[0], claim.code, "1234", by=hotel.desk)
    return Stay.get_by_id(stay.id)


def carried(mobile, browser):
    """The card goes to one more browser."""
    mobile.get("/g/carry")
    link = re.search(r'data-link="https?://[^/]*(/g/carry/[^"]+)"', mobile.post("/g/carry").text)[1]
    tablet = browser()
    tablet.get(link)
    tablet.post(link)
    return tablet


def test_a_card_issued_after_a_loss_does_not_reach_the_lost_phone_by_a_browser_that_shared_it(mobile, browser, hotel):
    stay = holds(mobile, hotel, "801")
    tablet = carried(mobile, browser)
    stays.rekey(stay, stay.present(), by=hotel.desk)
    tablet.post("/g/claim", t=scans(tablet, hotel), phone="13800001234")
    claim = claims.waiting(hotel.property)[0].claim
    claims.confirm(claim, stay.present()[0], claim.code, "1234", by=hotel.desk)
    assert [card["state"] for card in tablet.json("/g/card/sheaf").json["cards"]] == ["active"]
    assert [card["slots"] for card in mobile.json("/g/card/sheaf").json["cards"]] == [[]]
    mobile.post("/g/claim", t=scans(mobile, hotel), phone="13800001234")  # found again: it begins anew, too
    assert claims.waiting(hotel.property)[0].claim.holder not in (claim.holder, None)


def test_a_browser_that_shared_a_card_does_not_share_the_next_stays(mobile, browser, hotel):
    stay = holds(mobile, hotel, "801")
    other = carried(mobile, browser)
    assert other.json("/g/card/sheaf").json["cards"][0]["slots"]
    holds(mobile, hotel, "802")  # while it is in force, both hold the second room's card, too
    assert len(other.json("/g/card/sheaf").json["cards"]) == 2
    for one in Stay.select().where(Stay.state == "in_house"):
        stays.check_out(one, by=hotel.desk)
    holds(mobile, hotel, stay.room.name)
    assert [card["room"] for card in mobile.json("/g/card/sheaf").json["cards"]] == ["801"]
    assert not any(card["slots"] for card in other.json("/g/card/sheaf").json["cards"])


def test_a_wrong_number_is_said_and_kept_in_the_field(mobile, hotel):
    page = mobile.post("/g/claim", t=scans(mobile, hotel), phone='12"<b>')
    assert page.status_code == 400
    assert "This is not a phone number." in page.text
    assert 'value="12&#34;&lt;b&gt;"' in page.text
    assert claims.Claim.select().count() == 0
    mobile.post("/g/claim", t=scans(mobile, hotel), phone="13800001234")
    assert Holder.select().count() == 1


def test_a_stale_or_forged_desk_qr_says_to_scan_again(mobile, hotel, time):
    ticket = claims.desk_ticket(hotel.property)
    time.passes(minutes=16)
    page = mobile.get(f"/g/claim?t={ticket}")
    assert page.status_code == 410
    assert "Scan the QR at the front desk again." in page.text
    for bad in ("x", ticket[:-2], "ä" * 40, "." * 200):
        assert mobile.get(f"/g/claim?t={bad}").status_code == 400
    assert "Scan the QR at the desk" in mobile.get("/g/claim").text


def test_a_claim_that_ended_offers_to_start_again(mobile, hotel, time):
    mobile.post("/g/claim", t=scans(mobile, hotel), phone="13800001234")
    code = claims.Claim.get().code
    time.passes(minutes=16)
    page = mobile.get(f"/g/claim/{code}")
    assert "This code has ended" in page.text
    assert "Start again" in page.text
    assert mobile.get(f"/g/claim/{code}/state").json == {"state": "ended"}


def test_starting_again_withdraws_the_claim(mobile, hotel):
    mobile.post("/g/claim", t=scans(mobile, hotel), phone="13800001234")
    page = mobile.post(f"/g/claim/{claims.Claim.get().code}/withdraw")
    assert page.request.path == "/g/claim"
    assert 'name="phone"' in page.text
    assert claims.waiting(hotel.property) == []


def test_another_phones_claim_is_not_found(mobile, browser, hotel):
    mobile.post("/g/claim", t=scans(mobile, hotel), phone="13800001234")
    code = claims.Claim.get().code
    stranger = browser()
    assert stranger.get(f"/g/claim/{code}").status_code == 404
    scans(stranger, hotel)
    assert stranger.post(f"/g/claim/{code}/withdraw").status_code == 404
    assert stranger.json("/g/card/sheaf").json["cards"] == []
    assert claims.Claim.get().state == "waiting"


def confirmed(mobile, hotel, room="801"):
    """A phone whose claim the desk confirmed for a draft; returns the stay."""
    mobile.post("/g/claim", t=scans(mobile, hotel), phone="13800001234")
    stay = hotel.draft(room)
    claim = claims.Claim.select().order_by(claims.Claim.id.desc()).get()
    claims.confirm(claim, stay.present()[0], claim.code, "1234", by=hotel.desk)
    return stay


def test_the_waiting_page_hears_of_the_confirmation(mobile, hotel):
    confirmed(mobile, hotel)
    code = claims.Claim.get().code
    assert mobile.get(f"/g/claim/{code}/state").json == {"state": "confirmed"}
    assert mobile.get(f"/g/claim/{code}").location == "/g/card"


def test_the_card_is_prepared_then_active_then_ended(mobile, hotel, time):
    stay = confirmed(mobile, hotel)
    page = mobile.get("/g/card").text
    for words in ("Lakeside", "801", stay.order.number, "Your card is being prepared"):
        assert words in page
    facts = mobile.get("/g/card/sheaf").json
    assert facts["now"] == time.now_s
    assert [(card["state"], card["slots"]) for card in facts["cards"]] == [("prepared", [])]

    stays.check_in(Stay.get_by_id(stay.id), by=hotel.desk)
    card = mobile.get("/g/card/sheaf").json["cards"][0]
    assert card["state"] == "active"
    assert len(card["slots"]) > 50
    assert {len(text) for _, _, text in card["slots"]} == {151}
    assert all(nbf < exp for nbf, exp, _ in card["slots"])
    assert card["slots"][0][0] <= time.now_s < card["slots"][0][1]
    assert len(mobile.get("/g/card/sheaf?slots=3").json["cards"][0]["slots"]) == 3

    stays.check_out(Stay.get_by_id(stay.id), by=hotel.desk)
    card = mobile.get("/g/card/sheaf").json["cards"][0]
    assert (card["state"], card["slots"]) == ("ended", [])
    assert "This card has ended" in mobile.get("/g/card").text
    time.passes(days=2)
    assert "No room card here" in mobile.get("/g/card").text


def test_dates_are_in_the_hotels_zone_and_the_guests_language(mobile, browser, hotel):
    confirmed(mobile, hotel)
    assert "Nov 25 12:00" in mobile.get("/g/card").text
    assert "11月25日 12:00" in mobile.get("/g/card", **{"Accept-Language": "zh"}).text


def test_odd_questions_for_the_sheaf_do_no_harm(mobile, hotel):
    stay = confirmed(mobile, hotel)
    stays.check_in(Stay.get_by_id(stay.id), by=hotel.desk)
    for odd in ("0", "-5", "x", "99999999999999999999"):
        assert mobile.get(f"/g/card/sheaf?slots={odd}").status_code == 200


def test_a_joiner_has_a_card_of_their_own(mobile, browser, hotel):
    stay = confirmed(mobile, hotel)
    guest = stays.name_guest(Stay.get_by_id(stay.id), "Joiner", by=hotel.desk)
    other = browser()
    other.post("/g/claim", t=scans(other, hotel), phone="13900005678")
    claim = claims.waiting(hotel.property)[0].claim
    claims.confirm(claim, guest, claim.code, "5678", by=hotel.desk)
    stays.check_in(Stay.get_by_id(stay.id), by=hotel.desk)
    shown = {phone.json("/g/card/sheaf").json["cards"][0]["key"] for phone in (mobile, other)}
    assert shown == {key.key_id for key in keys.Key.select()}
    assert len(shown) == 2


def test_all_cards_of_a_phone_are_on_one_page(mobile, hotel, time):
    stay = confirmed(mobile, hotel)
    stays.check_in(Stay.get_by_id(stay.id), by=hotel.desk)
    other = confirmed(mobile, hotel, "802")
    stays.check_in(Stay.get_by_id(other.id), by=hotel.desk)
    now = time.now_ms
    keys.issue_staff(
        Holder.get(), hotel.property, 0b11, "Housekeeping 8F", now - 1000, now + 28_800_000, by=hotel.desk
    )
    page = mobile.get("/g/card").text
    assert re.findall(r'data-choose="\w+" aria-pressed="\w+">([^<]+)<', page) == ["Housekeeping 8F", "802", "801"]
    assert page.count("<dd>Lift</dd>") == 2  # a common door that the rooms' cards open; not the staff's gate
    assert "<dd>Guests</dd>" in page  # the staff card's zone
    facts = {card["room"]: card for card in mobile.json("/g/card/sheaf").json["cards"]}
    assert [facts[room]["life"] for room in ("Housekeeping 8F", "801")] == [43_200, 86_400]
    assert all(len(facts[room]["slots"]) > 50 for room in facts)


def test_the_service_worker_reaches_the_guests_pages_and_is_never_stale(mobile):
    script = mobile.raw("/g/sw.js")
    assert script.status_code == 200
    assert script.mimetype == "text/javascript"
    assert script.headers["Cache-Control"] == "no-cache"


def test_the_card_page_names_all_that_it_is_made_of(mobile, hotel, app):
    from pathlib import Path

    confirmed(mobile, hotel)
    folder = Path(app.static_folder)
    page = mobile.get("/g/card").text
    named = set(re.findall(r'(?:href|src)="/static/((?:js|vendor)/[^"]+)"', page))
    for name in named:
        for part in re.findall(r'^import .* from "([^"]+)";', (folder / name).read_text("utf-8"), re.MULTILINE):
            assert str((folder / name).parent.joinpath(part).resolve().relative_to(folder.resolve())) in named, part
