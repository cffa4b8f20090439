"""The desk's pages, from log-in to check-out, as a browser sends and reads them."""

from __future__ import annotations

import re
from datetime import timedelta

from lockmate import claims, clock, keys, records, stays
from lockmate.doors import policies
from lockmate.keys import Key


def test_a_page_sends_who_is_not_logged_in_to_the_log_in_and_back(browser):
    anna = browser()
    sent = anna.get("/desk/arrivals?q=Wang")
    assert sent.status_code == 302
    assert sent.location == "/desk/login?next=/desk/arrivals?q%3DWang"
    anna.get(sent.location)
    after = "/desk/arrivals?q=Wang"
    sent = anna.post_only("/desk/login", name="anna@Lakeside", password="correct horse", next=after)
    assert sent.location == after


def test_a_wrong_password_says_what_to_do(browser):
    anna = browser()
    answer = anna.logs_in("anna@Lakeside", "wrong")
    assert answer.status_code == 401
    assert "Name and password do not belong together." in answer.text
    assert anna.get("/desk/").status_code == 302


def test_log_in_leads_nowhere_else(browser):
    for elsewhere in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        anna = browser()
        anna.get("/desk/login")
        sent = anna.post_only("/desk/login", name="anna@Lakeside", password="correct horse", next=elsewhere)
        assert sent.location == "/desk/"


def test_an_answer_to_a_question_of_before_brings_no_session_back(desk, hotel):
    hotel.checked_in("801")
    parts = ["/desk/in-house/list", "/desk/claims/list", "/desk/stays/1/guests", "/desk/stays/1/extend"]
    for path in parts:
        answer = desk.part(path)
        assert (answer.status_code, answer.headers.getlist("Set-Cookie")) == (200, []), path
    assert desk.post_only("/desk/stays/1/guests", name="Li Na").headers.getlist("Set-Cookie"), "a message to be shown"


def test_logging_out_ends_the_session(desk):
    assert desk.get("/desk/").status_code == 200
    desk.post("/desk/logout")
    assert desk.get("/desk/").status_code == 302


def test_the_rack_shows_every_room_with_its_state(desk, hotel):
    hotel.checked_in("801", name="Wang Xiaoming")
    hotel.draft("802", name="Li Na")
    page = desk.get("/desk/").text
    assert "Wang Xiaoming" in page
    assert "Li Na" in page
    for words in ("Occupied", "Check-in", "Free", "No companion", "Lift"):
        assert words in page


def test_the_rack_part_is_not_sent_again_while_nothing_changed(desk, hotel):
    first = desk.part("/desk/rack")
    again = desk.part("/desk/rack", **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    hotel.checked_in("801")
    assert desk.part("/desk/rack", **{"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_arrivals_show_todays_and_late_orders_and_search_finds_others(desk, hotel):
    hotel.order(name="Wang Today")
    hotel.order(name="Zhou Late", arrival=hotel.today() - timedelta(days=1), nights=5)
    hotel.order(name="Chen Tomorrow", arrival=hotel.today() + timedelta(days=1))
    page = desk.get("/desk/arrivals").text
    assert "Wang Today" in page
    assert re.search(r"Zhou Late</strong> <span class=\"tag warn\">Late", page)
    assert "Chen Tomorrow" not in page
    assert "Chen Tomorrow" in desk.get("/desk/arrivals?q=chen").text
    assert "No order matches" in desk.get("/desk/arrivals?q=nobody").text


def test_an_order_is_entered_and_its_check_in_begun(desk, hotel):
    desk.get("/desk/orders/new")
    today = hotel.today()
    page = desk.post(
        "/desk/orders/new", guest_name="Wang", phone="138 0000 1234", arrival_date=today.isoformat(),
        departure_date=(today + timedelta(days=2)).isoformat(), room="803",
    )
    order = stays.Order.get()
    assert (order.guest_name, order.phone, order.room.number) == ("Wang", "13800001234", 803)
    assert page.request.path == f"/desk/orders/{order.id}/prepare"
    assert re.search(r'value="803" required checked', page.text)


def test_a_wrong_order_form_says_what_is_wrong_and_keeps_what_was_typed(desk, hotel):
    desk.get("/desk/orders/new")
    today = hotel.today().isoformat()
    page = desk.post("/desk/orders/new", guest_name="Wang & Söhne", phone="x", arrival_date=today, departure_date=today)
    assert page.status_code == 400
    assert "This is not a phone number." in page.text
    assert "Wang &amp; Söhne" in page.text
    page = desk.post("/desk/orders/new", guest_name="Wang", arrival_date=today, departure_date="soon")
    assert "These dates don&#39;t fit: departure." in page.text
    assert stays.Order.select().count() == 0


def test_the_whole_check_in(desk, mobile, hotel, links):
    order = hotel.order(name="Wang")
    desk.get(f"/desk/orders/{order.id}/prepare")
    page = desk.post(f"/desk/orders/{order.id}/prepare", room="801")
    stay, guest = stays.Stay.get(), stays.Guest.get()
    assert page.request.path == f"/desk/stays/{stay.id}"
    assert f"/desk/claims?guest={guest.id}" in links(page)

    url = desk.json("/desk/qr").json["url"]
    mobile.get(url[url.index("/g/") :])
    ticket = url.split("t=")[1]
    waits = mobile.post("/g/claim", t=ticket, phone="+86 138 0000 1234")
    code = re.search(r'huge code">([A-Z]\d-\d\d)<', waits.text)[1]

    listed = desk.part(f"/desk/claims?guest={guest.id}").text
    assert code in listed
    assert "•••• 1234" in listed
    claim = claims.Claim.get()
    confirm = desk.get(f"/desk/guests/{guest.id}/authorise?claim={claim.id}")
    assert f'large code">{code}<' in confirm.text
    assert 'large code">1234<' in confirm.text
    page = desk.post(f"/desk/guests/{guest.id}/authorise", claim=claim.id, code=code, last4="1234")
    assert "Wang now holds a key for room 801. It opens after check-in." in page.text
    assert "Opens nothing before check-in." in page.text

    page = desk.post(f"/desk/stays/{stay.id}/check-in")
    assert "Room 801 is checked in." in page.text
    assert "Opens until " in page.text
    card = mobile.get("/g/card").text
    assert order.number in card
    assert mobile.json("/g/card/sheaf").json["cards"][0]["slots"][0][2].startswith("HK1:")

    page = desk.post(f"/desk/stays/{stay.id}/check-out")
    assert "Room 801 is checked out." in page.text
    assert "Ended at " in page.text
    assert mobile.json("/g/card/sheaf").json["cards"][0]["state"] == "ended"
    assert Key.get().end_reason == "check_out"


def test_a_draft_is_found_again(desk, hotel):
    order = hotel.order()
    desk.get("/desk/arrivals")
    desk.post(f"/desk/orders/{order.id}/prepare", room="801")
    stay = stays.Stay.get()
    desk.post(f"/desk/stays/{stay.id}/guests", name="Joiner One", phone="")
    assert f'href="/desk/stays/{stay.id}"' in desk.get("/desk/arrivals").text
    assert desk.get(f"/desk/orders/{order.id}/prepare").location == f"/desk/stays/{stay.id}"
    assert "Joiner One" in desk.get(f"/desk/stays/{stay.id}").text
    desk.post(f"/desk/orders/{order.id}/prepare", room="802")
    assert stays.Stay.get().room.number == 802
    page = desk.post(f"/desk/stays/{stay.id}/discard")
    assert "the order is still open" in page.text
    assert order.number in page.text


def test_a_joiner_is_added_in_house_and_may_get_a_key(desk, hotel, links):
    stay = hotel.checked_in("801")
    desk.get(f"/desk/stays/{stay.id}")
    page = desk.post(f"/desk/stays/{stay.id}/guests", name="Joiner Two", phone="")
    assert "Joiner Two is added." in page.text
    joiner = stays.Guest.get(stays.Guest.name == "Joiner Two")
    assert f"/desk/claims?guest={joiner.id}" in links(desk.part(f"/desk/stays/{stay.id}/guests"))


def test_two_phones_with_one_number_are_flagged(desk, hotel, phone, phones):
    phone.claims_at(hotel)
    assert "Number twice" not in desk.part("/desk/claims/list").text
    phones(phone.number).claims_at(hotel)
    part = desk.part("/desk/claims/list").text
    assert part.count("Number twice") == 2
    assert [row["duplicate"] for row in desk.json("/desk/claims/list").json["claims"]] == [True, True]


def test_a_phone_number_is_never_shown_whole_in_the_list(desk, hotel, phone):
    phone.claims_at(hotel)
    assert phone.number not in desk.get("/desk/claims").text


def test_a_claim_that_ended_can_not_be_picked(desk, hotel, phone, time):
    stay = hotel.draft()
    guest, claim = stay.present()[0], phone.claims_at(hotel)
    desk.get("/desk/claims")
    time.passes(minutes=16)
    assert "No phone is waiting" in desk.part("/desk/claims/list").text
    page = desk.get(f"/desk/guests/{guest.id}/authorise?claim={claim.id}")
    assert page.status_code == 410
    assert "claim_ended" in page.text
    page = desk.post(f"/desk/guests/{guest.id}/authorise", claim=claim.id, code=claim.code, last4="1234")
    assert page.status_code == 410


def test_the_wrong_code_gives_no_key(desk, hotel, phone):
    guest, claim = hotel.draft().present()[0], phone.claims_at(hotel)
    desk.get("/desk/claims")
    page = desk.post(f"/desk/guests/{guest.id}/authorise", claim=claim.id, code="A1-11", last4="1234")
    assert "The code is not that of this phone." in page.text
    assert Key.select().count() == 0


def test_check_in_of_an_occupied_room_is_refused_in_words(desk, hotel):
    hotel.checked_in("801")
    second = hotel.draft("801", name="Li")
    desk.get("/desk/")
    page = desk.post(f"/desk/stays/{second.id}/check-in")
    assert page.status_code == 409
    assert "Somebody else still has a right to room 801 (Wang Xiaoming, until " in page.text
    assert "room_occupied" in page.text


def test_another_hotels_stay_is_not_found(desk, another_hotel, hotel):
    theirs = another_hotel.draft("801")
    guest = theirs.present()[0]
    desk.get("/desk/")
    for path in (f"stays/{theirs.id}", f"orders/{theirs.order_id}/prepare", f"claims?guest={guest.id}"):
        assert desk.get(f"/desk/{path}").status_code == 404
    for path in (f"/desk/stays/{theirs.id}/check-in", f"/desk/guests/{guest.id}/authorise"):
        assert desk.post(path, claim="1").status_code == 404


def test_the_door_page_says_who_opened_and_why_another_was_refused(desk, hotel, phone):
    companion = hotel.companion("801")
    stay = hotel.draft("801", name="Wang Xiaoming")
    key = phone.gets_key(hotel, stay)
    desk.get("/desk/")
    desk.post(f"/desk/stays/{stay.id}/check-in")
    companion.reports()
    lines = [
        companion.line("opened", road="qr", verdict="open", key_id=key.key_id, generation=1),
        companion.line("refused", road="qr", verdict="wrong_door", count=3),
        companion.line("refused", road="qr", verdict="privacy", key_id=key.key_id),
        companion.line("card_open", card=None),
        companion.line("newer_than_us"),
    ]
    records.store(companion.row, [records.parse(companion.link_key, line) for line in lines], clock.now_ms())
    page = desk.get("/desk/doors/801").text
    assert "Wang Xiaoming" in page
    assert "Wrong door" in page
    assert "× 3" in page
    assert page.count('<span class="tag">Unverified') == 2  # among the events, and among those refused
    assert "Privacy is on" in page
    assert "Opened by IC card" in page
    assert "newer_than_us" in page
    assert "Behind" in page
    companion.holds(policies.newest(hotel.door("801")))
    companion.reports()
    assert "In step" in desk.part("/desk/doors/801/health").text


def test_checked_out_keys_may_still_open_until_the_door_confirms(desk, hotel, phone, time):
    companion = hotel.companion("801")
    companion.reports()
    stay = hotel.draft("801")
    phone.gets_key(hotel, stay)
    desk.get("/desk/")
    desk.post(f"/desk/stays/{stay.id}/check-in")
    keys.sheaf(Key.get(), time.now_s)
    time.passes(hours=1)
    desk.post(f"/desk/stays/{stay.id}/check-out")
    assert "Can still open 801 until" in desk.part(f"/desk/stays/{stay.id}/guests").text
    time.passes(seconds=5)
    companion.holds(policies.newest(hotel.door("801")))
    companion.reports()
    assert "Ended, confirmed by the door at" in desk.part(f"/desk/stays/{stay.id}/guests").text
