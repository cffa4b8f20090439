"""Issuer keys are replaced without leaving a door behind; what seals them at rest is replaced at once."""

from __future__ import annotations

from itertools import pairwise

import pytest

from cloud.tests.gates import Door, qr
from lockmate import doors, keys, properties, settings, staff
from lockmate.doors import link, policies, rotating
from lockmate.keys import IssuerKey, WrongMasterKey, issuer, vault
from lockmate.staff import Audit


@pytest.fixture
def board(hotel):
    """`board("801")`: a companion with the firmware's gate, that hears when it is told to."""

    def hang(name):
        made = hotel.companion(name)
        made.gate = Door(made)
        made.name = name
        hears(hotel, made)
        return made

    return hang


def hears(hotel, made):
    newest = policies.newest(hotel.door(made.name))
    if newest.version > made.gate.version:
        made.gate.hears(policies.wire(newest))
    made.holds(newest)
    made.reports()


def goes_on(hotel, purpose):
    return rotating.advance(hotel.property, purpose, by=hotel.desk)


@pytest.mark.parametrize("purpose", ["guest", "policy", "update", "staff"])
def test_a_key_is_replaced_and_no_door_is_left_behind(hotel, board, purpose, time):
    left, right = board("801"), board("802")
    old = issuer.signer(hotel.property, purpose).slot
    assert goes_on(hotel, purpose) == rotating.Rotation("coming", (left.id, right.id))
    hears(hotel, left)
    assert goes_on(hotel, purpose).behind == (right.id,)
    assert issuer.signer(hotel.property, purpose).slot == old
    hears(hotel, right)
    assert goes_on(hotel, purpose).stage == "going"
    new = issuer.signer(hotel.property, purpose).slot
    assert new != old
    going = goes_on(hotel, purpose)
    assert (going.stage, going.behind) == ("going", ())
    time.passes(seconds=going.until_s - time.now_s + 1)
    assert goes_on(hotel, purpose) == rotating.Rotation("gone", (left.id, right.id))
    hears(hotel, left)
    assert goes_on(hotel, purpose).behind == (right.id,)
    hears(hotel, right)
    assert goes_on(hotel, purpose).stage == "done"
    assert {trusted.slot for trusted in right.gate.trust} == ({0, 4, 8, 11} - {old}) | {new}
    gone = IssuerKey.get(IssuerKey.slot == old)
    assert (gone.retired_at, bytes(gone.sealed)) == (time.now_ms, b"")
    assert issuer.free_slot(hotel.property) == min(set(range(16)) - {t.slot for t in right.gate.trust})
    assert Audit.select().where(Audit.verb == "key:rotate").count() == 4


def test_a_guest_gets_in_at_every_stage(hotel, board, guest_key, time):
    room = board("801")
    keys_before = keys.Key.get_by_id(guest_key.id)
    keys.Key.update(ends_at=time.now_ms + 5 * 86_400_000).execute()
    for _ in range(2):
        goes_on(hotel, "guest")
        assert room.gate.scan(qr(keys_before, time), time.now_s) == "open"
        hears(hotel, room)
        assert room.gate.scan(qr(keys_before, time), time.now_s) == "open"
    time.passes(days=1, minutes=5)
    goes_on(hotel, "guest")
    hears(hotel, room)
    assert goes_on(hotel, "guest").stage == "done"
    assert room.gate.scan(qr(keys_before, time), time.now_s) == "open"


def test_a_companion_that_left_service_holds_nothing_back(hotel, board):
    left = board("801")
    goes_on(hotel, "guest")
    doors.companions.retire(left.row, by=hotel.desk)
    assert goes_on(hotel, "guest").stage == "going"


def test_a_companion_enrolled_meanwhile_knows_the_key_that_comes(hotel, board):
    goes_on(hotel, "policy")
    late = board("801")
    assert goes_on(hotel, "policy").stage == "going"
    policies.publish(hotel.door("801"))
    hears(hotel, late)
    assert late.gate.version == policies.newest(hotel.door("801")).version


def test_another_purpose_is_refused(hotel):
    with pytest.raises(doors.BadRules):
        goes_on(hotel, "remote")


def test_all_secrets_are_sealed_under_another_master_key(hotel, board, house, tmp_path):
    room = board("801")
    other = tmp_path / "other.key"
    vault.make(other)
    assert rotating.reseal(other) == (8, 1)  # of two hotels
    with pytest.raises(WrongMasterKey):
        vault.unseal(bytes(IssuerKey.get(slot=8).sealed), issuer.purpose_of(IssuerKey.get(slot=8)))
    settings.use(settings.load({"LOCKMATE_DATA": str(house.data), "LOCKMATE_MASTER_KEY_FILE": str(other)}))
    assert link.key_of(room.row) == room.link_key
    assert vault.unseal(bytes(IssuerKey.get(slot=8).sealed), issuer.purpose_of(IssuerKey.get(slot=8)))


def test_the_master_key_may_come_from_the_environment(hotel, house):
    text = house.master_key_file.read_text().strip()
    chosen = settings.load({"LOCKMATE_DATA": str(house.data), "LOCKMATE_MASTER_KEY": text,
                            "LOCKMATE_MASTER_KEY_FILE": "/nowhere"})  # fmt: skip
    assert text not in repr(chosen)
    settings.use(chosen)
    vault.check()
    assert issuer.signer(hotel.property, "guest").sign(b"x")
    settings.use(settings.load({"LOCKMATE_DATA": str(house.data), "LOCKMATE_MASTER_KEY": "12"}))
    with pytest.raises(settings.SettingsError, match="LOCKMATE_MASTER_KEY must hold 64 hex digits"):
        vault.check()


def test_codes_are_cut_as_the_hotel_wants(hotel, guest_key, time):
    staff.set_sheaf(hotel.property, slot_seconds=120, overlap_seconds=30, by=hotel.desk)
    slots = keys.sheaf(keys.Key.get_by_id(guest_key.id), time.now_s, slots=5)
    assert [two.nbf - one.nbf for one, two in pairwise(slots[2:])] == [120, 120]
    assert slots[2].exp - slots[2].nbf == 180
    assert Audit.select().where(Audit.verb == "property:set").count() == 1
    for wrong in ({"slot_seconds": 59}, {"slot_seconds": 3_601}, {"overlap_seconds": -1}, {"overlap_seconds": 121}):
        with pytest.raises(properties.BadProperty):
            staff.set_sheaf(hotel.property, **wrong, by=hotel.desk)
