"""Extensions, shortenings, guests who leave, one phone for several: judged by the firmware's gate."""

from __future__ import annotations

from datetime import date

import pytest

from cloud.tests.gates import qr
from lockmate import claims, keys, notices, stays
from lockmate.doors import truth
from lockmate.doors.models import Denial, Policy
from lockmate.errors import BadDates, NotFound
from lockmate.keys import Key

pytestmark = pytest.mark.both_databases

HOUR = 3_600_000


def fresh(row):
    return type(row).get_by_id(row.id)


def slot_at(sheaf, moment):
    """The text that the phone shows at a moment (seconds), of a sheaf it has held since."""
    return next(slot.text for slot in sheaf if slot.nbf <= moment <= slot.exp)


# --- longer, shorter


def test_an_extension_lengthens_the_key_and_leaves_old_tokens_and_doors_alone(hotel, floor, party, time):
    stay, key = party
    in_hand = qr(key, time)
    told = Policy.select().count()
    stay = stays.reschedule(stay, hotel.in_days(5), by=hotel.desk)
    assert Policy.select().count() == told
    assert floor.both("801", in_hand) == ("open", "open")
    time.passes(days=4)
    assert floor.both("801", qr(key, time)) == ("open", "open")
    assert fresh(key).ends_at == stay.ends_at
    assert fresh(stay).order.departure == hotel.in_days(1)
    assert notices.of(key.holder)[0].kind == "changed"


def test_a_shortened_stay_is_denied_at_its_new_end_and_not_before(hotel, floor, party, time):
    stay, key = party
    sheaf = keys.sheaf(key, time.now_s)  # a day of tokens in an offline phone
    end = time.now_ms + 2 * HOUR
    stays.reschedule(stay, ends_at=end, by=hotel.desk)
    assert keys.sheaf(key, time.now_s)[-1].exp == end // 1000
    time.passes(hours=1)
    assert stays.tend() == 0
    assert floor.both("801", slot_at(sheaf, time.now_s)) == ("open", "open")
    time.passes(hours=1)
    assert truth.of(fresh(key)).kind == "ended_may_open"
    assert (stays.tend(), stays.tend()) == (1, 0)
    assert fresh(key).end_reason == "over"
    assert floor.both("801", slot_at(sheaf, time.now_s)) == ("revoked", "open")
    assert floor.both("Lift", slot_at(sheaf, time.now_s)) == ("revoked", "open")
    assert fresh(stay).state == "in_house"  # the desk checks out


def test_shortening_then_extending_before_the_end_denies_nothing(hotel, floor, party, time):
    stay, key = party
    sheaf = keys.sheaf(key, time.now_s)
    stays.reschedule(stay, ends_at=time.now_ms + HOUR, by=hotel.desk)
    stays.reschedule(fresh(stay), hotel.in_days(2), by=hotel.desk)
    time.passes(hours=2)
    assert stays.tend() == 0
    assert floor.both("801", slot_at(sheaf, time.now_s)) == ("open", "open")
    assert not Denial.select().exists()


def test_extending_after_the_shortened_end_mints_anew_under_the_same_generation(hotel, floor, party, time):
    stay, key = party
    sheaf = keys.sheaf(key, time.now_s)
    stays.reschedule(stay, ends_at=time.now_ms + HOUR, by=hotel.desk)
    time.passes(hours=1)
    stays.tend()
    stay = stays.reschedule(fresh(stay), hotel.in_days(1), by=hotel.desk)
    new = stay.present()[0].key
    assert (new.id == key.id, new.holder, new.generation) == (False, key.holder, key.generation)
    assert floor.both("801", qr(new, time)) == ("open", "open")
    assert floor.told("801", slot_at(sheaf, time.now_s)) == "revoked"
    stays.reschedule(fresh(stay), hotel.in_days(2), by=hotel.desk)
    assert fresh(stay).present()[0].key == new


def test_a_key_whose_tokens_end_with_it_is_left_alone_and_goes_on_when_extended_late(hotel, floor, party, time):
    stay, key = party
    time.passes(days=2, hours=12)
    keys.sheaf(key, time.now_s)
    time.passes(days=1)
    assert stays.tend() == 0
    with pytest.raises(keys.KeyEnded):
        keys.sheaf(key, time.now_s)
    stays.reschedule(stay, hotel.in_days(1), by=hotel.desk)
    assert floor.both("801", qr(key, time)) == ("open", "open")


def test_an_end_in_the_past_is_a_check_out(hotel, party, time):
    stay, key = party
    with pytest.raises(stays.EndInPast):
        stays.reschedule(stay, ends_at=time.now_ms, by=hotel.desk)
    with pytest.raises(BadDates):
        stays.reschedule(stay, hotel.in_days(-1), by=hotel.desk)
    with pytest.raises(BadDates):
        stays.reschedule(stay, hotel.in_days(400), by=hotel.desk)
    with pytest.raises(BadDates):
        stays.reschedule(stay, by=hotel.desk)
    assert fresh(key).ends_at == stay.ends_at == fresh(stay).ends_at


def test_a_stay_shortened_to_its_first_day_is_day_use(hotel, party):
    stay, _ = party
    stay = stays.reschedule(stay, hotel.today(), by=hotel.desk)
    assert f"{stays.bounds.local(hotel.property, stay.ends_at):%d %H:%M}" == "24 18:00"


@pytest.mark.parametrize("year", [1, 202, 2100, 9999])
def test_a_year_that_no_hotel_plans_is_a_slip_of_the_hand(hotel, year):
    with pytest.raises(BadDates):
        stays.orders.enter(hotel.property, "Wang", "", date(year, 1, 1), date(year, 1, 2), by=hotel.desk)


def test_a_draft_is_rescheduled_with_its_prepared_key(hotel, phone, time):
    stay = hotel.draft("801")
    key = phone.gets_key(hotel, stay)
    stay = stays.reschedule(fresh(stay), hotel.in_days(4), by=hotel.desk)
    stays.check_in(stay, by=hotel.desk)
    assert fresh(key).ends_at == stay.ends_at


def test_both_rooms_of_an_open_move_are_extended(hotel, party):
    stay, _ = party
    stays.move(stay, hotel.door("802"), by=hotel.desk)
    stay = stays.reschedule(fresh(stay), hotel.in_days(5), by=hotel.desk)
    assert [key.ends_at for key in Key.select()] == [stay.ends_at] * 2


# --- guests


def test_a_removed_joiner_is_refused_where_the_door_knows_and_the_others_are_not(hotel, floor, party, phones, time):
    stay, mine = party
    joiner = stays.name_guest(fresh(stay), "Li", by=hotel.desk)
    theirs = phones("13900005678").gets_key(hotel, stay, joiner)
    texts = qr(mine, time), qr(theirs, time)
    assert [floor.both("801", text) for text in texts] == [("open", "open")] * 2
    stays.remove_guest(joiner, by=hotel.desk)
    assert floor.both("801", texts[1]) == ("revoked", "open")
    assert floor.told("Lift", texts[1]) == "revoked"
    assert floor.both("801", texts[0]) == ("open", "open")
    assert (fresh(theirs).end_reason, fresh(stay).generation) == ("removed", stay.generation)
    assert [guest.name for guest in stay.present()] == ["Wang Xiaoming"]
    with pytest.raises(stays.GuestGone):
        stays.remove_guest(joiner, by=hotel.desk)


def test_the_last_guest_is_not_removed(hotel, another_hotel, party):
    guest = party[0].present()[0]
    with pytest.raises(stays.LastGuest):
        stays.remove_guest(guest, by=hotel.desk)
    with pytest.raises(NotFound):
        stays.remove_guest(guest, by=another_hotel.desk)
    assert fresh(party[1]).state == "active"


def test_a_guest_removed_from_a_draft_never_gets_in(hotel, phones):
    stay = hotel.draft("801")
    joiner = stays.name_guest(stay, "Li", by=hotel.desk)
    key = phones("13900005678").gets_key(hotel, stay, joiner)
    stays.remove_guest(joiner, by=hotel.desk)
    stays.check_in(fresh(stay), by=hotel.desk)
    assert (fresh(key).state, fresh(key).generation) == ("ended", 0)


def test_a_name_is_corrected_and_the_key_stays(hotel, party):
    guest = stays.rename_guest(party[0].present()[0], " Wang  Xiao ", "139 0000 5678", by=hotel.desk)
    assert (guest.name, guest.phone, guest.key) == ("Wang Xiao", "13900005678", party[1])
    assert stays.rename_guest(guest, "Wang", by=hotel.desk).phone == "13900005678"
    with pytest.raises(stays.BadName):
        stays.rename_guest(guest, " ", by=hotel.desk)


# --- one phone for several guests


def test_one_phone_is_confirmed_for_a_second_guest(hotel, floor, party, phone, time):
    stay, first = party
    child = stays.name_guest(fresh(stay), "Wang Xiao", by=hotel.desk)
    second = phone.gets_key(hotel, stay, child)
    assert (second.holder, second.id == first.id) == (phone.holder, False)
    assert [claim.state for claim in claims.of_holder(phone.holder)] == ["confirmed", "confirmed"]
    assert [floor.both("801", qr(key, time)) for key in (first, second)] == [("open", "open")] * 2


def test_two_rooms_for_one_guest_without_a_second_claim(hotel, another_hotel, phone, party, time):
    room_for_two = hotel.draft("802")
    guest = room_for_two.present()[0]
    second = stays.authorise_again(guest, holder_of=party[0].present()[0], by=hotel.desk)
    assert (second.holder, second.state, fresh(guest).phone) == (phone.holder, "prepared", "13800001234")
    stays.check_in(fresh(room_for_two), by=hotel.desk)
    assert sorted(key.door.name for key in keys.keys_of(phone.holder)) == ["801", "802"]
    with pytest.raises(NotFound):
        stays.authorise_again(guest, holder_of=party[0].present()[0], by=another_hotel.desk)


def test_a_phone_without_a_key_in_force_gets_no_second_one(hotel, phone, party):
    stay, _ = party
    guest, other = hotel.draft("802").present()[0], stay.present()[0]
    stays.check_out(stay, by=hotel.desk)
    with pytest.raises(stays.NoKeyInForce):
        stays.authorise_again(guest, holder_of=other, by=hotel.desk)
    with pytest.raises(stays.NoKeyInForce):
        stays.authorise_again(other, holder_of=guest, by=hotel.desk)
