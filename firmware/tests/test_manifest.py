"""Update manifests: the project's vector, and each way to be refused."""

import binascii
import json

import check
from companion.core import manifest
from companion.core.ed25519 import Verifier
from companion.core.fields import Refused
from companion.core.names import POLICY, UPDATE

with open(check.ROOT + "/docs/vectors/hk1.json") as vectors:
    VECTORS = json.load(vectors)
WIRE = binascii.unhexlify(VECTORS["update"]["wire"])
PROPERTY = binascii.unhexlify(VECTORS["property_id"])
BOARD = "esp32-generic"
VERIFIER = Verifier(binascii.unhexlify(VECTORS["update"]["key"]))


class Trusts:
    def __init__(self, slot=11, kind=UPDATE, verifier=VERIFIER):
        self.only = slot, kind
        self.key = verifier

    def verifier(self, slot, kind):
        return self.key if (slot, kind) == self.only else None


class Yes:
    """Stands for a signature that is right, where a field is what the test is about."""

    def verify(self, message, signature, rest):
        return True


def refusal(wire=WIRE, property_id=PROPERTY, trusts=None, board=BOARD, running=6):
    try:
        manifest.read(wire, property_id, trusts or Trusts(), board, running)
    except Refused as refused:
        return refused.code
    return None


def with_fields(**changes):
    fields = {"version": 7, "board": BOARD, "size": 123456, "sha256": "ab" * 32}
    fields.update(changes)
    kept = {name: value for name, value in fields.items() if value is not None}
    return b"\x0b" + bytes(64) + json.dumps(kept).encode()


def test_the_vector():
    found = manifest.read(WIRE, PROPERTY, Trusts(), BOARD, 6)
    assert (found.version, found.board, found.size) == (7, BOARD, 123456)
    assert binascii.hexlify(found.sha256[:4]) == b"1e6ed65d"


def test_only_a_newer_firmware_for_this_board():
    assert refusal(running=7) == "old_version"
    assert refusal(running=8) == "old_version"
    assert refusal(board="esp32-c3") == "other_board"


def test_signed_by_whom_it_must_be():
    assert refusal(trusts=Trusts(slot=8)) == "unknown_slot"
    assert refusal(trusts=Trusts(kind=POLICY)) == "unknown_slot"
    assert refusal(property_id=bytes(8)) == "forged"
    for at in (1, 40, 70, len(WIRE) - 3):
        changed = bytearray(WIRE)
        changed[at] ^= 1
        assert refusal(bytes(changed)) == "forged", at


def test_every_field_is_needed_and_in_its_bounds():
    trusts = Trusts(verifier=Yes())
    assert refusal(with_fields(), trusts=trusts) is None
    for name in ("version", "board", "size", "sha256"):
        assert refusal(with_fields(**{name: None}), trusts=trusts) == "field_missing", name
    for changes in (
        {"version": True},
        {"version": "7"},
        {"version": 2**52 + 2**52},
        {"board": 5},
        {"size": 0},
        {"size": 2**32},
        {"sha256": "ab" * 31},
        {"sha256": "zz" * 32},
        {"sha256": 5},
    ):
        assert refusal(with_fields(**changes), trusts=trusts) == "bad_field", changes


def test_too_short_too_long_and_no_json():
    trusts = Trusts(verifier=Yes())
    assert refusal(b"", trusts=trusts) == "too_short"
    assert refusal(WIRE[:65], trusts=trusts) == "too_short"
    assert refusal(with_fields(later="x" * 1024), trusts=trusts) == "too_long"
    assert refusal(with_fields()[:65] + b"[1]", trusts=trusts) == "not_json"


if __name__ == "__main__":
    check.run(globals())
