"""Stays: from an order to check-in and check-out, in the desk's words."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockmate import doors, keys, stays
from lockmate.doors import policies, rooms
from lockmate.doors.models import Denial, Policy
from lockmate.errors import BadDates, BadPhone, NotFound
from lockmate.keys import Key
from lockmate.staff import Audit
from lockmate.stays import Guest, Order, Stay, phone_of

pytestmark = pytest.mark.both_databases


def fresh(row):
    return type(row).get_by_id(row.id)


def test_orders_are_numbered_by_the_day_and_a_count(hotel, another_hotel):
    assert [hotel.order().number for _ in range(3)] == ["261124-0001", "261124-0002", "261124-0003"]
    assert another_hotel.order().number == "261123-0001"  # it is still yesterday there


def test_an_order_keeps_what_was_entered(hotel):
    order = hotel.order("  Wang   Xiaoming ", "+86 138-0000-1234", nights=2)
    assert (order.guest_name, order.phone, order.state) == ("Wang Xiaoming", "+8613800001234", "booked")
    assert hotel.order(phone="").phone == ""


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\x00b"])
def test_a_name_that_is_none_is_refused(hotel, name):
    with pytest.raises(stays.BadName):
        hotel.order(name)


@pytest.mark.parametrize("nights", [-1, 400])
def test_departure_is_not_before_arrival(hotel, nights):
    with pytest.raises(BadDates):
        hotel.order(nights=nights)


def test_an_order_wishes_for_a_room_of_this_hotel(hotel, another_hotel):
    day = date(2026, 12, 1)
    enter = stays.orders.enter
    with pytest.raises(doors.NotARoom):
        enter(hotel.property, "A", "", day, date(2026, 12, 2), hotel.door("Lift"), by=hotel.desk)
    with pytest.raises(NotFound):
        enter(hotel.property, "A", "", day, date(2026, 12, 2), another_hotel.door("801"), by=hotel.desk)


def test_arrivals_are_the_open_orders_of_today_and_before(hotel, time):
    today, cancelled = hotel.order(), hotel.order()
    hotel.order(arrival=date(2026, 12, 24))
    stays.orders.cancel(cancelled, by=hotel.desk)
    assert stays.orders.arrivals(hotel.property) == [today]
    with pytest.raises(stays.OrderNotOpen):
        stays.orders.cancel(cancelled, by=hotel.desk)


@pytest.mark.parametrize("text", ["138 0000 1234", "(138)0000-1234", "１３８00001234", "138.0000.1234"])
def test_a_phone_number_is_read_as_people_write_it(text):
    assert phone_of(text) == "13800001234"


@pytest.mark.parametrize("text", ["", "12345", "1" * 16, "12345a", "++123456", "123+456", "none"])
def test_what_is_no_phone_number_is_refused(text):
    with pytest.raises(BadPhone):
        phone_of(text)


@given(st.text(max_size=20))
def test_any_text_is_a_number_or_refused(text):
    try:
        number = phone_of(text)
    except BadPhone:
        return
    assert number.removeprefix("+").isascii()
    assert 6 <= len(number.removeprefix("+")) <= 15
    assert phone_of(number) == number


def test_a_draft_has_the_guest_who_booked_and_the_hotels_hours(hotel):
    stay = hotel.draft("801", arrival=date(2026, 11, 24), nights=2)
    assert (stay.state, stay.room.name) == ("draft", "801")
    assert [(g.name, g.phone) for g in stay.present()] == [("Wang Xiaoming", "13800001234")]
    assert datetime.fromtimestamp(stay.starts_at / 1000, UTC) == datetime(2026, 11, 24, 6, tzinfo=UTC)  # 14:00 there
    assert datetime.fromtimestamp(stay.ends_at / 1000, UTC) == datetime(2026, 11, 26, 4, tzinfo=UTC)  # 12:00 there


def test_the_nights_when_the_clocks_change_are_an_hour_shorter_or_longer(another_hotel):
    hours = [
        (stays.bounds.of_dates(another_hotel.property, *dates))
        for dates in (
            (date(2027, 3, 27), date(2027, 3, 28)),
            (date(2027, 10, 30), date(2027, 10, 31)),
            (date(2027, 6, 1), date(2027, 6, 2)),
        )
    ]
    assert [(ends - starts) // 3_600_000 for starts, ends in hours] == [21, 23, 22]


def test_an_hour_that_never_exists_counts_for_the_guest(another_hotel):
    hotel = another_hotel.property
    hotel.check_in_time = hotel.check_out_time = "01:30"
    march = date(2027, 3, 28)  # Lisbon's clocks go from 01:00 to 02:00
    starts, _ = stays.bounds.of_dates(hotel, march, date(2027, 3, 30))
    _, ends = stays.bounds.of_dates(hotel, date(2027, 3, 26), march)
    assert datetime.fromtimestamp(starts / 1000, UTC) == datetime(2027, 3, 28, 0, 30, tzinfo=UTC)
    assert datetime.fromtimestamp(ends / 1000, UTC) == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)


def test_an_hour_that_exists_twice_counts_for_the_guest(another_hotel):
    hotel = another_hotel.property
    hotel.check_in_time = hotel.check_out_time = "01:30"
    october = date(2027, 10, 31)
    starts, _ = stays.bounds.of_dates(hotel, october, date(2027, 11, 1))
    _, ends = stays.bounds.of_dates(hotel, date(2027, 10, 30), october)
    assert ends - starts == 3_600_000


def test_preparing_again_gives_the_same_draft(hotel):
    order = hotel.order()
    first = stays.prepare(order, hotel.door("801"), by=hotel.desk)
    assert stays.prepare(order, hotel.door("801"), by=hotel.desk).id == first.id
    assert Guest.select().count() == 1


def test_another_room_moves_the_draft_with_its_prepared_key(hotel, phone, time):
    order = hotel.order()
    stay = stays.prepare(order, hotel.door("801"), by=hotel.desk)
    key = phone.gets_key(hotel, stay)
    stay = stays.prepare(order, hotel.door("802"), by=hotel.desk)
    stays.check_in(stay, by=hotel.desk)
    assert fresh(key).door.name == "802"
    assert rooms.rules_of(hotel.door("802")).taken
    assert not rooms.rules_of(hotel.door("801")).taken


def test_a_common_door_is_no_room_to_stay_in(hotel):
    with pytest.raises(doors.NotARoom):
        hotel.draft("Lift")


def test_check_in_takes_the_rooms_generation_opens_the_keys_and_tells_the_door(hotel, phone, time):
    stay = hotel.draft("801", nights=2)
    key = phone.gets_key(hotel, stay)
    assert fresh(key).state == "prepared"
    stay = stays.check_in(fresh(stay), by=hotel.desk)
    key = fresh(key)
    assert (stay.state, stay.generation, stay.checked_in_at) == ("in_house", 1, time.now_ms)
    assert (key.state, key.generation, key.ends_at) == ("active", 1, stay.ends_at)
    assert key.starts_at == stay.starts_at == time.now_ms  # it is an hour before the day begins: an early guest
    assert fresh(stay.order).state == "checked_in"
    assert json.loads(bytes(policies.newest(stay.room).body))["generation"] == 1
    assert Audit.get(Audit.verb == "stay:check_in").actor == hotel.desk.name


def test_a_late_guest_keeps_the_hours_of_the_stay(hotel, phone, time):
    stay = hotel.draft("801")
    planned = stay.starts_at
    time.passes(hours=16)
    assert stays.check_in(stay, by=hotel.desk).starts_at == planned


def test_an_occupied_room_is_not_given_again(hotel):
    hotel.checked_in("801")
    draft = hotel.draft("801")
    with pytest.raises(doors.RoomOccupied):
        stays.check_in(draft, by=hotel.desk)
    assert fresh(draft).state == "draft"
    assert rooms.rules_of(hotel.door("801")).generation == 1


def test_a_room_whose_ledger_is_taken_is_not_given(hotel):
    rooms.give(hotel.door("801"))
    with pytest.raises(doors.RoomOccupied):
        hotel.checked_in("801")


def test_a_stay_needs_a_guest(hotel, time):
    stay = hotel.draft("801")
    Guest.update(removed_at=time.now_ms).execute()
    with pytest.raises(stays.NoGuests):
        stays.check_in(stay, by=hotel.desk)


def test_a_stay_whose_departure_is_past_is_not_checked_in(hotel, time):
    stay = hotel.draft("801")
    time.passes(days=3)
    with pytest.raises(stays.StayOver):
        stays.check_in(stay, by=hotel.desk)


def test_checking_in_twice_is_refused_and_changes_nothing(hotel):
    stay = hotel.draft("801")
    stays.check_in(stay, by=hotel.desk)
    with pytest.raises(stays.StayNotDraft):
        stays.check_in(stay, by=hotel.desk)
    assert rooms.rules_of(hotel.door("801")).generation == 1


def test_two_desks_at_once_do_not_overwrite_each_other(hotel):
    stay = hotel.draft("801")
    other_desk = Stay.get_by_id(stay.id)
    stays.name_guest(stay, "Li", by=hotel.desk)
    with pytest.raises(stays.ChangedMeanwhile):
        stays.name_guest(other_desk, "Zhang", by=hotel.desk)
    with pytest.raises(stays.ChangedMeanwhile):
        stays.check_in(other_desk, by=hotel.desk)
    assert len(stay.present()) == 2


def test_check_out_ends_the_keys_denies_them_and_closes_the_generation(hotel, phone, phones, time):
    stay = hotel.draft("801")
    mine = phone.gets_key(hotel, stay)
    joiner = stays.name_guest(fresh(stay), "Li", "13900005678", by=hotel.desk)
    theirs = phones("13900005678").gets_key(hotel, stay, joiner)
    stay = stays.check_in(fresh(stay), by=hotel.desk)
    keys.sheaf(mine, time.now_s, slots=2)
    keys.sheaf(theirs, time.now_s, slots=2)
    before = Policy.select().count()
    time.passes(minutes=3)
    stay = stays.check_out(stay, by=hotel.desk)
    assert (stay.state, stay.checked_out_at) == ("ended", time.now_ms)
    assert {(key.state, key.end_reason) for key in Key.select()} == {("ended", "check_out")}
    assert sorted((row.door.name, row.key_id) for row in Denial.select()) == sorted(
        (door, key.key_id) for door in ("801", "Lift") for key in (mine, theirs)
    )
    rules = rooms.rules_of(hotel.door("801"))
    assert (rules.generation, rules.taken) == (2, False)
    assert Policy.select().count() == before + 2  # the room and the lift, once each
    assert json.loads(bytes(policies.newest(stay.room).body))["generation"] == 2


def test_the_next_stay_takes_the_next_generation(hotel):
    stays.check_out(hotel.checked_in("801"), by=hotel.desk)
    assert hotel.checked_in("801").generation == 2


def test_a_draft_whose_order_was_cancelled_meanwhile_is_not_checked_in(hotel):
    stay = hotel.draft("801")
    stays.orders.cancel(stay.order, by=hotel.desk)
    with pytest.raises(stays.StayNotDraft):
        stays.check_in(stay, by=hotel.desk)
    assert (fresh(stay).state, fresh(stay.order).state) == ("discarded", "cancelled")


def test_checking_out_twice_is_refused_with_a_plain_answer(hotel):
    stay = hotel.checked_in("801")
    stays.check_out(stay, by=hotel.desk)
    with pytest.raises(stays.StayEnded):
        stays.check_out(stay, by=hotel.desk)
    assert rooms.rules_of(hotel.door("801")).generation == 2


def test_a_draft_is_not_checked_out_but_given_up(hotel, phone):
    stay = hotel.draft("801")
    key = phone.gets_key(hotel, stay)
    with pytest.raises(stays.StayNotIn):
        stays.check_out(fresh(stay), by=hotel.desk)
    stays.discard(fresh(stay), by=hotel.desk)
    assert fresh(key).state == "ended"
    assert fresh(stay.order).state == "booked"
    with pytest.raises(stays.StayNotDraft):
        stays.discard(stay, by=hotel.desk)


def test_a_guest_of_a_running_stay_gets_a_key_that_opens_at_once(hotel, phone, time):
    stay = hotel.checked_in("801")
    key = phone.gets_key(hotel, stay)
    assert (key.state, key.generation) == ("active", 1)
    assert keys.sheaf(key, time.now_s, slots=1)


def test_the_number_of_the_claim_is_carried_into_the_guests_record(hotel, phones):
    stay = hotel.draft("801", phone="")
    phones("+86 139 0000 5678").gets_key(hotel, stay)
    assert stay.present()[0].phone == "+8613900005678"


def test_the_same_phone_again_gets_the_same_key_and_another_phone_none(hotel, phone, phones):
    stay = hotel.checked_in("801")
    key = phone.gets_key(hotel, stay)
    assert phone.gets_key(hotel, stay).id == key.id
    with pytest.raises(stays.AlreadyAuthorised):
        phones("13900005678").gets_key(hotel, stay)


def test_nobody_is_authorised_in_a_stay_that_ended_or_after_being_removed(hotel, phone, time):
    stay = hotel.checked_in("801")
    guest = stay.present()[0]
    Guest.update(removed_at=time.now_ms).execute()
    with pytest.raises(stays.GuestGone):
        phone.gets_key(hotel, stay, guest)
    Guest.update(removed_at=None).execute()
    stays.check_out(stay, by=hotel.desk)
    with pytest.raises(stays.StayEnded):
        phone.gets_key(hotel, stay, guest)
    with pytest.raises(stays.StayEnded):
        stays.name_guest(fresh(stay), "Li", by=hotel.desk)


def test_another_hotels_rows_are_not_found(hotel, another_hotel):
    stay = hotel.draft("801")
    for model, row in ((Stay, stay), (Order, stay.order), (Guest, stay.present()[0])):
        assert model.of(hotel.property, row.id) == row
        with pytest.raises(NotFound):
            model.of(another_hotel.property, row.id)
    for verb in (stays.check_in, stays.check_out, stays.discard):
        with pytest.raises(NotFound):
            verb(stay, by=another_hotel.desk)


def test_the_rack_shows_every_room_with_who_is_in_it(hotel):
    stay = hotel.checked_in("802")
    draft = hotel.draft("803")
    rack = stays.rack(hotel.property)
    assert [row.room.name for row in rack] == ["801", "802", "803", "804"]
    assert [row.stay for row in rack] == [None, stay, None, None]
    assert rack[1].guests == stay.present()
    assert rack[2].drafts == [draft]
    assert stays.in_house(hotel.property) == [stay]


def test_a_verb_that_fails_at_its_end_leaves_nothing_behind(hotel, monkeypatch):
    stay = hotel.draft("801")

    def fail(door):
        raise RuntimeError("power cut")

    monkeypatch.setattr(policies, "publish", fail)
    with pytest.raises(RuntimeError):
        stays.check_in(stay, by=hotel.desk)
    assert fresh(stay).state == "draft"
    assert not doors.DoorRules.select().exists()
