"""The comb for a fixed key in big integers: right on any word size, and the fallback where native code is not.

The method is Lim and Lee's comb with signed digits, 7 teeth, 37 columns. An odd scalar k, |k| < 2^259, has exactly one
form  k = sum of d[i] 2^i  for i = 0 .. 258 with every d[i] = +1 or -1: bit i of u = (k + 2^259 - 1) / 2 is 1 where
d[i] = +1. An even k is first replaced by k - L, which is odd and, for a point of order L, gives the same product.

Column c of the 37 holds the digits c, c + 37, ... c + 222. The table holds, for the point A and the bases
A[j] = 2^(37 j) A, every sum  A[6] +- A[5] +- ... +- A[0]: 64 entries, where bit j of an entry's index is set for
+ A[j]. A column whose digit 6 is -1 is the opposite of the entry with all other digits turned round. So [k]A takes
37 doublings and 37 additions, and [S]B - [k]A shares the doublings.
"""

from companion.core import ed25519_curve as curve
from companion.core.ed25519_curve import L
from companion.core.ed25519_tables import COLUMNS, ENTRIES, TEETH
from companion.core.sha512 import sha512

TYPE_CHECKING = False
if TYPE_CHECKING:
    from companion.core.ed25519_tables import Maker, Pieces

NAME = "plain"
_ENTRY = 96  # bytes: three 32-byte numbers
_BATCH = 8
TABLE = ENTRIES * _ENTRY


def base() -> None:
    """The base point's table is made, or comes from a shelf."""


def maker() -> "Maker":
    """What makes tables: this module."""
    from companion.core import ed25519_plain

    return ed25519_plain


def decode(public_key: bytes) -> tuple[int, int] | None:
    """The point of a canonical encoding, or None."""
    return curve.decode(public_key)


def is_of_order_l(point: tuple[int, int]) -> bool:
    """True if L times the point is neutral."""
    return curve.is_of_order_l(point)


def build(point: tuple[int, int], table: bytearray | None = None) -> "Pieces":
    """Makes the table of a point of order L in slices: yields (offset, piece), pieces of one size in order."""
    steps = []
    firsts = []
    first = curve.extended(point)
    for _ in range(TEETH - 1):
        firsts.append(_as_entry(first))
        steps.append(_as_entry(curve.double(first)))
        for _ in range(COLUMNS):
            first = curve.double(first)
        yield 0, b""
    for each in firsts:
        first = curve.plus(first, curve.opposite(each))  # at last A[6] - A[5] - ... - A[0], the sum of index 0
    for at in range(0, ENTRIES, _BATCH):
        piece = b""
        for index in range(at, at + _BATCH):
            total = first
            for j in range(TEETH - 1):
                if index >> j & 1:
                    total = curve.plus(total, steps[j])
            z = curve.inverse(total[2])
            for number in curve.entry(curve.times(total[0], z), curve.times(total[1], z)):
                piece += number.to_bytes(32, "little")
        if table is not None:
            table[at * _ENTRY : at * _ENTRY + len(piece)] = piece
        yield at * _ENTRY, piece


def _as_entry(p: tuple[int, int, int, int]) -> tuple[int, int, int]:
    z = curve.inverse(p[2])
    return curve.entry(curve.times(p[0], z), curve.times(p[1], z))


def _digits(k: int) -> bytes:
    """The number u of the module's first paragraph, 33 bytes: one bit for each signed digit of k."""
    if not k & 1:
        k -= L
    return ((k + (1 << 259) - 1) >> 1).to_bytes(33, "little")


def _column(table: bytes | bytearray, u: bytes, column: int) -> tuple[int, int, int]:
    """The entry for one column of u."""
    index = 0
    for j in range(TEETH):
        place = column + COLUMNS * j
        index |= (u[place >> 3] >> (place & 7) & 1) << j
    if index & ENTRIES:
        return _get(table, index & ENTRIES - 1)
    return curve.opposite(_get(table, ~index & ENTRIES - 1))


def _get(table: bytes | bytearray, index: int) -> tuple[int, int, int]:
    at = _ENTRY * index
    read = int.from_bytes
    return (
        read(table[at : at + 32], "little"),
        read(table[at + 32 : at + 64], "little"),
        read(table[at + 64 : at + 96], "little"),
    )


def holds(
    base: bytes | bytearray,
    key: bytes | bytearray,
    public_key: bytes,
    message: bytes,
    signature: bytes,
    rest: bytes | memoryview = b"",
) -> bool:
    """True if S < L, R is not neutral and R is the encoding of [S]B - [k]A; `key` is the table of A, `base` of B.

    What is signed is `message` and then `rest`.
    """
    r = bytes(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if s >= L or curve.is_small(r):
        return False
    k = int.from_bytes(sha512(r + public_key + bytes(message) + bytes(rest)), "little") % L
    return combine(base, key, s, k) == r


def combine(base: bytes | bytearray, key: bytes | bytearray, s: int, k: int) -> bytes:
    """The encoding of [s]B - [k]A."""
    of_b = _digits(s)
    of_a = _digits(k)
    total = curve.NEUTRAL
    for column in range(COLUMNS - 1, -1, -1):
        total = curve.double(total)
        total = curve.plus(total, _column(base, of_b, column))
        total = curve.plus(total, curve.opposite(_column(key, of_a, column)))
    return curve.encode(total)
