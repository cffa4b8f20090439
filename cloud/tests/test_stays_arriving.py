"""Orders that nobody comes for, walk-ins, payments, day use, groups, and rooms that are not free yet."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from cloud.tests.gates import Floor, qr
from lockmate import db, doors, keys, notices, stays
from lockmate.doors import rooms
from lockmate.doors.models import Policy
from lockmate.errors import BadDates, BadPhone, NotFound
from lockmate.keys import Key
from lockmate.properties import BadProperty, Property, create
from lockmate.stays import Order, Paid, Payment, Stay

pytestmark = pytest.mark.both_databases

HOUR = 3_600_000


def fresh(row):
    return type(row).get_by_id(row.id)


def local(hotel, at_ms):
    return f"{stays.bounds.local(hotel.property, at_ms):%m-%d %H:%M}"


def walk_in(hotel, room="801", guests=(("Li", "13900005678"),), nights=1, **other):
    day = {"departure": hotel.today() + timedelta(days=nights)} if nights is not None else {}
    return stays.walk_in(hotel.property, hotel.door(room), list(guests), by=hotel.desk, **day, **other)


# --- orders


def test_a_cancelled_order_takes_its_draft_and_prepared_keys_with_it(hotel, phone):
    order = hotel.order()
    draft = stays.prepare(order, hotel.door("801"), by=hotel.desk)
    key = phone.gets_key(hotel, draft)
    stays.orders.cancel(order, by=hotel.desk)
    assert (fresh(order).state, fresh(draft).state, fresh(key).state) == ("cancelled", "discarded", "ended")
    assert [notice.kind for notice in notices.of(phone.holder)] == ["ended", "claimed"]
    assert not Policy.select().exists()


def test_a_no_show_is_known_from_the_day_of_arrival(hotel, another_hotel, time):
    order = hotel.order(arrival=hotel.today() + timedelta(days=1))
    with pytest.raises(stays.NotDueYet):
        stays.orders.no_show(order, by=hotel.desk)
    time.passes(days=1)
    with pytest.raises(NotFound):
        stays.orders.no_show(order, by=another_hotel.desk)
    stays.orders.no_show(order, by=hotel.desk)
    assert fresh(order).state == "no_show"
    with pytest.raises(stays.OrderNotOpen):
        stays.orders.no_show(order, by=hotel.desk)
    with pytest.raises(stays.OrderNotOpen):
        stays.prepare(order, hotel.door("801"), by=hotel.desk)


def test_a_group_is_found_by_its_name(hotel, another_hotel):
    day = hotel.today()
    enter = stays.orders.enter
    made = [
        enter(hotel.property, f"Guest {n}", "", day, day + timedelta(days=1), group=" Tea  fair ", by=hotel.desk)
        for n in range(3)
    ]
    hotel.order()
    stays.orders.cancel(made.pop(), by=hotel.desk)
    assert stays.orders.of_group(hotel.property, "Tea fair") == made
    assert stays.orders.of_group(hotel.property, "") == []
    assert stays.orders.of_group(another_hotel.property, "Tea fair") == []
    with pytest.raises(stays.BadGroup):
        enter(hotel.property, "A", "", day, day + timedelta(days=1), group="x" * 41, by=hotel.desk)


# --- walk-ins and payments


def test_a_walk_in_is_in_house_at_once_with_order_guests_and_payment(hotel, phones, time):
    floor = Floor(hotel, time, "801")
    stay = walk_in(
        hotel,
        guests=[("Li", "139 0000 5678"), ("Zhang", "")],
        payment=Paid(28_800, "CNY", "wechat", " deposit "),
    )
    assert (stay.state, stay.generation, stay.starts_at) == ("in_house", 1, time.now_ms)
    assert [(guest.name, guest.phone) for guest in stay.present()] == [("Li", "13900005678"), ("Zhang", "")]
    assert (stay.order.number, fresh(stay.order).state) == ("261124-0001", "checked_in")
    assert local(hotel, stay.ends_at) == "11-25 12:00"
    taken = stays.payments_of(stay)[0]
    assert (taken.amount_minor, taken.currency, taken.method, taken.note) == (28_800, "CNY", "wechat", "deposit")
    assert taken.taken_by == hotel.desk.name
    key = phones("13900005678").gets_key(hotel, stay)
    assert floor.both("801", qr(key, time)) == ("open", "open")


def test_a_walk_in_may_end_at_a_moment_of_its_own(hotel, time):
    stay = walk_in(hotel, nights=None, ends_at=time.now_ms + 3 * HOUR)
    assert (stay.ends_at - stay.starts_at, stay.order.departure) == (3 * HOUR, hotel.today())


def test_a_walk_in_that_can_not_be_leaves_nothing_behind(hotel, time):
    hotel.checked_in("802")
    before = Order.select().count()
    cases = [
        ({"guests": []}, stays.NoGuests),
        ({"guests": [("", "")]}, stays.BadName),
        ({"guests": [("Li", "x")]}, BadPhone),
        ({"nights": None}, BadDates),
        ({"nights": -1}, stays.EndInPast),
        ({"nights": 400}, BadDates),
        ({"nights": None, "ends_at": time.now_ms}, stays.EndInPast),
        ({"ends_at": time.now_ms + HOUR}, BadDates),
        ({"room": "802"}, doors.RoomOccupied),
        ({"room": "Lift"}, doors.NotARoom),
        ({"payment": Paid(0, "CNY", "cash")}, stays.BadPayment),
    ]
    for arguments, refusal in cases:
        with pytest.raises(refusal):
            walk_in(hotel, **arguments)
    assert (Order.select().count(), Payment.select().count()) == (before, 0)
    assert not rooms.rules_of(hotel.door("801")).taken


def test_money_is_recorded_as_taken_and_as_given_back(hotel, another_hotel):
    stay = hotel.checked_in("801")
    stays.pay(stay, 50_000, "CNY", "cash", by=hotel.desk)
    with pytest.raises(stays.ChangedMeanwhile):
        stays.pay(stay, 50_000, "CNY", "cash", by=hotel.desk)  # the same page's form, sent twice
    stay = stays.check_out(Stay.get_by_id(stay.id), by=hotel.desk)
    stays.pay(stay, -20_000, "CNY", "cash", "deposit back", by=hotel.desk)
    assert [payment.amount_minor for payment in stays.payments_of(stay)] == [50_000, -20_000]
    for bad in ((0, "CNY", "cash"), (1, "yuan", "cash"), (1, "CNY", "shells"), (10**13, "CNY", "cash")):
        with pytest.raises(stays.BadPayment):
            stays.pay(stay, *bad, by=hotel.desk)
    with pytest.raises(stays.BadPayment):
        stays.pay(stay, 1, "CNY", "cash", "x" * 121, by=hotel.desk)
    with pytest.raises(NotFound):
        stays.pay(stay, 1, "CNY", "cash", by=another_hotel.desk)


# --- day use, early arrival


def test_day_use_ends_at_the_houses_hour(hotel, phone, time):
    time.passes(hours=8)  # 09:01 there
    order = hotel.order(nights=0)
    stay = stays.prepare(order, hotel.door("801"), by=hotel.desk)
    assert [local(hotel, at) for at in (stay.starts_at, stay.ends_at)] == ["11-24 14:00", "11-24 18:00"]
    key = phone.gets_key(hotel, stay)
    stay = stays.check_in(fresh(stay), by=hotel.desk)
    sheaf = keys.sheaf(key, time.now_s)
    assert (sheaf[0].nbf, sheaf[-1].exp) == (time.now_s, stay.ends_at // 1000)


def test_day_use_in_a_house_that_checks_in_late_begins_with_the_day(hotel):
    Property.update(day_use_end="13:00").execute()
    hotel.property = fresh(hotel.property)
    stay = stays.prepare(hotel.order(nights=0), hotel.door("801"), by=hotel.desk)
    assert [local(hotel, at) for at in (stay.starts_at, stay.ends_at)] == ["11-24 00:00", "11-24 13:00"]


def test_day_use_of_a_room_that_has_tonights_arrival(hotel, phone, phones, time):
    floor = Floor(hotel, time, "801")
    time.passes(hours=9)
    tonight = hotel.order(name="Zhao")
    draft = stays.prepare(tonight, hotel.door("801"), by=hotel.desk)
    theirs = phones("13900005678").gets_key(hotel, draft)
    room = hotel.door("801")
    assert stays.planned(room, time.now_ms, time.now_ms + 2 * HOUR) == []
    assert stays.planned(room, time.now_ms, time.now_ms + 8 * HOUR) == [tonight]
    day = walk_in(hotel, guests=[("Li", "")], nights=0)
    mine = phone.gets_key(hotel, day)
    in_hand = qr(mine, time)
    time.passes(hours=5)  # 15:01: she is early, he is still there
    with pytest.raises(doors.RoomOccupied) as refused:
        stays.check_in(fresh(draft), by=hotel.desk)
    assert (refused.value.facts["guest"], refused.value.facts["until"]) == ("Li", "2026-11-24 18:00")
    assert fresh(theirs).state == "prepared"
    with pytest.raises(keys.KeyNotYet):
        keys.sheaf(theirs, time.now_s)
    assert floor.both("801", qr(mine, time)) == ("open", "open")
    in_hand = qr(mine, time)
    stays.check_out(day, by=hotel.desk)
    stays.check_in(fresh(draft), by=hotel.desk)
    assert floor.both("801", qr(theirs, time)) == ("open", "open")
    assert floor.both("801", in_hand) == ("revoked", "superseded")


def test_a_draft_whose_room_was_taken_meanwhile_takes_another_with_its_key(hotel, phone, time):
    floor = Floor(hotel, time, "801", "802")
    order = hotel.order()
    draft = stays.prepare(order, hotel.door("801"), by=hotel.desk)
    key = phone.gets_key(hotel, draft)
    hotel.checked_in("801", name="Li")
    with pytest.raises(doors.RoomOccupied):
        stays.check_in(fresh(draft), by=hotel.desk)
    draft = stays.prepare(order, hotel.door("802"), by=hotel.desk)
    stays.check_in(draft, by=hotel.desk)
    assert floor.both("802", qr(key, time)) == ("open", "open")
    assert floor.both("801", qr(key, time)) == ("wrong_door", "wrong_door")


def test_what_is_planned_for_a_room(hotel, time):
    room, now = hotel.door("801"), time.now_ms
    in_a_week = hotel.today() + timedelta(days=7)
    wished = stays.orders.enter(hotel.property, "A", "", in_a_week, in_a_week + timedelta(days=2), room, by=hotel.desk)
    moved_on = stays.prepare(hotel.order(), room, by=hotel.desk)
    stays.prepare(moved_on.order, hotel.door("802"), by=hotel.desk)
    cancelled = stays.orders.enter(
        hotel.property, "B", "", in_a_week, in_a_week + timedelta(days=2), room, by=hotel.desk
    )
    stays.orders.cancel(cancelled, by=hotel.desk)
    assert stays.planned(room, now, now + 7 * 24 * HOUR) == []
    assert stays.planned(room, now, now + 8 * 24 * HOUR) == [wished]
    assert stays.planned(hotel.door("802"), now, now + 24 * HOUR) == [moved_on.order]
    assert stays.planned(hotel.door("802"), now, now + 24 * HOUR, besides=moved_on) == []


# --- groups, two desks


def test_a_group_is_checked_in_at_once(hotel, phone):
    drafts = [hotel.draft(name, phone="") for name in ("801", "802", "803", "804")]
    key = phone.gets_key(hotel, drafts[2])
    begun = stays.check_in_group([fresh(draft) for draft in drafts], by=hotel.desk)
    assert [(stay.state, stay.room.name) for stay in begun] == [("in_house", str(n)) for n in range(801, 805)]
    assert fresh(key).state == "active"


def test_a_group_with_one_bad_room_does_nothing(hotel, phone):
    drafts = [hotel.draft(name) for name in ("801", "802", "803")]
    key = phone.gets_key(hotel, drafts[0])
    hotel.checked_in("803", name="Li")
    told = Policy.select().count(), len(notices.of(phone.holder))
    with pytest.raises(doors.RoomOccupied) as refused:
        stays.check_in_group([fresh(draft) for draft in drafts], by=hotel.desk)
    assert (refused.value.facts["room"], refused.value.facts["guest"]) == ("803", "Li")
    assert {fresh(draft).state for draft in drafts} == {"draft"}
    assert fresh(key).state == "prepared"
    assert not rooms.rules_of(hotel.door("801")).taken
    assert (Policy.select().count(), len(notices.of(phone.holder))) == told


def test_a_group_says_which_room_it_failed_for(hotel, another_hotel, time):
    one, two = hotel.draft("801", nights=5), hotel.draft("802")
    with pytest.raises(NotFound):
        stays.check_in_group([one, another_hotel.draft("801")], by=hotel.desk)
    with pytest.raises(doors.RoomOccupied):
        stays.check_in_group([fresh(one), hotel.draft("801")], by=hotel.desk)
    time.passes(days=3)
    with pytest.raises(stays.StayOver) as refused:
        stays.check_in_group([fresh(one), two], by=hotel.desk)
    assert refused.value.facts["room"] == "802"
    assert fresh(one).state == "draft"


@pytest.mark.both_databases(commits=True)
def test_a_group_at_one_desk_and_a_walk_in_at_another_give_a_room_once(hotel):
    drafts = [hotel.draft(name) for name in ("801", "802")]
    outcomes = []

    def run(verb):
        try:
            verb()
            outcomes.append("in")
        except doors.RoomOccupied:
            outcomes.append("occupied")
        finally:
            db.database.close()

    verbs = [
        lambda: stays.check_in_group(drafts, by=hotel.desk),
        lambda: walk_in(hotel, "802"),
        lambda: walk_in(hotel, "802"),
    ]
    threads = [threading.Thread(target=run, args=[verb]) for verb in verbs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["in", "occupied", "occupied"]
    assert Stay.select().where(Stay.room == hotel.door("802"), Stay.state == "in_house").count() == 1


def test_claim_issue_and_end_are_told_to_the_phone(hotel, phone):
    stay = hotel.draft("801")
    phone.gets_key(hotel, stay)
    stay = stays.check_in(fresh(stay), by=hotel.desk)
    stays.check_out(stay, by=hotel.desk)
    told = notices.of(phone.holder)[::-1]
    assert [notice.kind for notice in told] == ["claimed", "issued", "ended"]
    assert [notice.told["room"] for notice in told] == ["801"] * 3
    assert told[1].told["order"] == stay.order.number
    assert told[1].told["key_id"] == Key.get().key_id


def test_a_property_has_an_hour_for_day_use_and_a_currency(house):
    made = create("Dune", "Africa/Cairo", day_use_end="17:30", currency="EGP")
    assert (made.day_use_end, made.currency) == ("17:30", "EGP")
    for bad in ({"day_use_end": "25:00"}, {"currency": "egp"}):
        with pytest.raises(BadProperty):
            create("Dune", "Africa/Cairo", **bad)
