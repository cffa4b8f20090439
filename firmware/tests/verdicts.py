"""Prints the real gate's verdicts on a file of vectors, one line a case.

    micropython32 firmware/tests/verdicts.py docs/vectors/hk1.json      (or micropython, or python3)

For every case `name TAB verdict TAB learns`, learns being JSON with those of floor, generation
and used that were learned; for every policy `name TAB accepted|refused TAB {}`.
"""

import binascii
import json
import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/.." if "/" in __file__ else "..")

from companion.core import gate, policy
from companion.core.ed25519 import Verifier
from companion.core.names import ROADS, name_of

_verifiers = {}  # by key: making one checks the key


def verifier_of(key):
    if key not in _verifiers:
        _verifiers[key] = Verifier(key)
    return _verifiers[key]


class Trusting:
    """What a door trusts, from the file's `trust`."""

    def __init__(self, trust):
        self.trust = policy.read_trust(trust)

    def verifier(self, slot, kind):
        for t in self.trust:
            if t.slot == slot and kind in t.kinds:
                return verifier_of(t.key)
        return None


class Told(Trusting):
    """A door's beliefs as a case tells them."""

    def __init__(self, case, property_id, trust):
        super().__init__(case.get("trust", trust))
        self.property_id = property_id
        self.door = case["door"]
        self.is_room = case["class"] == "room"
        self.zones = 0
        for index in case["zones"]:
            self.zones |= 1 << index
        self.generation = case["generation"]
        self.staff_epoch = case["staff_epoch"]
        self.emergency_epoch = case["emergency_epoch"]
        self.min_iat = case["min_iat"]
        self.privacy = case["privacy"]
        self.guests_when_lost = case["clock_lost"] == "guests"
        entries = [binascii.unhexlify(key) + until.to_bytes(4, "big") for key, until in case["deny"]]
        self._deny = b"".join(sorted(entries))
        self._used = [binascii.unhexlify(key) for key in case["used"]]
        self._mode = case["mode"]

    def denied(self, key_id):
        return policy.find_denied(self._deny, key_id)

    def was_used(self, key_id):
        return key_id in self._used

    def used_full(self):
        return False

    def mode(self, lo, hi):
        return self._mode

    def locked_out(self, road, now_ms):
        return False


class Holding(Trusting):
    """What a door holds when the file's policies arrive."""

    def __init__(self, held, property_id):
        super().__init__(held["trust"])
        self.property_id = property_id
        self.door = held["door"]
        self.version = held["version"]


def learned(learns):
    if learns is None:
        return {}
    facts = {"floor": learns.floor}
    if learns.generation is not None:
        facts["generation"] = learns.generation
    if learns.used is not None:
        facts["used"] = [binascii.hexlify(learns.used).decode()]
    return facts


def main(path):
    with open(path) as f:
        vectors = json.load(f)
    property_id = binascii.unhexlify(vectors["property_id"])
    for case in vectors["cases"]:
        beliefs = Told(case["door"], property_id, vectors["trust"])
        road = ROADS.index(case["road"])
        verdict, _, learns = gate.judge(case["text"], road, beliefs, tuple(case["clock"]), 0)
        print("%s\t%s\t%s" % (case["name"], name_of(verdict), json.dumps(learned(learns))))
    for offered in vectors.get("policies", ()):
        held = Holding(vectors["policy_door"], property_id)
        try:
            policy.read(binascii.unhexlify(offered["wire"]), held)
            answer = "accepted"
        except policy.Refused:
            answer = "refused"
        print("%s\t%s\t{}" % (offered["name"], answer))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print("usage: verdicts.py FILE (in the form of docs/vectors/hk1.json)")
        sys.exit(2)
    main(sys.argv[1])
