"""Ed25519 verification by the rule of protocol section 2, which no library follows in every edge case.

A signature (R, S) of 64 bytes is accepted only if S < L, R and A are canonical encodings, neither is of small order,
and [S]B = R + [k]A without cofactor, where k is the SHA-512 of R || A || message, reduced modulo L.

R is never decoded: [S]B - [k]A is encoded and compared with R as bytes. What we encode is canonical and on the curve,
so the one comparison also tells that R is.

A Verifier is for a key used again and again: two engines know a fast way for a key of order L, whose table is made
once. "viper" is native code on 32-bit words, "plain" is big integers. A known-answer test chooses, not the platform's
name. The function verify() is for any key, once.
"""

from companion.core import ed25519_curve as curve
from companion.core import ed25519_plain as plain
from companion.core.ed25519_tables import Tables
from companion.core.sha512 import sha512

TYPE_CHECKING = False
if TYPE_CHECKING:
    from companion.core.ed25519_tables import Engine, Shelf

_SIGNATURE = 64
_SLOTS = 1  # tables of keys in RAM at once; a second costs another 15 KB

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

    Making one decodes the key and checks its order (about five verifications' time). The first verify() after another
    key was used makes the key's table (about twelve) or loads it: the tables of all Verifiers share one buffer.
    """

    def __init__(self, public_key: bytes, shelf: "Shelf | None" = None) -> None:
        """ValueError if the key is not a canonical encoding of a point of order L; see ed25519_tables for `shelf`."""
        self.public_key = bytes(public_key)
        self._shelf = shelf
        engine = _tables().engine
        point = engine.decode(self.public_key)
        if point is None:
            raise ValueError("not a canonical encoding of a point")
        if curve.is_small(self.public_key):
            raise ValueError("a point of small order")
        if not engine.is_of_order_l(point):
            raise ValueError("a point of mixed order")

    def verify(self, message: bytes, signature: bytes) -> bool:
        """True if the signature of `message` (any buffers) is right by the rule of this module."""
        if len(signature) != _SIGNATURE:
            return False
        tables = _tables()
        key = tables.of(self.public_key, self._shelf)
        return tables.engine.holds(tables.base, key, self.public_key, message, signature)

    def table(self) -> tuple[bytearray, ...]:
        """The key's table with its checksum, as a shelf would keep it; good until another Verifier is used."""
        return _tables().of(self.public_key, self._shelf)


def engine() -> str:
    """The name of the engine in use: "viper" or "plain"."""
    return _tables().engine.NAME


def prepare(shelf: "Shelf | None" = None) -> str:
    """Chooses the engine and makes the base point's table (or takes it from `shelf`); boards call it early, at boot."""
    return _tables(shelf).engine.NAME


def _passes(tables: Tables) -> bool:
    """The known-answer test: one accept, and a reject for each of S, R and the message changed."""
    key = curve.BASE_ENCODED
    point = tables.engine.decode(key)
    if point is None or not tables.engine.is_of_order_l(point):
        return False

    def holds(message: bytes, signature: bytes) -> bool:
        return tables.engine.holds(tables.base, tables.base, key, message, signature)

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


def _tables(shelf: "Shelf | None" = None) -> Tables:
    """The tables of the engine in use; chosen at the first call."""
    global _chosen
    if _chosen is None:
        for candidate in (_viper(), plain):
            if candidate is not None:
                tables = Tables(candidate, _SLOTS, shelf)
                if _passes(tables):
                    _chosen = tables
                    break
        else:
            raise RuntimeError("no Ed25519 engine passes its known-answer test")
    return _chosen


_chosen: "Tables | None" = None
