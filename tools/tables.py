"""Comb tables as the installer's command puts them on a companion's flash, so that its first scan finds them there.

Method, numbers and the check of a key are the firmware's own (core/ed25519_plain.py); a file is what its store/shelf.py
reads.
"""

from __future__ import annotations

import hashlib

from companion.core import ed25519_curve as curve
from companion.core import ed25519_plain as plain
from companion.core.ed25519_tables import Tables
from companion.store import shelf

ENGINES = ("viper", "plain")  # boards with 32-bit words; all others
AROUND = len(shelf.head("viper", curve.BASE_ENCODED)) + hashlib.sha256().digest_size  # of a file, not the table
_LIMBS = 20
_BITS = 13
_HALF_OF_ONE = (curve.P + 1) // 2


def files(public_keys: list[bytes], engine: str = "viper") -> dict[str, bytes]:
    """The files of /tables for these keys, by name, and of the base point where the engine does not bring its table.

    Raises ValueError for a key that is not a canonical encoding of a point of order L.
    """
    found = {}
    for key in used(public_keys, engine):
        body = shelf.head(engine, key) + table(key, engine)
        found[shelf.name(engine, key)] = body + hashlib.sha256(body).digest()
    return found


def used(public_keys: list[bytes], engine: str) -> list[bytes]:
    """Those keys whose tables an engine takes from the flash: the base point's is in the native engine's code."""
    return [*([] if engine == "viper" else [curve.BASE_ENCODED]), *public_keys]


def table(public_key: bytes, engine: str) -> bytes:
    """A key's table in the form of an engine. Raises ValueError as `files` does."""
    point = Tables(plain).check(public_key)
    numbers = b"".join(bytes(piece) for _, piece in plain.build(point))
    if engine == "plain":
        return numbers
    out = bytearray()
    for at in range(0, len(numbers), 32):
        for limb in limbs(int.from_bytes(numbers[at : at + 32], "little") * _HALF_OF_ONE % curve.P):
            out += (limb + 8192).to_bytes(2, "little")
    return bytes(out)


def limbs(number: int) -> list[int]:
    """A number below P as the field machine holds it, carried: twenty limbs within +-4096."""
    if number > curve.P // 2:
        number -= curve.P
    found = []
    for _ in range(_LIMBS):
        carry = (number + 4096) >> _BITS
        found.append(number - (carry << _BITS))
        number = carry
    return found
