"""Accounts, permissions, the audit trail; properties and their doors."""

from __future__ import annotations

import json

import pytest

from lockmate import properties, staff
from lockmate.errors import NotFound
from lockmate.properties import BadDoor, BadProperty, DoorExists
from lockmate.staff import Account, Actor, audit


def test_name_and_password_open_the_desk(hotel):
    actor = staff.sign_in(" anna@Lakeside ", "correct horse")
    assert (actor.name, actor.property) == ("anna@Lakeside", hotel.property)
    assert staff.actor_of(actor.account_id) == actor


def test_anything_else_is_refused_without_saying_why(hotel, another_hotel):
    for name, password in (("anna@Lakeside", "wrong"), ("nobody", "correct horse"), ("anna@Lakeside", ""), ("", "")):
        with pytest.raises(staff.WrongPassword) as refused:
            staff.sign_in(name, password)
        assert refused.value.facts == {}
    with pytest.raises(staff.WrongPassword):
        staff.sign_in("anna@Lakeside", "correct horse", property=another_hotel.property)


def test_a_closed_account_is_closed_at_once(hotel):
    Account.update(active=False).execute()
    with pytest.raises(staff.WrongPassword):
        staff.sign_in("anna@Lakeside", "correct horse")
    assert staff.actor_of(hotel.desk.account_id) is None
    assert staff.actor_of(999) is None


def test_a_password_is_kept_as_a_hash_only(hotel):
    assert "correct horse" not in Account.get().password_hash
    assert Account.get().password_hash.startswith("scrypt:")


@pytest.mark.parametrize("wrong", [{"name": " "}, {"name": "x" * 41}, {"password": "short"}, {"role": "king"}])
def test_a_wrong_account_is_refused(hotel, wrong):
    with pytest.raises(staff.BadAccount):
        staff.create_account(hotel.property, **{"name": "Li", "password": "long enough", "role": "desk"} | wrong)


def test_a_name_is_one_persons(hotel):
    with pytest.raises(staff.AccountExists):
        staff.create_account(hotel.property, "anna@Lakeside", "long enough", "desk")


def test_a_role_gives_its_permissions_and_no_more(hotel):
    staff.require(hotel.desk, "stay:check_in")
    with pytest.raises(staff.NotAllowed) as refused:
        staff.require(hotel.desk, "companion:enrol")
    assert refused.value.facts == {"permission": "companion:enrol"}
    staff.require(Actor.system(hotel.property), "companion:enrol")


def test_the_audit_trail_says_who_did_what_when(hotel, time):
    time.passes(minutes=1)
    audit.record(hotel.desk, "stay:check_in", "stay 12", room="801 豪华")
    line = audit.of_property(hotel.property)[0]
    assert (line.actor, line.verb, line.subject, line.at) == (hotel.desk.name, "stay:check_in", "stay 12", time.now_ms)
    assert json.loads(line.details) == {"room": "801 豪华"}
    assert "\\u" not in line.details


def test_a_property_is_found_by_its_id(hotel):
    assert properties.the(hotel.property.property_id) == hotel.property
    with pytest.raises(NotFound):
        properties.the("0" * 16)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("timezone", "Mars/Olympus"),
        ("timezone", "../etc/passwd"),
        ("check_in_time", "25:00"),
        ("check_out_time", "noon"),
        ("check_out_time", "1200"),
        ("slot_seconds", 10),
    ],
)
def test_a_wrong_property_is_refused(house, field, value):
    with pytest.raises(BadProperty) as refused:
        properties.create(**{"name": "Inn", "timezone": "UTC"} | {field: value})
    assert refused.value.facts["field"] == field


@pytest.mark.parametrize(
    "wrong",
    [{"number": 0}, {"number": 1 << 32}, {"name": ""}, {"door_class": "window"}, {"zones": [32]}, {"zones": [-1]}],
)
def test_a_wrong_door_is_refused(hotel, wrong):
    with pytest.raises(BadDoor):
        properties.add_door(hotel.property, **{"number": 901, "name": "901", "door_class": "room"} | wrong)


def test_numbers_and_names_of_doors_are_taken_once_in_a_hotel(hotel, another_hotel):
    for number, name in ((801, "new"), (901, "801")):
        with pytest.raises(DoorExists):
            properties.add_door(hotel.property, number, name, "room")
    assert properties.door_of(hotel.property, 801) != properties.door_of(another_hotel.property, 801)
    with pytest.raises(NotFound):
        properties.door_of(hotel.property, 999)


def test_a_zone_is_named(hotel):
    assert properties.add_zone(hotel.property, 31, "Floor 8").bit == 31
    with pytest.raises(BadDoor):
        properties.add_zone(hotel.property, 32, "Nowhere")
