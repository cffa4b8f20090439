"""Ed25519 verification by the rule of protocol section 2, which no library follows in every edge case.

A signature (R, S) of 64 bytes is accepted only if S < L, R and A are canonical encodings, neither is of small order,
and [S]B = R + [k]A without cofactor, where k is the SHA-512 of R || A || message, reduced modulo L.

R is never decoded: [S]B - [k]A is encoded and compared with R as bytes. What we encode is canonical and on the curve,
so the one comparison also tells that R is.

A Verifier is for a key used again and again: two engines know a fast way for a key of order L, whose table is made
once. "viper" is native code on 32-bit words, "plain" is big integers. A known-answer test chooses, not the platform's
name. The function verify() is for any key, once.

Time depends on what is verified, throughout: key, signature and message are public, and nothing secret is ever here.
"""

import sys

from companion.core.ed25519_tables import BASE_ENCODED, Tables
from companion.core.lazy import unload
from companion.core.sha512 import sha512

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from companion.core.ed25519_tables import Engine, Pieces, Shelf

_SIGNATURE = 64
_MAKER = "companion.core.ed25519_make"

# The answer known: secret scalar 1, whose public key is the base point, so the test needs the base point's table only.
_MESSAGE = b"Lockmate known answer"
_GOOD = (
    b"\x39\x2f\x08\xdf\x9d\x0d\xf5\x95\x63\x34\x00\x46\x64\x37\x15\xae"
    b"\x85\xb0\x4d\x17\x0e\x55\x93\xd4\x53\x10\x95\x80\xb1\xca\xf3\xb5"
    b"\xda\x20\xd7\xd1\x2d\xfc\x51\x53\x6e\x78\xa2\x27\x7d\xc9\x63\x89"
    b"\xc4\x95\xfb\x08\x42\x35\xa2\x6e\x0e\x75\x10\x59\xa4\x26\x89\x07"
)


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """True if the signature of `message` is right by the rule above, for any key, good or bad.

    A key of mixed order (an order-L part plus a small-order part) is judged by the same equation, without cofactor.
    Slow: big integers, about as long as 40 verifications by a Verifier.
    """
    from companion.core import ed25519_curve as curve

    point = curve.decode(bytes(public_key))
    if point is None or curve.is_small(public_key) or len(signature) != _SIGNATURE:
        return False
    r = bytes(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if s >= curve.L or curve.is_small(r):
        return False
    k = int.from_bytes(sha512(r + bytes(public_key) + bytes(message)), "little") % curve.L
    return curve.difference(s, k, point) == r


class Verifier:
    """Verifies signatures of one key.

    The first verify() after another key was used loads the key's table from the shelf or makes it (gate.switch_ms): the
    tables of all Verifiers share one buffer.
    """

    def __init__(self, public_key: bytes, shelf: "Shelf | None" = None) -> None:
        """ValueError if the key is not a canonical encoding of a point of order L.

        The check of the order takes the time of about three verifications; a key with a table on the shelf was checked
        when that was made.
        """
        self.public_key = bytes(public_key)
        self._shelf = shelf
        tables = _tables()
        if shelf is None or not shelf.has(tables.engine.NAME, self.public_key):
            tables.check(self.public_key)

    def verify(self, message: bytes, signature: bytes, rest: bytes | memoryview = b"") -> bool:
        """True if the signature of `message` and then `rest` (any buffers) is right by the rule of this module."""
        if len(signature) != _SIGNATURE:
            return False
        tables = _tables()
        try:
            key = tables.of(self.public_key, self._shelf)
        except ValueError:  # something stood on the shelf under a bad key's name
            return False
        return tables.engine.holds(tables.base, key, self.public_key, message, signature, rest)


def engine() -> str:
    """The name of the engine in use: "viper" or "plain"."""
    return _tables().engine.NAME


def prepare(shelf: "Shelf | None" = None) -> str:
    """Chooses the engine, with the base point's table made or from `shelf`, and tells its name; once, at boot."""
    return _tables(shelf).engine.NAME


def reserve() -> None:
    """Takes the buffers of the native engine, the largest of the firmware, while the heap is whole."""
    global _reserved
    native = _viper()
    if native is not None and _reserved is None:
        _reserved = Tables(native)


def make_table(public_key: bytes, shelf: "Shelf") -> "Pieces":
    """Puts a key's table on the shelf, if it is not there, in slices of at most about half a verification's time.

    Verifications may come between the slices. ValueError, before the first one, if the key is not good.
    """
    tables = _tables()
    return _nothing() if shelf.has(tables.engine.NAME, public_key) else tables.make(public_key, shelf)


def let_go() -> None:
    """Lets go of what is needed only while tables are made; asked often, it costs nothing when there is nothing."""
    if _MAKER in sys.modules:
        unload(_MAKER, "companion.core.ed25519_curve")


def _nothing() -> "Pieces":
    yield from ()


def _passes(tables: Tables) -> bool:
    """The known-answer test: one accept, and a reject for each of S, R and the message changed."""

    def holds(message: bytes, signature: bytes) -> bool:
        return tables.engine.holds(tables.base, tables.base, BASE_ENCODED, message, signature)

    if not holds(_MESSAGE, _GOOD):
        return False
    for place in (0, 32):
        bad = bytearray(_GOOD)
        bad[place] ^= 1
        if holds(_MESSAGE, bytes(bad)):
            return False
    return not holds(_MESSAGE[1:], _GOOD)


def _viper() -> "Engine | None":
    """The native engine, or None where it cannot be loaded or does not know how to multiply."""
    try:
        from companion.core import ed25519_viper as viper
    except (ImportError, SyntaxError, ValueError, MemoryError, NameError):
        return None
    return viper if viper.start() else None


def _candidates() -> "Iterator[Tables]":
    """The engines' tables, the best first."""
    reserve()
    if _reserved is not None:
        yield _reserved
    from companion.core import ed25519_plain as plain  # only where it is wanted: it takes memory

    yield Tables(plain)


def _tables(shelf: "Shelf | None" = None) -> Tables:
    """The tables of the engine in use; chosen at the first call."""
    global _chosen, _reserved
    if _chosen is None:
        for tables in _candidates():
            tables.bring_base(shelf)
            if _passes(tables):
                _chosen = tables
                break
            _reserved = None
        else:
            raise RuntimeError("no Ed25519 engine passes its known-answer test")
    return _chosen


_reserved: "Tables | None" = None
_chosen: "Tables | None" = None
