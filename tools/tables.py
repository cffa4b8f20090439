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
BASE = curve.BASE_ENCODED
AROUND = len(shelf.head("viper", BASE)) + hashlib.sha256().digest_size  # bytes of a file that are not the table
_LIMBS = 20
_BITS = 13
_HALF_OF_ONE = (curve.P + 1) // 2


def files(public_keys: list[bytes], engine: str = "viper") -> dict[str, bytes]:
    """The files of /tables for these keys and the base point, by name.

    Raises ValueError for a key that is not a canonical encoding of a point of order L.
    """
    check = Tables(plain).check
    found = {}
    for key in [BASE, *public_keys]:
        begin = shelf.head(engine, key)
        body = begin + _table(check(key), engine)
        found[shelf.name(engine, key)] = body + hashlib.sha256(body).digest()
    return found


def _table(point: tuple[int, int], engine: str) -> bytes:
    """The table in the form of an engine."""
    numbers = b"".join(bytes(piece) for _, piece in plain.build(point))
    if engine == "plain":
        return numbers
    out = bytearray()
    for at in range(0, len(numbers), 32):
        out += _limbs(int.from_bytes(numbers[at : at + 32], "little") * _HALF_OF_ONE % curve.P)
    return bytes(out)


def _limbs(number: int) -> bytes:
    """A number below P as the native engine's table holds it: twenty limbs within +-4096, each plus 8192."""
    if number > curve.P // 2:
        number -= curve.P
    out = bytearray()
    for _ in range(_LIMBS):
        carry = (number + 4096) >> _BITS
        out += (number - (carry << _BITS) + 8192).to_bytes(2, "little")
        number = carry
    return bytes(out)
