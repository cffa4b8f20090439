"""The step to moves, payments and day use keeps what is there, and knows the keys that guests had before it."""

from __future__ import annotations

from lockmate import db, stays
from lockmate.keys import Key
from lockmate.properties import Property
from lockmate.stays import Guest, GuestKey, Order


def test_guests_of_before_keep_their_keys(hotel, phone):
    stay = hotel.checked_in("801")
    key = phone.gets_key(hotel, stay)
    stays.name_guest(stays.Stay.get_by_id(stay.id), "Li", by=hotel.desk)
    while db.rollback() != "004_journeys":
        pass
    assert "guest_key" not in db.database.get_tables()
    db.migrate()
    assert [(row.guest, row.key) for row in GuestKey.select()] == [(stay.present()[0], key)]
    assert [guest.name for guest in Guest.select().order_by(Guest.id)] == ["Wang Xiaoming", "Li"]
    assert {(row.day_use_end, row.currency) for row in Property.select()} == {("18:00", "CNY")}
    assert {order.group for order in Order.select()} == {""}
    stays.check_out(stays.Stay.get_by_id(stay.id), by=hotel.desk)
    assert Key.get_by_id(key.id).state == "ended"
