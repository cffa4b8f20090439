"""The desk's journeys of a stay: in house, walk-in, joiners, longer, moved, undone, re-keyed, paid; failures."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from lockmate import keys, staff, stays
from lockmate.doors import policies
from lockmate.keys import Key
from lockmate.properties import Property
from lockmate.stays import Guest, Payment, Stay


@pytest.fixture
def in_house(hotel, phone):
    """A stay in 801 whose guest holds a key."""
    stay = hotel.draft("801", name="Wang Xiaoming")
    phone.gets_key(hotel, stay)
    return stays.check_in(Stay.get_by_id(stay.id), by=hotel.desk)


def truths(desk, stay):
    return desk.part(f"/desk/stays/{stay.id}/guests").text


def test_who_is_in_house_is_listed_with_the_lock_beside_each_name(desk, hotel, in_house, links):
    stays.name_guest(in_house, "Li Na", by=hotel.desk)
    joiner = Guest.get(Guest.name == "Li Na")
    page = desk.get("/desk/in-house")
    assert "Wang Xiaoming" in page.text
    assert f"/desk/claims?guest={joiner.id}" in links(page)
    assert f"/desk/claims?guest={in_house.present()[0].id}" not in links(page)
    assert "Leaves today" not in page.text
    assert "Li Na" in desk.get("/desk/in-house?q=li%20na").text
    assert "Nobody in house matches" in desk.get("/desk/in-house?q=zhou").text


def test_a_walk_in_is_one_form(desk, hotel):
    page = desk.get("/desk/walk-in")
    assert "its earlier keys end" in page.text
    tomorrow = (hotel.today() + timedelta(days=1)).isoformat()
    page = desk.post(
        "/desk/walk-in", room="802", name=["Chen", "Zhou", ""], phone=["13900001111", "", ""], departure=tomorrow,
        amount="380.50", method="wechat", note="deposit",
    )
    stay = Stay.get()
    assert page.request.path == f"/desk/stays/{stay.id}"
    assert "Room 802 is checked in." in page.text
    assert [guest.name for guest in stay.present()] == ["Chen", "Zhou"]
    assert (stay.state, Payment.get().amount_minor, Payment.get().method) == ("in_house", 38050, "wechat")
    assert "CN¥380.50" in page.text
    assert "deposit" in page.text


def test_a_wrong_walk_in_keeps_what_was_typed(desk, hotel):
    desk.get("/desk/walk-in")
    tomorrow = (hotel.today() + timedelta(days=1)).isoformat()
    page = desk.post(
        "/desk/walk-in", room="802", name=["Chen", "Zhou"], phone=["x", ""], departure=tomorrow, amount="1e9",
        method="cash",
    )  # fmt: skip
    assert page.status_code == 400
    assert "amount" in page.text
    assert 'value="Zhou"' in page.text
    assert re.search(r'value="802" required checked', page.text)
    assert Stay.select().count() == 0


def test_a_walk_in_of_today_is_day_use(desk, hotel):
    hotel.property.day_use_end = "23:59"
    hotel.property.save()
    desk.get("/desk/walk-in")
    desk.post("/desk/walk-in", room="802", name="Chen", phone="", departure=hotel.today().isoformat(), method="cash")
    stay = Stay.get()
    assert stay.order.departure == stay.order.arrival
    assert "Leaves today" in desk.get("/desk/in-house").text


def test_a_joiner_is_removed_with_a_sentence_about_the_key(desk, hotel, in_house, phones):
    stays.name_guest(Stay.get_by_id(in_house.id), "Li Na", by=hotel.desk)
    joiner = Guest.get(Guest.name == "Li Na")
    phones("13900005678").gets_key(hotel, Stay.get_by_id(in_house.id), joiner)
    page = desk.get(f"/desk/guests/{joiner.id}/remove")
    assert "Li Na&#39;s key for room 801 ends at once" in page.text
    page = desk.post(f"/desk/guests/{joiner.id}/remove")
    assert "Li Na is removed" in page.text
    assert "Guest removed." in page.text
    assert Guest.get_by_id(joiner.id).removed_at


def test_a_guest_is_renamed(desk, in_house):
    guest = in_house.present()[0]
    desk.get(f"/desk/guests/{guest.id}/rename")
    page = desk.post(f"/desk/guests/{guest.id}/rename", name="Wang Da", phone="13811112222")
    assert "Wang Da" in page.text
    assert Guest.get_by_id(guest.id).phone == "13811112222"


def test_an_extension_takes_the_keys_with_it(desk, hotel, in_house):
    assert "longer ones go on by themselves" in desk.get(f"/desk/stays/{in_house.id}/extend").text
    later = (hotel.today() + timedelta(days=3)).isoformat()
    page = desk.post(f"/desk/stays/{in_house.id}/extend", departure=later, time="12:00")
    assert "now last until" in page.text
    assert Key.get().ends_at == Stay.get().ends_at
    sooner = (hotel.today() + timedelta(days=1)).isoformat()
    page = desk.post(f"/desk/stays/{in_house.id}/extend", departure=sooner, time="09:30")
    assert "now end at" in page.text
    page = desk.post(f"/desk/stays/{in_house.id}/extend", departure=hotel.today().isoformat(), time="00:30")
    assert "end_in_past" in page.text


def test_a_move_with_grace_runs_and_is_called_off(desk, hotel, in_house):
    page = desk.get(f"/desk/stays/{in_house.id}/move")
    assert "at most 15 minutes" in page.text
    page = desk.post(f"/desk/stays/{in_house.id}/move", room="803", when="grace")
    assert "The stay moves from 801 to 803" in page.text
    assert "Both rooms open; 801 closes at the first open of 803" in page.text
    assert "Moving out" in desk.get("/desk/").text
    assert "The move is called off" in desk.get(f"/desk/stays/{in_house.id}/move-back").text
    page = desk.post(f"/desk/stays/{in_house.id}/move-back")
    assert "The stay is in 801 again" in page.text
    assert "Moved back." in page.text
    assert Stay.get().room.name == "801"


def version_on(page):
    return re.search(r'name="version" value="([0-9]+)"', page.text)[1]


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_a_year_beyond_the_calendars_edge_is_a_wrong_date(desk, hotel, in_house, day):
    Property.update(timezone="America/New_York").where(Property.id == hotel.property.id).execute()
    desk.get("/desk/walk-in")
    assert desk.post(f"/desk/stays/{in_house.id}/extend", departure=day, time="23:59").status_code == 400
    assert desk.post("/desk/walk-in", room="802", name="Li", phone="", departure=day).status_code in (400, 409)


def test_a_step_that_was_sent_twice_is_done_once(desk, hotel, in_house):
    stays.move(in_house, hotel.door("803"), by=hotel.desk, at_once=True)
    back = f"/desk/stays/{in_house.id}/move-back"
    version = version_on(desk.get(back))
    desk.post(back, version=version)
    again = desk.post(back, version=version)  # its first answer was lost on the way
    assert again.status_code == 409
    assert "changed_meanwhile" in again.text
    assert "Try again" not in again.text
    assert Stay.get_by_id(in_house.id).room.name == "801"
    guest = in_house.present()[0]
    steps = {
        "move": {"room": "802", "when": "grace"},
        "rekey": {"lost": str(guest.id)},
        "payments": {"amount": "10", "method": "cash"},
    }
    for page, fields in steps.items():
        assert version_on(desk.get(f"/desk/stays/{in_house.id}/{page}"))
        assert desk.post(f"/desk/stays/{in_house.id}/{page}", version=version, **fields).status_code == 409
    pay, version = f"/desk/stays/{in_house.id}/payments", Stay.get_by_id(in_house.id).version
    answers = [desk.post(pay, version=version, **steps["payments"]).status_code for _ in range(2)]
    assert (answers, Payment.select().count()) == ([200, 409], 1)


def test_a_move_at_once_says_what_the_old_door_confirmed(desk, hotel, in_house, time):
    companion = hotel.companion("801")
    companion.reports()
    keys.sheaf(Key.get(), time.now_s)
    time.passes(seconds=5)
    desk.get("/desk/")
    page = desk.post(f"/desk/stays/{in_house.id}/move", room="803", when="at_once")
    assert "The stay is now in 803; the keys of 801 are ended." in page.text
    assert "Moved to another room." in page.text
    assert "Can still open 801 until" in truths(desk, in_house)
    time.passes(seconds=2)
    companion.holds(policies.newest(hotel.door("801")))
    companion.reports()
    assert "Ended, confirmed by the door at" in truths(desk, in_house)
    assert "It is a new move" in desk.get(f"/desk/stays/{in_house.id}/move-back").text
    page = desk.post(f"/desk/stays/{in_house.id}/move-back")
    assert "The stay is in 801 again" in page.text


def test_a_check_out_is_undone(desk, hotel, in_house):
    desk.get("/desk/")
    page = desk.post(f"/desk/stays/{in_house.id}/check-out")
    assert f"/desk/stays/{in_house.id}/undo-check-out" in page.text
    assert "The same phones get new keys" in desk.get(f"/desk/stays/{in_house.id}/undo-check-out").text
    page = desk.post(f"/desk/stays/{in_house.id}/undo-check-out")
    assert "Room 801 is in house again" in page.text
    assert "Checked out." in page.text
    assert "Opens until" in page.text


def test_a_lost_phone_is_chosen(desk, hotel, in_house, phones):
    stays.name_guest(Stay.get_by_id(in_house.id), "Li Na", by=hotel.desk)
    joiner = Guest.get(Guest.name == "Li Na")
    phones("13900005678").gets_key(hotel, Stay.get_by_id(in_house.id), joiner)
    page = desk.get(f"/desk/stays/{in_house.id}/rekey")
    assert "every other phone gets a new key by itself" in page.text
    assert "bad_field" in desk.post(f"/desk/stays/{in_house.id}/rekey").text
    page = desk.post(f"/desk/stays/{in_house.id}/rekey", lost=joiner.id)
    assert "The lost keys of Li Na are ended" in page.text
    assert "Phone lost." in page.text
    assert "Replaced after a lost phone." in page.text
    assert page.text.count("Issue a key to") > 0


def test_what_else_a_lost_phone_holds_is_said_before_and_after(desk, hotel, in_house, time):
    other = hotel.checked_in("802", name="Wang Xiaoming")
    stays.authorise_again(other.present()[0], holder_of=in_house.present()[0], by=hotel.desk)
    holder = Stay.get_by_id(in_house.id).present()[0].key.holder
    shift = (time.now_ms, time.now_ms + 3_600_000)
    staff_key = keys.issue_staff(holder, hotel.property, 1 << 8, "Mei · Housekeeping", *shift, by=hotel.desk)
    page = desk.get(f"/desk/stays/{in_house.id}/rekey")
    assert "The same phone also holds: room 802, Mei · Housekeeping" in page.text
    page = desk.post(f"/desk/stays/{in_house.id}/rekey", lost=in_house.present()[0].id)
    assert "The lost phone also holds: room 802, Mei · Housekeeping. End these as well" in page.text
    staff.Account.update(role="manager").execute()
    page = desk.get(f"/desk/staff-keys/{staff_key.id}/end")
    assert "it also holds: room 802. End these as well" in page.text
    stays.rekey(Stay.get_by_id(other.id), Stay.get_by_id(other.id).present(), by=hotel.desk)
    assert "also holds" not in desk.get(f"/desk/staff-keys/{staff_key.id}/end").text


def test_one_phone_for_two_rooms(desk, hotel, in_house):
    other = hotel.checked_in("802", name="Wang Xiaoming")
    guest = other.present()[0]
    page = desk.get(f"/desk/guests/{guest.id}/authorise-again")
    assert "That phone gets a key for room 802 besides the one it has" in page.text
    page = desk.post(f"/desk/guests/{guest.id}/authorise-again", other=in_house.present()[0].id)
    assert "Wang Xiaoming now holds a key for room 802." in page.text
    assert Key.select(Key.holder).distinct().count() == 1


def test_payments_are_written_down(desk, in_house):
    desk.get(f"/desk/stays/{in_house.id}/payments")
    page = desk.post(f"/desk/stays/{in_house.id}/payments", amount="-20", method="cash", note="")
    assert "Written down: -CN¥20.00." in page.text
    for wrong in ("", "a", "1.234", "0"):
        assert desk.post(f"/desk/stays/{in_house.id}/payments", amount=wrong, method="cash").status_code == 400
    assert Payment.select().count() == 1


def test_a_failure_has_a_code_a_second_try_and_a_report(desk, hotel, in_house):
    second = hotel.draft("801", name="Li")
    desk.get("/desk/")
    page = desk.post(f"/desk/stays/{second.id}/check-in")
    assert f'action="/desk/stays/{second.id}/check-in"' in page.text
    assert "Try again" in page.text
    report = re.search(r"<textarea[^>]*>(.*?)</textarea>", page.text, re.DOTALL)[1]
    for line in ("Hotel: Lakeside", "Room: 801", "Time: 2026-11-24 01:01:40", "Code: room_occupied (409)", "By: anna@"):
        assert line in report
    guest = second.present()[0]
    page = desk.post(f"/desk/guests/{guest.id}/authorise", claim="7", code="A1-11", last4="<b>12")
    assert 'name="last4" value="&lt;b&gt;12"' in page.text


def test_a_form_sent_from_a_dialog_is_told_where_the_page_goes_on(desk, in_house):
    desk.get(f"/desk/stays/{in_house.id}/payments")
    fields = {"csrf_token": desk._token, "amount": "10", "method": "cash"}
    answer = desk._client.post(
        f"/desk/stays/{in_house.id}/payments", data=fields, headers={"X-Fragment": "1", "Accept-Language": "en"}
    )
    assert (answer.status_code, answer.headers["X-Go"]) == (204, f"/desk/stays/{in_house.id}")
    answer = desk._client.post(
        f"/desk/stays/{in_house.id}/payments", data=fields | {"amount": "x"}, headers={"X-Fragment": "1"}
    )
    assert answer.status_code == 400
    assert "<html" not in answer.text
    assert "Written down" in desk.get(f"/desk/stays/{in_house.id}").text
    assert Payment.select().count() == 1


def test_another_hotels_guests_and_stays_are_not_found(desk, another_hotel):
    theirs = another_hotel.checked_in("801")
    guest = theirs.present()[0]
    desk.get("/desk/")
    for path in ("extend", "move", "move-back", "undo-check-out", "rekey", "payments"):
        assert desk.get(f"/desk/stays/{theirs.id}/{path}").status_code == 404
        assert desk.post(f"/desk/stays/{theirs.id}/{path}", room="801").status_code == 404
    for path in ("rename", "remove", "authorise-again"):
        assert desk.get(f"/desk/guests/{guest.id}/{path}").status_code == 404
        assert desk.post(f"/desk/guests/{guest.id}/{path}").status_code == 404
