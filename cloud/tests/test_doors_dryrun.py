"""The dry run says what the door would say."""

from __future__ import annotations

import pytest

from cloud.tests.gates import Door, qr
from lockmate import keys, stays
from lockmate.doors import companions, dryrun, policies
from lockmate.keys import Key
from lockmate.stays import Stay


@pytest.fixture
def room(hotel):
    made = hotel.companion("801")
    made.gate = Door(made)
    return made


def asks(hotel, key, name="801", **more):
    [answer] = dryrun.would_open(Key.get_by_id(key.id), hotel.door(name), **more)
    return answer


def hears(room, hotel):
    if policies.newest(hotel.door("801")).version > room.gate.version:
        room.gate.hears_newest(hotel, "801")
    room.holds(policies.newest(hotel.door("801")))
    room.generation = room.gate.generation
    room.reports()


def test_it_says_what_the_gate_says(hotel, guest_key, room, phones, time):
    hears(room, hotel)
    assert asks(hotel, guest_key).opens and room.gate.scan(qr(guest_key, time), time.now_s) == "open"
    text = qr(guest_key, time)
    stays.check_out(Stay.get(), by=hotel.desk)
    answer = asks(hotel, guest_key)
    assert (answer.verdict, answer.then, answer.mend, answer.caveats) == ("open", "revoked", "later", ("behind",))
    assert room.gate.scan(text, time.now_s) == "open"
    hears(room, hotel)
    assert asks(hotel, guest_key).verdict == room.gate.scan(text, time.now_s) == "revoked"
    room.generation += 1
    room.reports()
    assert asks(hotel, guest_key).verdict == "revoked"  # the list comes before the generation, as in the gate


def test_it_sees_what_stands_between_a_good_key_and_the_door(hotel, guest_key, room, time):
    hears(room, hotel)
    assert asks(hotel, guest_key, privacy=True).verdict == "privacy"
    from lockmate import doors

    doors.set_rules(hotel.door("801"), mode="lockdown", mode_until=time.now_s + 3_600, by=hotel.desk)
    assert (asks(hotel, guest_key).verdict, asks(hotel, guest_key).then) == ("open", "lockdown")
    hears(room, hotel)
    assert asks(hotel, guest_key).mend == "lockdown"
    room.reports(clock=[time.now_s - 90_000, time.now_s - 80_000])
    assert asks(hotel, guest_key).verdict == "not_yet_valid"
    room.reports(clock=[time.now_s, None])
    assert asks(hotel, guest_key).caveats == ("time_lost",)
    room.generation = guest_key.generation + 1
    doors.set_rules(hotel.door("801"), mode="normal", by=hotel.desk)
    hears(room, hotel)
    room.generation = guest_key.generation + 1
    room.reports()
    assert (asks(hotel, guest_key).verdict, asks(hotel, guest_key).mend) == ("superseded", "superseded")


def test_what_is_not_known_is_said(hotel, guest_key, room, time):
    assert asks(hotel, guest_key).caveats == ("never_heard",)
    hears(room, hotel)
    time.passes(hours=2)
    companions.offline(room.row)
    assert asks(hotel, guest_key).caveats == ("offline", "silent")
    room.reports(policy_version=1, policy_hash="f" * 16)
    assert (asks(hotel, guest_key).verdict, asks(hotel, guest_key).mend) == ("", "unknown_policy")
    room.reports(policy_version=0, policy_hash="")
    assert asks(hotel, guest_key).verdict == "unknown_issuer"


def test_a_rehearsal_is_noted_nowhere(hotel, guest_key, room):
    hears(room, hotel)
    before = Key.get_by_id(guest_key.id).__data__
    asks(hotel, guest_key)
    assert Key.get_by_id(guest_key.id).__data__ == before


def test_the_lift_is_asked_too_and_a_prepared_key_opens_nothing(hotel, phone, guest_key):
    lift = hotel.companion("Lift")
    lift.reports()
    assert asks(hotel, guest_key, "Lift").opens
    prepared = phone.gets_key(hotel, hotel.draft("802"))
    with pytest.raises(keys.KeyNotYet):
        dryrun.would_open(prepared, hotel.door("Lift"))
