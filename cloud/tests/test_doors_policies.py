"""Policies say what the rules say, and the firmware's own reader takes them."""

from __future__ import annotations

import base64
import json

import pytest

from companion.core import policy as door_policy
from companion.core.ed25519 import Verifier
from companion.core.names import POLICY
from lockmate import clock, doors
from lockmate.doors import denials, policies, rooms
from lockmate.doors.models import Companion, Denial
from lockmate.outbox import Outbox
from lockmate.protocol import DENY_MAX

pytestmark = pytest.mark.both_databases


class Held:
    """A door as its provisioning left it, or with the policy it holds."""

    def __init__(self, config, version=0):
        self.property_id = bytes.fromhex(config["property_id"])
        self.door = config["door"]
        self.version = version
        self.trust = door_policy.read_trust(config["trust"])

    def verifier(self, slot, kind):
        found = [t for t in self.trust if t.slot == slot and kind in t.kinds]
        return Verifier(found[0].key) if found else None

    def reads(self, wire):
        assert self.verifier(wire[0], POLICY)
        policy = door_policy.read(wire, self)
        self.trust, self.version = policy.trust, policy.version
        return policy


@pytest.fixture
def held(hotel):
    return Held(hotel.companion("801").enrolment.config)


def document(policy):
    return json.loads(bytes(policy.body))


def deny_at(door, n, *, kind="guest", minted=0, first=0):
    """n entries whose tokens end tomorrow, minted a second apart from `minted` on."""
    Denial.insert_many(
        [
            {
                "door": door.id,
                "key_id": f"{first + i:016x}",
                "kind": kind,
                "until": clock.now_s() + 86_400,
                "minted_at": minted + i,
                "made_at": clock.now_ms(),
            }
            for i in range(n)
        ]
    ).execute()


def test_the_firmware_takes_the_policy_that_enrolment_puts_on_the_flash(hotel, held):
    enrolled = policies.newest(hotel.door("801"))
    policy = held.reads(policies.wire(enrolled))
    assert (policy.version, policy.hash) == (enrolled.version, enrolled.hash)
    assert (policy.door, policy.is_room, policy.zones, policy.generation) == (801, True, 1 << 8, 1)
    assert {t.slot for t in policy.trust} == {0, 4, 8, 11}
    assert policy.guests_when_lost


def test_a_policy_reaches_the_firmware_with_every_rule(hotel, held, time):
    until = time.now_s + 3600
    policy = held.reads(
        policies.wire(
            doors.set_rules(
                hotel.door("801"),
                mode="lockdown",
                mode_until=until,
                clock_lost="staff",
                settings={"bolt_ms": 800, "ajar_s": 60},
                by=hotel.desk,
            )
        )
    )
    assert (policy.set_mode, policy.mode_until, policy.guests_when_lost) == ("lockdown", until, False)
    assert policy.settings == {"bolt_ms": 800, "ajar_s": 60}
    assert policy.issued_at == time.now_s


def test_a_denied_key_is_found_by_the_door(hotel, held, guest_key, time):
    from lockmate import keys

    keys.sheaf(guest_key, time.now_s, slots=3)
    guest_key = keys.Key.get_by_id(guest_key.id)
    door = hotel.door("801")
    assert door in doors.deny(guest_key)
    policy = held.reads(policies.wire(policies.publish(door)))
    assert policy.denied(bytes.fromhex(guest_key.key_id))
    assert not policy.denied(bytes(8))


def test_a_guests_key_is_denied_at_its_room_and_the_guests_common_doors_only(hotel, guest_key):
    assert [door.name for door in denials.doors_of(guest_key)] == ["801", "Lift"]


def test_a_key_of_which_no_token_is_left_needs_no_entry(hotel, guest_key, time):
    doors.deny(guest_key)
    assert not Denial.select().exists()


def test_an_entry_goes_after_the_keys_last_token(hotel, held, time):
    door = hotel.door("801")
    deny_at(door, 3)
    assert len(base64.b64decode(document(policies.publish(door))["deny"])) == 36
    time.passes(days=1, seconds=1)
    assert document(policies.publish(door))["deny"] == ""


def test_a_clock_that_ran_ahead_costs_no_entry(hotel, guest_key, time):
    from lockmate import keys, stays

    keys.sheaf(guest_key, time.now_s)
    time.passes(days=3)
    stays.check_out(stays.Stay.get(), by=hotel.desk)
    lift = hotel.door("Lift")
    assert document(policies.newest(lift))["deny"] == ""
    time.passes(days=-3)
    listed = base64.b64decode(document(policies.publish(lift))["deny"])
    assert listed[:8].hex() == guest_key.key_id
    time.passes(days=9)
    policies.publish(lift)
    assert not Denial.select().where(Denial.door == lift).exists()


def test_128_entries_fit_and_the_129th_gives_way_to_min_iat(hotel, held):
    door = hotel.door("801")
    deny_at(door, DENY_MAX, minted=1000)
    wire = policies.wire(policies.publish(door))
    assert len(held.reads(wire).deny) == DENY_MAX * 12
    deny_at(door, 1, minted=5000, first=DENY_MAX)
    policy = held.reads(policies.wire(policies.publish(door)))
    assert policy.min_iat == 1001  # one second after the oldest one's last minting
    assert len(policy.deny) == DENY_MAX * 12
    assert not policy.denied(bytes(8))
    assert policies.publish(door)  # and it stays so
    assert rooms.rules_of(door).min_iat == 1001


def test_entries_minted_in_the_same_second_give_way_together(hotel, held):
    door = hotel.door("801")
    for n in range(DENY_MAX + 10):
        deny_at(door, 1, minted=7000 if n < 20 else 8000, first=n)
    policy = held.reads(policies.wire(policies.publish(door)))
    assert policy.min_iat == 7001
    assert len(policy.deny) == (DENY_MAX - 10) * 12


def test_staff_and_emergency_entries_stay_on_overflow(hotel, held):
    door = hotel.door("801")
    deny_at(door, 100, kind="staff")
    deny_at(door, 40, minted=2000, first=1000)
    policy = held.reads(policies.wire(policies.publish(door)))
    assert policy.min_iat == 2012
    assert all(policy.denied(n.to_bytes(8, "big")) for n in range(100))
    deny_at(door, 60, kind="emergency", first=5000)
    with pytest.raises(doors.DenyListFull):
        policies.publish(door)


def test_the_longest_policy_fits(hotel):
    door = hotel.door("801")
    door.zones = 0xFFFFFFFF
    door.save()
    deny_at(door, DENY_MAX)
    doors.set_rules(
        door,
        mode="evacuate",
        mode_until=clock.now_s() + 60,
        settings={"bolt_ms": 10_000, "ajar_s": 3_600, "drift_ppm": 1_000},
        by=hotel.desk,
    )
    assert len(bytes(policies.newest(door).body)) < 4096


def test_versions_grow_whatever_the_clock_and_the_door_say(hotel, time):
    companion = hotel.companion("801")
    door = hotel.door("801")
    first = policies.publish(door)
    assert policies.publish(door).version == first.version + 1  # in the same millisecond
    time.passes(hours=-1)
    assert policies.publish(door).version == first.version + 2
    Companion.update(policy_version=first.version + 10_000_000).where(Companion.companion_id == companion.id).execute()
    assert policies.publish(door).version == first.version + 10_000_001


def test_a_mode_ends_at_its_time_and_no_end_is_signed_more_than_a_day_ahead(hotel, held, time):
    door = hotel.door("801")
    policy = doors.set_rules(door, mode="passage", mode_until=time.now_s + 200_000, by=hotel.desk)
    assert held.reads(policies.wire(policy)).mode_until == time.now_s + 86_400
    time.passes(days=1)
    assert held.reads(policies.wire(policies.publish(door))).mode_until == time.now_s + 86_400
    time.passes(days=2)
    assert held.reads(policies.wire(policies.publish(door))).set_mode == "normal"


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "party"},
        {"mode": "passage"},
        {"mode": "lockdown", "mode_until": 5},
        {"clock_lost": "nobody"},
        {"settings": {"bolt_ms": 49}},
        {"settings": {"bolt_ms": True}},
        {"settings": {"volume": 11}},
    ],
)
def test_rules_that_no_door_would_take_are_refused(hotel, wrong):
    with pytest.raises(doors.BadRules):
        doors.set_rules(hotel.door("801"), by=hotel.desk, **wrong)


def test_each_companion_of_a_suite_gets_the_policy_and_a_newer_one_supersedes_it(hotel):
    hotel.companion("801", "suite-left-door")
    hotel.companion("801", "suite-right-door")
    policy = policies.publish(hotel.door("801"))
    waiting = list(Outbox.select().where(Outbox.state == "pending"))
    assert [row.address for row in waiting] == [
        "lm/1/suite-left-door/down/policy",
        "lm/1/suite-right-door/down/policy",
    ]
    assert all(bytes(row.payload) == policies.wire(policy) and row.retained for row in waiting)


def test_a_policy_for_another_door_is_refused_by_the_firmware(hotel, held):
    hotel.companion("802")
    with pytest.raises(door_policy.Refused, match="forged"):
        held.reads(policies.wire(policies.publish(hotel.door("802"))))
