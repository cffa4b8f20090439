"""Doors for the cloud's tests: the firmware's own gate under CPython, with the policies that the cloud published."""

from __future__ import annotations

from companion.core import gate, names
from companion.core import policy as door_policy
from companion.core.ed25519 import Verifier
from lockmate import keys
from lockmate.doors import policies
from lockmate.keys import Key


class Door:
    """A door's beliefs and its gate. It keeps what it learned; a policy that comes is read by the firmware's reader."""

    privacy = False
    unsure = 0  # seconds of its clock's interval

    def __init__(self, companion):
        self.used = set()
        config = companion.enrolment.config
        self.property_id, self.door = bytes.fromhex(config["property_id"]), config["door"]
        self.trust, self.version, self.generation = door_policy.read_trust(config["trust"]), 0, 0
        self.hears(companion.enrolment.files["/policy"])

    def hears(self, wire):
        self.policy = door_policy.read(wire, self)
        self.trust, self.version = self.policy.trust, self.policy.version
        self.generation = max(self.generation, self.policy.generation)

    def hears_newest(self, hotel, name):
        """What the broker keeps; the same once more changes nothing."""
        newest = policies.newest(hotel.door(name))
        if newest.version > self.version:
            self.hears(policies.wire(newest))

    def __getattr__(self, name):
        return getattr(self.policy, name)

    def verifier(self, slot, kind):
        found = [t for t in self.trust if t.slot == slot and kind in t.kinds]
        return Verifier(found[0].key) if found else None

    def mode(self, lo, hi):
        return self.policy.mode_at(lo, hi)

    def locked_out(self, road, now_ms):
        return False

    def was_used(self, key_id):
        return bytes(key_id) in self.used

    def used_full(self):
        return False

    def scan(self, text, now_s, road=names.ROAD_QR):
        """The verdict on a text; what it teaches is learned."""
        verdict, _, learns = gate.judge(text, road, self, (now_s, now_s + self.unsure), 0)
        if learns is not None:
            if learns.generation is not None:
                self.generation = learns.generation
            if learns.used is not None:
                self.used.add(bytes(learns.used))
        return names.name_of(verdict)

    def is_sent(self, text, now_s):
        """The verdict on a text that comes from the broker."""
        return self.scan(text, now_s, names.ROAD_MQTT)


def qr(key, time):
    """What the phone shows now."""
    return keys.sheaf(Key.get_by_id(key.id), time.now_s, slots=1)[0].text


class Floor:
    """Two doors of each name: one hears every policy as soon as `hears` is called, the other never does."""

    def __init__(self, hotel, time, *names):
        self._hotel, self._time = hotel, time
        self._told = {name: Door(hotel.companion(name)) for name in names}
        self._deaf = {name: Door(hotel.companion(name, f"deaf-{name.lower()}")) for name in names}

    def hears(self):
        for name, door in self._told.items():
            door.hears_newest(self._hotel, name)

    def told(self, name, text):
        """The verdict of the door in step."""
        self.hears()
        return self._told[name].scan(text, self._time.now_s)

    def deaf(self, name, text):
        """The verdict of the door that heard nothing since it was enrolled."""
        return self._deaf[name].scan(text, self._time.now_s)

    def both(self, name, text):
        return self.told(name, text), self.deaf(name, text)
