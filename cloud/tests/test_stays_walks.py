"""Long random days at the desk: whatever is done in whatever order, rights open and ended rights don't."""

from __future__ import annotations

import random

import pytest

from cloud.tests.gates import Floor
from lockmate import clock, keys, stays
from lockmate.errors import Refused
from lockmate.keys import Key
from lockmate.stays import Guest, Stay

ROOMS = ("801", "802", "803")
STEPS = 40


class Day:
    """A hotel on a random day; refusals are answers, anything else is a fault."""

    def __init__(self, hotel, phones, time, seed):
        self.hotel, self.phones, self.time, self.dice = hotel, phones, time, random.Random(seed)
        self.floor = Floor(hotel, time, *ROOMS, "Lift")
        self.in_hand = {}  # the last token that was fetched of each key: (text, exp)
        self.done = []

    def step(self):
        often = self.walk_in, self.join, self.move, self.reschedule
        once = self.move_back, self.opened, self.check_out, self.undo, self.rekey, self.remove, self.waits
        verb = self.dice.choice([*often, *often, *once])
        try:
            verb()
            self.done.append(verb.__name__)
        except Refused as refused:
            self.done.append(f"{verb.__name__}: {refused.code}")
        except IndexError:  # there is nobody yet to do it to
            self.done.append(f"{verb.__name__}: nobody")

    def judge(self):
        """Every key that stands opens at doors in step and out of it; none that ended opens at a door in step."""
        rights = {}
        for key in Key.select().order_by(Key.id):
            name = key.door.name
            try:
                slot = keys.sheaf(key, self.time.now_s, slots=1)[0]
            except (keys.KeyEnded, keys.KeyNotYet):
                text, exp = self.in_hand.get(key.id, ("", 0))
                if exp > self.time.now_s:  # in its last second a token that ends with its key still opens
                    assert self.floor.told(name, text) in ("revoked", "superseded"), (self.done, key.end_reason)
                    assert self.floor.told("Lift", text) == "revoked", (self.done, key.end_reason)
                continue
            self.in_hand[key.id] = slot.text, keys.sheaf(key, self.time.now_s)[0].exp
            assert self.floor.both(name, slot.text) == ("open", "open"), (self.done, name)
            assert self.floor.both("Lift", slot.text) == ("open", "open"), (self.done, name)
            rights.setdefault(name, set()).add(stays.of_keys([key])[key.key_id].stay_id)
        assert all(len(of_room) == 1 for of_room in rights.values()), (self.done, rights)

    def stay(self, state="in_house"):
        return self.dice.choice(list(Stay.select().where(Stay.state == state).order_by(Stay.id)))

    def room(self):
        return self.hotel.door(self.dice.choice(ROOMS))

    def key_for(self, guest):
        number = f"139{self.dice.randrange(10**8):08d}"
        self.phones(number).gets_key(self.hotel, guest.stay, guest)

    def walk_in(self):
        ends_at = self.time.now_ms + self.dice.choice((2, 10, 60)) * 3_600_000
        stay = stays.walk_in(self.hotel.property, self.room(), [("Li", "")], ends_at=ends_at, by=self.hotel.desk)
        self.key_for(stay.present()[0])

    def join(self):
        self.key_for(stays.name_guest(self.stay(), "Zhang", by=self.hotel.desk))

    def move(self):
        stays.move(self.stay(), self.room(), by=self.hotel.desk, at_once=self.dice.random() < 0.3)

    def move_back(self):
        stays.move_back(self.stay(), by=self.hotel.desk)

    def opened(self):
        key = self.dice.choice(list(Key.select().where(Key.state == "active").order_by(Key.id)))
        stays.note_opened(key.key_id, clock.now_ms(), key.door_id)

    def check_out(self):
        stays.check_out(self.stay(), by=self.hotel.desk)

    def undo(self):
        stays.undo_check_out(self.stay("ended"), by=self.hotel.desk)

    def rekey(self):
        stay = self.stay()
        stays.rekey(stay, self.dice.sample(stay.present(), 1), by=self.hotel.desk)

    def remove(self):
        guests = Guest.select().join(Stay).where(Stay.state == "in_house", Guest.removed_at.is_null())
        stays.remove_guest(self.dice.choice(list(guests.order_by(Guest.id))), by=self.hotel.desk)

    def reschedule(self):
        ends_at = self.time.now_ms + self.dice.choice((1, 20, 300, 3_000)) * 60_000
        stays.reschedule(self.stay(), ends_at=ends_at, by=self.hotel.desk)

    def waits(self):
        self.time.passes(minutes=self.dice.choice((1, 1, 2, 16)))
        stays.tend()


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_done_in_whatever_order(hotel, phones, time, seed):
    day = Day(hotel, phones, time, seed)
    for _ in range(STEPS):
        day.step()
        day.judge()
    assert sum(":" not in step for step in day.done) > STEPS // 5
