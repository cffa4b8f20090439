"""The sheaf: short overlapping tokens, cut to the key's bounds, noted before they are signed."""

from __future__ import annotations

import itertools

import base45
import pytest

from companion.core import token as door_token
from companion.core.names import ROAD_QR
from lockmate import db, keys, stays
from lockmate.keys import Key, issuer, vault
from lockmate.keys.models import IssuerKey
from lockmate.protocol import DAY


def read(text):
    return door_token.read(text)


def statements(run):
    """Counts what `run` asks of the database."""
    asked = []
    execute = db.database.obj.execute_sql
    db.database.obj.execute_sql = lambda sql, *args, **kwargs: (asked.append(sql), execute(sql, *args, **kwargs))[1]
    try:
        run()
    finally:
        db.database.obj.execute_sql = execute
    return [sql for sql in asked if sql.split()[0] in ("SELECT", "INSERT", "UPDATE", "DELETE")]


def test_a_day_of_slots_follow_each_other_and_overlap(guest_key, time):
    slots = keys.sheaf(guest_key, time.now_s)
    tokens = [read(slot.text) for slot in slots]
    assert [(t.nbf, t.exp) for t in tokens] == [(slot.nbf, slot.exp) for slot in slots]
    assert slots[0].nbf <= time.now_s < slots[0].exp
    for one, two in itertools.pairwise(slots):
        assert two.nbf < one.exp
        assert one.exp - two.nbf <= 120
    assert all((t.nbf + 60) % 300 == 0 for t in tokens[1:])
    assert all(t.iat == time.now_s and t.exp - t.iat <= DAY for t in tokens)
    assert all(t.fits(ROAD_QR) for t in tokens)
    assert {(t.door, t.zones, t.generation, t.key_id.hex()) for t in tokens} == {(801, 1, 1, guest_key.key_id)}


def test_no_token_is_valid_outside_the_stay(guest_key, time):
    time.passes(ms=guest_key.ends_at - time.now_ms - 1_000_000)
    slots = keys.sheaf(guest_key, time.now_s)
    assert max(slot.exp for slot in slots) == guest_key.ends_at // 1000
    time.passes(ms=1_000_000)
    with pytest.raises(keys.KeyEnded):
        keys.sheaf(guest_key, time.now_s)


def test_a_stay_longer_than_a_day_gets_a_day_at_a_time(hotel, phone, time):
    stay = hotel.checked_in("802", nights=5)
    slots = keys.sheaf(phone.gets_key(hotel, stay), time.now_s)
    assert max(slot.exp for slot in slots) == time.now_s + DAY
    assert 288 <= len(slots) <= 290


def test_only_as_many_as_asked_for(guest_key, time):
    assert len(keys.sheaf(guest_key, time.now_s, slots=3)) == 3
    assert len(keys.sheaf(guest_key, time.now_s, slots=0)) == 1


def test_what_was_minted_is_noted_once(guest_key, time):
    slots = keys.sheaf(guest_key, time.now_s, slots=5)
    row = Key.get_by_id(guest_key.id)
    assert (row.newest_exp, row.newest_iat) == (slots[-1].exp, time.now_s)
    time.passes(seconds=10)
    keys.sheaf(guest_key, time.now_s, slots=1)
    row = Key.get_by_id(guest_key.id)
    assert (row.newest_exp, row.newest_iat) == (slots[-1].exp, time.now_s)


def test_the_number_of_queries_does_not_grow_with_the_slots(guest_key, time):
    [guest_key] = keys.keys_of(guest_key.holder)  # as the page has it: with its door and hotel
    few = statements(lambda: keys.sheaf(guest_key, time.now_s, slots=1))
    many = statements(lambda: keys.sheaf(guest_key, time.now_s))
    assert len(few) == len(many) == 3


def test_a_prepared_key_opens_nothing_yet(hotel, phone, time):
    key = phone.gets_key(hotel, hotel.draft("802"))
    with pytest.raises(keys.KeyNotYet):
        keys.sheaf(key, time.now_s)


def test_an_ended_key_gets_no_more_tokens_even_from_a_row_read_before(guest_key, hotel, time):
    before = Key.get_by_id(guest_key.id)
    stays.check_out(stays.Stay.get(), by=hotel.desk)
    with pytest.raises(keys.KeyEnded):
        keys.sheaf(before, time.now_s)


def test_ending_twice_keeps_the_first_end(guest_key, time):
    keys.end(guest_key, "lost")
    first = guest_key.ended_at
    time.passes(hours=1)
    keys.end(guest_key, "check_out")
    assert (guest_key.ended_at, guest_key.end_reason) == (first, "lost")


def test_the_signature_is_that_of_the_propertys_issuer(guest_key, hotel, time):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    token = read(keys.sheaf(guest_key, time.now_s, slots=1)[0].text)
    row = IssuerKey.get(IssuerKey.property == hotel.property, IssuerKey.slot == token.slot)
    signed = token.signed(bytes.fromhex(hotel.property.property_id))
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(row.public)).verify(token.signature, signed)


def test_a_rotated_issuer_signs_from_the_next_sheaf_on(guest_key, hotel, time):
    keys.sheaf(guest_key, time.now_s, slots=1)
    IssuerKey.update(retired_at=time.now_ms).where(IssuerKey.slot == 0).execute()
    issuer.create(hotel.property, 1, ("guest", "remote", "reset"))
    assert read(keys.sheaf(guest_key, time.now_s, slots=1)[0].text).slot == 1


def test_without_an_issuer_it_is_said_so(guest_key, time):
    IssuerKey.update(retired_at=time.now_ms).where(IssuerKey.slot == 0).execute()
    with pytest.raises(keys.IssuerMissing):
        keys.sheaf(guest_key, time.now_s)


def test_a_slot_holds_one_key(hotel):
    with pytest.raises(keys.SlotTaken):
        issuer.create(hotel.property, 4, ("staff",))


@pytest.mark.parametrize(("slot", "kinds"), [(16, ("guest",)), (2, ()), (2, ("policy", "guest")), (2, ("friend",))])
def test_an_issuer_key_that_no_door_would_trust_is_not_made(hotel, slot, kinds):
    with pytest.raises(ValueError, match="no issuer key"):
        issuer.create(hotel.property, slot, kinds)


def test_a_sealed_secret_opens_only_for_its_purpose_and_under_its_key(house):
    sealed = vault.seal(b"secret", b"one")
    assert b"secret" not in sealed
    assert vault.unseal(sealed, b"one") == b"secret"
    for touched, purpose in ((sealed, b"two"), (sealed[:-1] + bytes([sealed[-1] ^ 1]), b"one"), (b"", b"one")):
        with pytest.raises(keys.WrongMasterKey):
            vault.unseal(touched, purpose)


def test_a_holder_is_known_by_its_secret_only(phone):
    assert keys.holders.of(phone.secret) == phone.holder
    assert keys.holders.of(phone.secret + "x") is None
    assert phone.secret not in phone.holder.secret_hash


def test_anybody_elses_key_is_not_found(guest_key, phone, phones):
    from lockmate.errors import NotFound

    assert keys.key_of(phone.holder, guest_key.key_id) == guest_key
    assert [key.id for key in keys.keys_of(phone.holder)] == [guest_key.id]
    with pytest.raises(NotFound):
        keys.key_of(phones("13900005678").holder, guest_key.key_id)


def test_texts_are_version_5_l_alphanumeric(guest_key, time):
    import segno

    text = keys.sheaf(guest_key, time.now_s, slots=1)[0].text
    code = segno.make(text, error="l", boost_error=False)
    assert (code.designator, code.mode) == ("5-L", "alphanumeric")
    assert len(base45.b45decode(text[4:])) == 98
