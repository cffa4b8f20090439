"""Extensions, shortenings, guests who leave, phones that are lost, check-outs undone: judged by the firmware's gate."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from cloud.tests.gates import Floor, qr
from lockmate import claims, doors, keys, notices, stays
from lockmate.doors import policies, rooms, truth
from lockmate.doors.models import Denial, Policy
from lockmate.errors import BadDates, NotFound
from lockmate.keys import Key
from lockmate.stays import Guest

pytestmark = pytest.mark.both_databases

HOUR = 3_600_000


def fresh(row):
    return type(row).get_by_id(row.id)


@pytest.fixture
def floor(hotel, time):
    return Floor(hotel, time, "801", "Lift")


@pytest.fixture
def party(hotel, phone, floor):
    """A guest in 801 for three nights, with a key."""
    stay = hotel.checked_in("801", nights=3)
    return stay, phone.gets_key(hotel, stay)


def in_days(hotel, days):
    return hotel.today() + timedelta(days=days)


def slot_at(sheaf, moment):
    """The text that the phone shows at a moment (seconds), of a sheaf it has held since."""
    return next(slot.text for slot in sheaf if slot.nbf <= moment <= slot.exp)


# --- longer, shorter


def test_an_extension_lengthens_the_key_and_leaves_old_tokens_and_doors_alone(hotel, floor, party, time):
    stay, key = party
    in_hand = qr(key, time)
    told = Policy.select().count()
    stay = stays.reschedule(stay, in_days(hotel, 5), by=hotel.desk)
    assert Policy.select().count() == told
    assert floor.both("801", in_hand) == ("open", "open")
    time.passes(days=4)
    assert floor.both("801", qr(key, time)) == ("open", "open")
    assert fresh(key).ends_at == stay.ends_at
    assert fresh(stay).order.departure == in_days(hotel, 1)
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
    stays.reschedule(fresh(stay), in_days(hotel, 2), by=hotel.desk)
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
    stay = stays.reschedule(fresh(stay), in_days(hotel, 1), by=hotel.desk)
    new = stay.present()[0].key
    assert (new.id == key.id, new.holder, new.generation) == (False, key.holder, key.generation)
    assert floor.both("801", qr(new, time)) == ("open", "open")
    assert floor.told("801", slot_at(sheaf, time.now_s)) == "revoked"
    stays.reschedule(fresh(stay), in_days(hotel, 2), by=hotel.desk)
    assert fresh(stay).present()[0].key == new


def test_a_key_whose_tokens_end_with_it_is_left_alone_and_goes_on_when_extended_late(hotel, floor, party, time):
    stay, key = party
    time.passes(days=2, hours=12)
    keys.sheaf(key, time.now_s)
    time.passes(days=1)
    assert stays.tend() == 0
    with pytest.raises(keys.KeyEnded):
        keys.sheaf(key, time.now_s)
    stays.reschedule(stay, in_days(hotel, 1), by=hotel.desk)
    assert floor.both("801", qr(key, time)) == ("open", "open")


def test_an_end_in_the_past_is_a_check_out(hotel, party, time):
    stay, key = party
    with pytest.raises(stays.EndInPast):
        stays.reschedule(stay, ends_at=time.now_ms, by=hotel.desk)
    with pytest.raises(BadDates):
        stays.reschedule(stay, in_days(hotel, -1), by=hotel.desk)
    with pytest.raises(BadDates):
        stays.reschedule(stay, in_days(hotel, 400), by=hotel.desk)
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
    stay = stays.reschedule(fresh(stay), in_days(hotel, 4), by=hotel.desk)
    stays.check_in(stay, by=hotel.desk)
    assert fresh(key).ends_at == stay.ends_at


def test_both_rooms_of_an_open_move_are_extended(hotel, party):
    stay, _ = party
    stays.move(stay, hotel.door("802"), by=hotel.desk)
    stay = stays.reschedule(fresh(stay), in_days(hotel, 5), by=hotel.desk)
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


# --- lost phones


def test_after_a_re_key_the_lost_phone_is_out_and_the_others_are_in(hotel, floor, party, phones, time):
    stay, lost = party
    joiner = stays.name_guest(fresh(stay), "Li", by=hotel.desk)
    kept = phones("13900005678").gets_key(hotel, stay, joiner)
    lost_in_hand, kept_in_hand = qr(lost, time), qr(kept, time)
    stay = stays.rekey(fresh(stay), [stay.present()[0]], by=hotel.desk)
    new = fresh(joiner).key
    assert (new.holder, new.generation, stay.generation) == (kept.holder, 2, 2)
    assert rooms.rules_of(hotel.door("801")).taken
    assert [floor.told(name, lost_in_hand) for name in ("801", "Lift")] == ["revoked", "revoked"]
    assert floor.deaf("801", lost_in_hand) == "open"
    assert floor.both("801", qr(new, time)) == ("open", "open")  # which the door that did not hear learns from
    assert [floor.deaf("801", text) for text in (lost_in_hand, kept_in_hand)] == ["superseded", "superseded"]
    assert floor.both("Lift", qr(new, time)) == ("open", "open")
    assert stay.present()[0].key.end_reason == "lost"
    assert [notices.of(key.holder)[0].kind for key in (lost, kept)] == ["ended", "reissued"]


def test_a_lost_phone_is_authorised_again_on_another(hotel, floor, party, phones, time):
    stay, lost = party
    stay = stays.rekey(stay, stay.present(), by=hotel.desk)
    new = phones("13800001234").gets_key(hotel, stay)
    assert (new.generation, new.holder == lost.holder) == (2, False)
    assert floor.both("801", qr(new, time)) == ("open", "open")


def test_a_lost_phone_gets_no_key_back_through_another_stay_of_its_own(hotel, party, phone):
    stay, _ = party
    other = hotel.checked_in("802")
    spare = stays.authorise_again(other.present()[0], holder_of=stay.present()[0], by=hotel.desk)
    stays.check_out(fresh(other), by=hotel.desk)
    third = hotel.checked_in("803")
    stays.authorise_again(third.present()[0], holder_of=stay.present()[0], by=hotel.desk)
    tomorrow = hotel.draft("803")
    prepared = stays.authorise_again(tomorrow.present()[0], holder_of=stay.present()[0], by=hotel.desk)
    stays.rekey(fresh(stay), stay.present(), by=hotel.desk)
    with pytest.raises(stays.NoKeyInForce):  # the key of 803 is in force, on the phone that is gone
        stays.authorise_again(stay.present()[0], holder_of=third.present()[0], by=hotel.desk)
    back = stays.undo_check_out(fresh(other), by=hotel.desk)
    assert back.present()[0].key.key_id == spare.key_id
    assert fresh(spare).state == "ended"
    stays.check_out(fresh(third), by=hotel.desk)
    stays.check_in(fresh(tomorrow), by=hotel.desk)
    assert (fresh(prepared).state, fresh(prepared).end_reason) == ("ended", "lost")


def test_another_guests_key_on_the_lost_phone_is_lost_too(hotel, another_hotel, party, phone):
    stay, _ = party
    child = stays.name_guest(fresh(stay), "Wang Xiao", by=hotel.desk)
    phone.gets_key(hotel, stay, child)
    other_room = hotel.checked_in("802")
    phone.gets_key(hotel, other_room)
    phone.gets_key(another_hotel, another_hotel.checked_in("803"))  # which is nobody's business here
    adult = stay.present()[0]
    assert [key.door.name for key in stays.also_on_phones(stay, [adult])] == [other_room.room.name]
    stays.rekey(fresh(stay), [adult], by=hotel.desk)
    assert {guest.key.state for guest in fresh(stay).present()} == {"ended"}


def test_a_re_key_during_a_move_covers_both_rooms(hotel, floor, party, phones, time):
    stay, _ = party
    joiner = stays.name_guest(fresh(stay), "Li", by=hotel.desk)
    phones("13900005678").gets_key(hotel, stay, joiner)
    stays.move(fresh(stay), hotel.door("802"), by=hotel.desk)
    stays.rekey(fresh(stay), [stay.present()[0]], by=hotel.desk)
    live = {key.door.name: key for key in stays.keys_by_guest(stay)[joiner.id] if key.state == "active"}
    assert {name: key.generation for name, key in live.items()} == {"801": 2, "802": 2}
    assert floor.both("801", qr(live["801"], time)) == ("open", "open")
    assert fresh(joiner).key == live["802"]
    assert {key.state for key in stays.keys_by_guest(stay)[stay.present()[0].id]} == {"ended"}
    stays.move_back(fresh(stay), by=hotel.desk)
    assert (fresh(stay).generation, fresh(joiner).key) == (2, live["801"])


def test_while_the_door_is_offline_the_statement_about_a_lost_phone_says_so(hotel, phone, time):
    companion = hotel.companion("801")
    companion.reports()
    stay = hotel.checked_in("801")
    lost = phone.gets_key(hotel, stay)
    until = keys.sheaf(lost, time.now_s)[-1].exp * 1000
    time.passes(minutes=1)
    stays.rekey(stay, stay.present(), by=hotel.desk)
    told = truth.of(fresh(lost))
    assert (told.kind, told.doors) == ("ended_may_open", ("801",))
    assert told.until >= until
    companion.holds(policies.newest(hotel.door("801")))
    companion.generation = 2
    companion.reports()
    assert truth.of(fresh(lost)).kind == "ended_confirmed"


def test_only_guests_of_the_stay_lose_their_phone_here(hotel, party):
    with pytest.raises(NotFound):
        stays.rekey(party[0], hotel.draft("802").present(), by=hotel.desk)
    with pytest.raises(stays.StayNotIn):
        stays.rekey(hotel.draft("802"), by=hotel.desk)


# --- check-outs undone


def test_an_undone_check_out_mints_anew_for_the_same_phones(hotel, floor, party, time):
    stay, old = party
    in_hand = qr(old, time)
    stay = stays.check_out(stay, by=hotel.desk)
    assert floor.both("801", in_hand) == ("revoked", "open")
    stay = stays.undo_check_out(stay, by=hotel.desk)
    new = stay.present()[0].key
    assert (stay.state, stay.generation, new.generation, new.holder) == ("in_house", 2, 2, old.holder)
    assert floor.both("801", qr(new, time)) == ("open", "open")
    assert floor.both("Lift", qr(new, time)) == ("open", "open")
    assert floor.both("801", in_hand) == ("revoked", "superseded")
    assert notices.of(old.holder)[0].kind == "reissued"
    with pytest.raises(stays.StayNotEnded):
        stays.undo_check_out(stay, by=hotel.desk)


def test_a_check_out_is_not_undone_once_the_room_was_given_again(hotel, party):
    stay = stays.check_out(party[0], by=hotel.desk)
    other = hotel.checked_in("801", name="Li")
    with pytest.raises(doors.RoomOccupied) as refused:
        stays.undo_check_out(stay, by=hotel.desk)
    assert refused.value.facts["guest"] == "Li"
    assert (fresh(stay).state, rooms.rules_of(hotel.door("801")).generation) == ("ended", other.generation)
    stays.check_out(other, by=hotel.desk)
    assert stays.undo_check_out(fresh(stay), by=hotel.desk).generation == 3


def test_a_phone_that_was_lost_before_stays_out_after_an_undo(hotel, party):
    stay = stays.rekey(party[0], party[0].present(), by=hotel.desk)
    stay = stays.undo_check_out(stays.check_out(stay, by=hotel.desk), by=hotel.desk)
    assert stay.present()[0].key.end_reason == "lost"


def test_a_removed_guest_does_not_come_back_with_an_undo(hotel, party, phones):
    stay, _ = party
    joiner = stays.name_guest(fresh(stay), "Li", by=hotel.desk)
    phones("13900005678").gets_key(hotel, stay, joiner)
    stays.remove_guest(joiner, by=hotel.desk)
    stays.undo_check_out(stays.check_out(fresh(stay), by=hotel.desk), by=hotel.desk)
    assert fresh(joiner).key.end_reason == "removed"
    assert Key.select().where(Key.state == "active").count() == 1


def test_an_old_check_out_is_a_new_stay(hotel, party, time):
    stay = stays.check_out(party[0], by=hotel.desk)
    time.passes(days=1, seconds=1)
    with pytest.raises(stays.UndoTooLate):
        stays.undo_check_out(stay, by=hotel.desk)
    with pytest.raises(stays.StayNotEnded):
        stays.undo_check_out(hotel.draft("802"), by=hotel.desk)


def test_a_late_check_out_by_mistake_is_undone_and_then_extended(hotel, floor, party, time):
    stay, _ = party
    time.passes(days=3)
    stay = stays.undo_check_out(stays.check_out(stay, by=hotel.desk), by=hotel.desk)
    stay = stays.reschedule(stay, in_days(hotel, 1), by=hotel.desk)
    assert floor.both("801", qr(stay.present()[0].key, time)) == ("open", "open")


def test_every_key_ever_is_known_by_its_guest(hotel, party):
    stay, first = party
    stays.rekey(stay, by=hotel.desk)
    guest = Guest.get()
    assert [key.id for key in stays.keys_by_guest(stay)[guest.id]] == [guest.key_id, first.id]
    whose = stays.of_keys([first.key_id, "00" * 8])
    assert list(whose) == [first.key_id]
    assert (whose[first.key_id].stay.room.name, whose[first.key_id].stay.order.number) == ("801", "261124-0001")
    assert date.fromisoformat(str(stay.order.arrival)) == hotel.today()
