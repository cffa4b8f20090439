"""The cards go to another browser by a link that works once; letters go to an address that is one."""

from __future__ import annotations

import json

import pytest

from lockmate import keys
from lockmate.errors import NotFound
from lockmate.keys import Carry, holders
from lockmate.staff import Audit


def test_a_second_browser_holds_the_same_cards(guest_key, phone):
    joined, secret = holders.take(holders.carry_link(phone.holder))
    assert joined == holders.of(secret) == holders.of(phone.secret) == phone.holder
    assert secret != phone.secret
    assert [key.id for key in keys.keys_of(joined)] == [guest_key.id]


def test_a_link_works_once(guest_key, phone):
    link = holders.carry_link(phone.holder)
    holders.take(link)
    with pytest.raises(keys.CarryEnded):
        holders.take(link)


def test_a_link_ends_after_ten_minutes(guest_key, phone, time):
    link = holders.carry_link(phone.holder)
    time.passes(minutes=10)
    with pytest.raises(keys.CarryEnded):
        holders.take(link)


def test_a_new_link_ends_the_one_before(guest_key, phone):
    first, second = holders.carry_link(phone.holder), holders.carry_link(phone.holder)
    with pytest.raises(keys.CarryEnded):
        holders.take(first)
    assert holders.take(second)[0] == phone.holder


@pytest.mark.parametrize("text", ["", ".", "x", "0" * 16 + ".x", "é.ü"])
def test_what_was_never_a_link_is_refused_as_an_ended_one(guest_key, text):
    with pytest.raises(keys.CarryEnded):
        holders.take(text)


def test_the_right_row_with_a_wrong_proof_is_refused_and_the_link_stays(guest_key, phone):
    link = holders.carry_link(phone.holder)
    with pytest.raises(keys.CarryEnded):
        holders.take(link[:-1] + ("A" if link[-1] != "A" else "B"))
    assert holders.take(link)[0] == phone.holder


def test_the_secret_is_kept_as_a_hash_only(guest_key, phone):
    link = holders.carry_link(phone.holder)
    assert link.partition(".")[2] not in json.dumps(list(Carry.select().dicts()))


def test_who_holds_nothing_has_nothing_to_carry(phones):
    with pytest.raises(NotFound):
        holders.carry_link(phones("13900005678").holder)


def test_both_steps_are_in_the_hotels_audit_trail(guest_key, phone, hotel):
    holders.take(holders.carry_link(phone.holder))
    lines = Audit.select().where(Audit.verb.startswith("holder:"), Audit.property == hotel.property)
    assert [(line.verb, line.actor) for line in lines.order_by(Audit.id)] == [
        ("holder:carry_link", f"holder {phone.holder.id}"),
        ("holder:carried", f"holder {phone.holder.id}"),
    ]


@pytest.mark.parametrize(
    "address",
    [
        "wang",
        "wang@",
        "@x.cn",
        "wang@host",
        "a b@x.cn",
        "a@x.cn\nBcc: b@x.cn",
        "a@x.cn,b@x.cn",
        "<a@x.cn>",
        "王@x.cn",
        "a" * 120 + "@x.cn",
    ],
)
def test_what_is_no_address_is_refused(phone, address):
    with pytest.raises(keys.BadEmail):
        holders.set_email(phone.holder, address)


def test_an_address_is_kept_and_taken_away(phone):
    holders.set_email(phone.holder, " wang.xm+hotel@mail.example.cn ")
    assert holders.of(phone.secret).email == "wang.xm+hotel@mail.example.cn"
    holders.set_email(phone.holder, "")
    assert holders.of(phone.secret).email == ""


def test_who_claims_again_is_the_same_holder_but_after_a_loss_or_where_old_cards_were_shared(hotel, guest_key, phone):
    assert not holders.is_spent(phone.holder)
    holders.take(holders.carry_link(phone.holder))
    assert not holders.is_spent(phone.holder)
    keys.end(guest_key, "check_out")
    assert holders.is_spent(phone.holder)


def test_a_lost_staff_phone_that_shared_its_key_is_spent_and_one_that_did_not_is_not(hotel, phone, time):
    def floor_key():
        return keys.issue_staff(phone.holder, hotel.property, 1 << 8, "Mei", 0, time.now_ms + 3_600_000, by=hotel.desk)

    lost, kept = floor_key(), floor_key()
    keys.end(lost, holders.LOST)
    assert not holders.is_spent(phone.holder)
    holders.take(holders.carry_link(phone.holder))
    assert (kept.state, holders.is_spent(phone.holder)) == ("active", True)
    assert not holders.was_lost(phone.holder)
