"""Claims: the same short code on the phone and at the desk, compared before a key is given."""

from __future__ import annotations

import re

import pytest

from lockmate import claims, keys
from lockmate.claims import Claim
from lockmate.errors import BadPhone, NotFound
from lockmate.staff import Audit

pytestmark = pytest.mark.both_databases

CODE = re.compile(r"[ACDEFHJKLMNPRTUVWXY][2346789]-[2346789]{2}")


def test_a_desk_ticket_names_its_hotel_for_fifteen_minutes(hotel, another_hotel, time):
    ticket = claims.desk_ticket(hotel.property)
    assert claims.check_ticket(ticket) == hotel.property
    assert claims.check_ticket(claims.desk_ticket(another_hotel.property)) == another_hotel.property
    time.passes(minutes=15)
    assert claims.check_ticket(ticket) == hotel.property
    time.passes(seconds=1)
    with pytest.raises(claims.TicketEnded):
        claims.check_ticket(ticket)


def test_a_ticket_that_was_touched_is_none(hotel):
    ticket = claims.desk_ticket(hotel.property)
    for bad in ("", "x", ticket[:-2], "A" + ticket, ticket.replace(".", "", 1)):
        with pytest.raises(claims.BadTicket):
            claims.check_ticket(bad)


def test_a_claim_waits_with_a_short_code(hotel, phone):
    claim = phone.claims_at(hotel)
    assert CODE.fullmatch(claim.code)
    assert claim.ends_at - claim.made_at == 900_000
    assert [(row.claim, row.duplicate) for row in claims.waiting(hotel.property)] == [(claim, False)]


def test_codes_of_waiting_claims_differ(hotel, phones, monkeypatch):
    import itertools

    rolls = itertools.chain("222A222A222A223A", itertools.repeat("4"))
    monkeypatch.setattr("secrets.choice", lambda _: next(rolls))
    codes = [phones(f"1390000{n:04d}").claims_at(hotel).code for n in range(2)]
    assert codes == ["A2-22", "A2-23"]


def test_a_full_desk_says_so(hotel, phones, monkeypatch):
    monkeypatch.setattr("secrets.choice", lambda choices: choices[0])
    phones("13900000001").claims_at(hotel)
    with pytest.raises(claims.DeskBusy):
        phones("13900000002").claims_at(hotel)


def test_the_same_number_on_two_phones_is_flagged(hotel, phones):
    one, two = phones("139 0000 5678").claims_at(hotel), phones("13900005678").claims_at(hotel)
    three = phones("13800001234").claims_at(hotel)
    assert [(row.claim, row.duplicate) for row in claims.waiting(hotel.property)] == [
        (one, True),
        (two, True),
        (three, False),
    ]


def test_scanning_again_replaces_the_earlier_claim(hotel, phone):
    first, second = phone.claims_at(hotel), phone.claims_at(hotel)
    assert [row.claim for row in claims.waiting(hotel.property)] == [second]
    assert [claim.state for claim in claims.of_holder(phone.holder)] == ["waiting", "withdrawn"]
    assert Claim.get_by_id(first.id).state == "withdrawn"


def test_a_claim_needs_a_number(hotel, phones):
    with pytest.raises(BadPhone):
        phones("call me").claims_at(hotel)
    assert not Claim.select().exists()


def test_the_desk_confirms_code_and_last_digits(hotel, phone):
    stay = hotel.draft("801")
    claim = phone.claims_at(hotel)
    key = claims.confirm(claim, stay.present()[0], claim.code.lower().replace("-", " "), " 1234", by=hotel.desk)
    claim = Claim.get_by_id(claim.id)
    assert (claim.state, claim.key) == ("confirmed", key)
    assert stay.present()[0].key == key
    assert key.holder == phone.holder
    assert phone.holder.select().first().phone == "13800001234"
    assert not claims.waiting(hotel.property)
    assert Audit.get(Audit.verb == "claim:confirm").actor == hotel.desk.name


@pytest.mark.parametrize(
    ("code", "last4", "refusal"),
    [
        ("Z9-99", "1234", claims.WrongCode),
        ("", "1234", claims.WrongCode),
        (None, "4321", claims.WrongDigits),
        (None, "", claims.WrongDigits),
        (None, "01234", claims.WrongDigits),
        (None, "１２３４", claims.WrongDigits),
    ],
)
def test_wrong_code_or_digits_give_no_key(hotel, phone, code, last4, refusal):
    stay = hotel.draft("801")
    claim = phone.claims_at(hotel)
    with pytest.raises(refusal):
        claims.confirm(claim, stay.present()[0], claim.code if code is None else code, last4, by=hotel.desk)
    assert not keys.Key.select().exists()
    assert [row.claim for row in claims.waiting(hotel.property)] == [claim]


def test_a_claim_ends_after_fifteen_minutes(hotel, phone, time):
    stay = hotel.draft("801")
    claim = phone.claims_at(hotel)
    time.passes(minutes=15)
    assert not claims.waiting(hotel.property)
    with pytest.raises(claims.ClaimEnded):
        claims.confirm(claim, stay.present()[0], claim.code, "1234", by=hotel.desk)


def test_a_settled_claim_is_not_confirmed_again(hotel, phone):
    stay = hotel.draft("801")
    withdrawn = phone.claims_at(hotel)
    claims.withdraw(withdrawn)
    confirmed = phone.claims_at(hotel)
    claims.confirm(confirmed, stay.present()[0], confirmed.code, "1234", by=hotel.desk)
    claims.withdraw(confirmed)
    assert confirmed.state == "confirmed"
    for claim in (withdrawn, confirmed):
        with pytest.raises(claims.ClaimSettled):
            claims.confirm(claim, stay.present()[0], claim.code, "1234", by=hotel.desk)


def test_another_hotels_claims_and_guests_are_not_found(hotel, another_hotel, phone):
    claim = phone.claims_at(hotel)
    theirs = another_hotel.draft("801").present()[0]
    assert not claims.waiting(another_hotel.property)
    for guest, by in (
        (theirs, hotel.desk),
        (theirs, another_hotel.desk),
        (hotel.draft().present()[0], another_hotel.desk),
    ):
        with pytest.raises(NotFound):
            claims.confirm(claim, guest, claim.code, "1234", by=by)
    with pytest.raises(NotFound):
        Claim.of(another_hotel.property, claim.id)


def test_a_browser_sees_its_own_claims_only(hotel, phone, phones):
    claim = phone.claims_at(hotel)
    assert claims.claim_of(phone.holder, claim.id) == claim
    with pytest.raises(NotFound):
        claims.claim_of(phones("13900005678").holder, claim.id)
