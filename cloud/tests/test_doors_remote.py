"""Remote opens: one token, once, for who has the right; and what became of it is the door's word alone."""

from __future__ import annotations

import json

import pytest

from cloud.tests.gates import Door
from lockmate import doors, keys, records, stays
from lockmate.doors import RemoteOpen, remote
from lockmate.errors import NotFound
from lockmate.ingest import batch
from lockmate.keys import Key
from lockmate.mqtt import Arrival
from lockmate.outbox import Outbox
from lockmate.properties import add_door
from lockmate.protocol import TOPIC_EVENTS, TOPIC_OPEN
from lockmate.staff import Audit

pytestmark = pytest.mark.both_databases


@pytest.fixture
def companion(hotel):
    """The companion of 801, online."""
    found = hotel.companion("801")
    found.reports()
    return found


@pytest.fixture
def key(hotel, companion, phone):
    stay = hotel.draft("801")
    key = phone.gets_key(hotel, stay)
    stays.check_in(stays.Stay.get_by_id(stay.id), by=hotel.desk)
    return Key.get_by_id(key.id)


def sent(companion):
    """The texts put out for a companion."""
    rows = Outbox.select().where(Outbox.address == TOPIC_OPEN % companion.id).order_by(Outbox.id)
    return [bytes(row.payload).decode() for row in rows]


def says(companion, asked, kind="opened", verdict="open", **other):
    """Its event, taken in by the ingest worker's own step."""
    line = companion.line(kind, road="mqtt", verdict=verdict, key_id=asked.key_id, **other)
    batch.keep([Arrival(None, 1, 1, TOPIC_EVENTS % companion.id, line, False)])
    return line


def asks(key, door):
    return doors.open_remotely(door, key_id_of=key)


def test_the_token_opens_this_door_once_and_sent_again_it_opens_nothing(hotel, companion, key, time):
    door, other = Door(companion), Door(hotel.companion("802"))
    door.hears_newest(hotel, "801")
    asks(key, hotel.door("801"))
    [text] = sent(companion)
    assert other.is_sent(text, time.now_s) == "wrong_door"
    assert door.scan(text, time.now_s) == "malformed"  # shown as a QR it is nothing
    assert door.is_sent(text, time.now_s) == "open"
    assert door.is_sent(text, time.now_s) == "already_used"
    assert door.is_sent(text, time.now_s + 31) == "expired"


def test_a_door_that_is_not_sure_of_the_time_does_not_open_from_afar(hotel, companion, key, time):
    door = Door(companion)
    door.unsure = 61
    asks(key, hotel.door("801"))
    assert door.is_sent(sent(companion)[0], time.now_s) == "clock_lost"


def test_the_row_is_not_kept_by_the_broker_and_ends_after_30_seconds(hotel, companion, key, time):
    asks(key, hotel.door("801"))
    row = Outbox.get(Outbox.address == TOPIC_OPEN % companion.id)
    assert (row.channel, row.retained, row.expires_at) == ("mqtt", False, time.now_ms + 30_000)


def test_opened_is_what_the_doors_own_event_says(hotel, companion, key, time):
    asked = asks(key, hotel.door("801"))
    assert doors.answer_of(asked) == "waiting"
    time.passes(seconds=2)
    says(companion, asked)
    assert doors.answer_of(asked) == "opened"
    assert RemoteOpen.get_by_id(asked.id).answered_at == time.now_ms


def test_a_refusal_after_the_signature_is_told_with_its_verdict(hotel, companion, key):
    asked = asks(key, hotel.door("801"))
    says(companion, asked, "refused", "privacy")
    assert doors.answer_of(asked) == "privacy"


def test_sent_again_by_the_broker_the_first_word_stands(hotel, companion, key):
    asked = asks(key, hotel.door("801"))
    says(companion, asked)
    says(companion, asked, "refused", "already_used")
    assert doors.answer_of(asked) == "opened"


def test_an_open_told_after_a_refusal_stands_over_it(hotel, companion, key):
    asked = asks(key, hotel.door("801"))
    says(companion, asked, "refused", "privacy")
    says(companion, asked)
    assert doors.answer_of(asked) == "opened"


def test_without_an_answer_it_never_says_opened(hotel, companion, key, time):
    asked = asks(key, hotel.door("801"))
    line = companion.line("refused", road="mqtt", verdict="clock_lost")  # before the signature: no key_id
    batch.keep([Arrival(None, 1, 1, TOPIC_EVENTS % companion.id, line, False)])
    time.passes(seconds=7)
    assert doors.answer_of(asked) == "waiting"
    time.passes(seconds=1)
    assert doors.answer_of(asked) == "no_answer"
    says(companion, asked)  # late, but it did
    assert doors.answer_of(asked) == "opened"


def test_a_door_that_goes_away_meanwhile_is_offline(hotel, companion, key):
    asked = asks(key, hotel.door("801"))
    doors.companions.offline(companion.row)
    assert doors.answer_of(asked) == "offline"


def test_an_answer_of_another_doors_companion_counts_for_nothing(hotel, companion, key):
    other = hotel.companion("802")
    asked = asks(key, hotel.door("801"))
    says(other, asked)
    assert doors.answer_of(asked) == "waiting"


def test_an_answer_with_a_wrong_tag_counts_for_nothing(hotel, companion, key):
    asked = asks(key, hotel.door("801"))
    line = companion.line("opened", road="mqtt", verdict="open", key_id=asked.key_id)
    batch.keep([Arrival(None, 1, 1, TOPIC_EVENTS % companion.id, b"0" * 16 + line[16:], False)])
    assert doors.answer_of(asked) == "waiting"
    assert records.Disputed.get().reason == "bad_tag"


def test_however_many_answers_a_companion_sends_they_are_taken_in(hotel, companion, key):
    asked = asks(key, hotel.door("801"))
    row = companion.row
    told = [remote.Answer(row, f"{n:016x}", "opened", "open") for n in range(40_000)]
    remote.answered([*told, remote.Answer(row, asked.key_id, "opened", "open")], 1)
    assert doors.answer_of(asked) == "opened"


def test_a_companion_that_answers_for_another_door_does_not_hide_the_right_answer(hotel, companion, key):
    """Two companions name the token in one batch; the one of another door was never sent it."""
    liar, asked = hotel.companion("802"), asks(key, hotel.door("801"))
    answers = [remote.Answer(one.row, asked.key_id, "opened", "open") for one in (companion, liar)]
    remote.answered(answers, 1)
    assert doors.answer_of(asked) == "opened"


def test_a_door_without_a_companion_online_refuses_at_once(hotel, companion, key):
    doors.companions.offline(companion.row)
    with pytest.raises(doors.DoorOffline):
        asks(key, hotel.door("801"))
    assert sent(companion) == []


def test_both_companions_of_a_suite_are_asked_and_one_open_is_enough(hotel, companion, key):
    second = hotel.companion("801", "c-801-second")
    second.reports()
    asked = asks(key, hotel.door("801"))
    assert sent(companion) == sent(second) != []
    says(second, asked)
    assert doors.answer_of(asked) == "opened"


def test_another_guests_and_a_strangers_scan_get_nothing(hotel, companion, key, phones):
    door = hotel.door("801")
    neighbour, stranger = phones("13900005678"), phones("13700005678")
    hotel.companion("802").reports()
    theirs = neighbour.gets_key(hotel, hotel.checked_in("802"))
    assert doors.may_open(neighbour.holder, door) is None
    assert doors.may_open(stranger.holder, door) is None
    with pytest.raises(NotFound):
        asks(theirs, door)
    assert doors.may_open(key.holder, door) == key
    assert doors.may_open(neighbour.holder, hotel.door("802")) == theirs
    assert sent(companion) == []


def test_a_guest_may_open_the_lift_but_not_the_staff_gate_nor_another_hotels_door(hotel, another_hotel, key):
    may = {name: doors.may_open(key.holder, hotel.door(name)) for name in ("801", "Lift", "Staff gate", "802")}
    assert {name for name, right in may.items() if right} == {"801", "Lift"}
    assert doors.may_open(key.holder, another_hotel.door("801")) is None


def test_before_and_after_the_stay_nobody_may(hotel, companion, phone, time):
    door = hotel.door("801")
    stay = hotel.draft("801")
    phone.gets_key(hotel, stay)
    assert doors.may_open(phone.holder, door) is None
    stay = stays.check_in(stays.Stay.get_by_id(stay.id), by=hotel.desk)
    assert doors.may_open(phone.holder, door)
    stays.check_out(stay, by=hotel.desk)
    assert doors.may_open(phone.holder, door) is None


def test_past_its_end_a_key_that_nobody_ended_opens_nothing_either(hotel, key, time):
    time.passes(ms=key.ends_at - time.now_ms)
    assert doors.may_open(key.holder, hotel.door("801")) is None


def test_a_key_of_an_older_generation_than_the_rooms_opens_nothing(hotel, key):
    doors.rooms.close(hotel.door("801"))
    assert doors.may_open(key.holder, hotel.door("801")) is None


def test_a_staff_key_opens_the_doors_of_its_zones(hotel, phones, time):
    maid = phones("13600000001").holder
    floor = keys.issue_staff(
        maid, hotel.property, 1 << 8, "Lin", time.now_ms, time.now_ms + 8 * 3_600_000, by=hotel.desk
    )
    assert doors.may_open(maid, hotel.door("801")) == floor
    assert doors.may_open(maid, hotel.door("Lift")) is None


def test_pressed_twice_it_is_one_open(hotel, companion, key):
    door = hotel.door("801")
    assert asks(key, door) == asks(key, door)
    assert len(sent(companion)) == 1


def test_one_at_a_time_for_each_door(hotel, companion, key, time):
    door = hotel.door("801")
    asked = asks(key, door)
    with pytest.raises(doors.OpenUnderWay):
        doors.open_remotely(door, reason="forgot the phone", by=hotel.desk)
    time.passes(seconds=10)
    with pytest.raises(doors.OpenUnderWay) as refused:  # no answer: the token may still be on its way
        asks(key, door)
    assert refused.value.facts["seconds"] == 20
    says(companion, asked)
    assert asks(key, door) != asked
    time.passes(seconds=30)
    assert doors.open_remotely(door, reason="forgot the phone", by=hotel.desk)


def test_six_a_minute_for_one_holder(hotel, companion, key, time):
    for _ in range(remote.A_MINUTE_MAX):
        says(companion, asks(key, hotel.door("801")))
        time.passes(seconds=1)
    with pytest.raises(doors.TooManyOpens) as refused:
        asks(key, hotel.door("801"))
    assert refused.value.facts["seconds"] == 54
    time.passes(seconds=54)
    assert asks(key, hotel.door("801"))


def test_the_desk_opens_with_a_reason_and_the_trail_says_who_and_why(hotel, companion):
    door = hotel.door("801")
    for reason in ("", "  \n "):
        with pytest.raises(doors.NoReason):
            doors.open_remotely(door, reason=reason, by=hotel.desk)
    asked = doors.open_remotely(door, reason="guest locked out", by=hotel.desk)
    line = Audit.get(Audit.verb == "door:open")
    details = json.loads(line.details)
    assert (line.actor, details["reason"], details["key"]) == (hotel.desk.name, "guest locked out", asked.key_id)
    assert (asked.actor, asked.holder_id, asked.right_id) == (hotel.desk.name, None, None)


def test_a_guests_open_is_in_the_trail_under_the_holder(hotel, companion, key):
    asks(key, hotel.door("801"))
    assert Audit.get(Audit.verb == "door:open").actor == f"holder {key.holder_id}"


def test_nobody_opens_another_hotels_door(hotel, another_hotel, companion):
    with pytest.raises(NotFound):
        doors.open_remotely(hotel.door("801"), reason="because", by=another_hotel.desk)


def test_only_who_asked_finds_the_open(hotel, companion, key, phones):
    asked = asks(key, hotel.door("801"))
    assert doors.open_of(key.holder, asked.id) == asked
    with pytest.raises(NotFound):
        doors.open_of(phones("13900005678").holder, asked.id)


def test_a_token_leads_back_to_the_key_by_whose_right_it_opened(hotel, companion, key):
    asked = asks(key, hotel.door("801"))
    assert remote.key_behind(asked.key_id) == key.key_id
    assert remote.key_behind(key.key_id) == key.key_id
    assert remote.key_behind("00" * 8) == "00" * 8


def opens(companion, key):
    """The arrival of an open by the guest's own QR."""
    line = companion.line("opened", road="qr", verdict="open", key_id=key.key_id)
    return Arrival(None, 1, 1, TOPIC_EVENTS % companion.id, line, False)


@pytest.fixture
def moving(hotel, companion, key):
    """The guest of 801 moves to 802: (companion of 802, the key there)."""
    there = hotel.companion("802")
    there.reports()
    stay = stays.Stay.get(stays.Stay.state == "in_house")
    stays.move(stay, hotel.door("802"), by=hotel.desk)
    return there, Key.get(Key.door == hotel.door("802"))


def closed():
    """How each move was closed."""
    return [move.how for move in stays.Move.select()]


def test_the_first_open_of_the_new_room_closes_the_old(companion, key, moving):
    there, new = moving
    batch.keep([opens(companion, key)])
    assert closed() == [""]
    arrival = opens(there, new)
    batch.keep([arrival])
    batch.keep([arrival])  # not acknowledged in time: told again
    assert closed() == ["opened"]
    assert Key.get_by_id(key.id).state == "ended"


def test_an_open_from_afar_by_the_guests_own_phone_counts_as_well(hotel, moving):
    there, new = moving
    says(there, asks(new, hotel.door("802")))
    assert closed() == ["opened"]


def test_an_open_from_afar_by_the_desk_does_not(hotel, moving):
    there, _ = moving
    says(there, doors.open_remotely(hotel.door("802"), reason="luggage", by=hotel.desk))
    assert closed() == [""]


def test_a_fault_of_the_stays_costs_no_line(moving, monkeypatch):
    def fails(key_id, at, door_id):
        raise RuntimeError

    monkeypatch.setattr("lockmate.stays.note_opened", fails)
    kept = batch.keep([opens(*moving)])
    assert (kept.lines, len(kept.acks)) == (1, 1)


def test_a_reset_token_teaches_the_present_minimum_and_opens_nothing(hotel, phone, phones, time):
    door = Door(hotel.companion("801"))
    former = phone.gets_key(hotel, hotel.checked_in("801"))
    text = keys.sheaf(Key.get_by_id(former.id), time.now_s, slots=1)[0].text
    assert door.scan(text, time.now_s) == "open"
    stays.check_out(stays.Stay.get(stays.Stay.state == "in_house"), by=hotel.desk)
    assert door.scan(text, time.now_s) == "open"  # the door heard nothing
    reset = doors.reset_token(hotel.door("801"), by=hotel.desk)
    assert door.scan(reset, time.now_s) == "reset"
    assert door.scan(text, time.now_s) == "superseded"
    assert Door(hotel.companion("802")).scan(reset, time.now_s) == "wrong_door"
    assert door.scan(reset, time.now_s + 3_601) == "expired"
    details = json.loads(Audit.get(Audit.verb == "door:reset_token").details)
    assert details["generation"] == 2


def test_a_common_door_has_nothing_to_reset(hotel):
    with pytest.raises(doors.NotARoom):
        doors.reset_token(hotel.door("Lift"), by=hotel.desk)


def test_a_door_made_later_has_the_propertys_epochs(hotel):
    doors.raise_epoch(hotel.property, "staff", by=hotel.desk)
    late = add_door(hotel.property, 805, "805", "room", [8])
    assert doors.rooms.rules_of(late).staff_epoch == 1
