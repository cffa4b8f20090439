"""Phones that are lost, and check-outs undone: who is out and who is in, judged by the firmware's gate."""

from __future__ import annotations

from datetime import date

import pytest

from cloud.tests.gates import qr
from lockmate import doors, keys, notices, stays
from lockmate.doors import policies, rooms, truth
from lockmate.errors import NotFound
from lockmate.keys import Key
from lockmate.stays import Guest

pytestmark = pytest.mark.both_databases


def fresh(row):
    return type(row).get_by_id(row.id)


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
    stay = stays.reschedule(stay, hotel.in_days(1), by=hotel.desk)
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
