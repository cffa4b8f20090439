"""The comb for a fixed key in big integers: right on any word size, and the fallback where native code is not.

The method is Lim and Lee's comb with signed digits, 8 teeth, 32 columns. An odd scalar k, |k| < 2^256, has exactly one
form  k = sum of d[i] 2^i  for i = 0 .. 255 with every d[i] = +1 or -1: bit i of u = (k + 2^256 - 1) / 2 is 1 where
d[i] = +1. An even k is first replaced by k - L, which is odd and, for a point of order L, gives the same product.

Column c of the 32 holds the digits c, c + 32, ... c + 224. The table holds, for the point A and the bases
A[j] = 2^(32 j) A, every sum  A[7] +- A[6] +- ... +- A[0]: 128 entries, where bit j of an entry's index is set for
+ A[j]. A column whose digit 7 is -1 is the opposite of the entry with all other digits turned round. So [k]A takes
32 doublings and 32 additions, and [S]B - [k]A shares the doublings.
"""

from companion.core import ed25519_curve as curve
from companion.core.ed25519_curve import L
from companion.core.sha512 import sha512

NAME = "plain"
TEETH = 8
COLUMNS = 32
ENTRIES = 128
HALF = 64 * 96  # bytes: a table is two halves of 64 entries, three 32-byte numbers each


def decode(public_key: bytes) -> tuple[int, int] | None:
    """The point of a canonical encoding, or None."""
    return curve.decode(public_key)


def is_of_order_l(point: tuple[int, int]) -> bool:
    """True if L times the point is neutral."""
    return curve.is_of_order_l(point)


def build(point: tuple[int, int], halves: tuple[bytearray, ...]) -> None:
    """Writes the table of `point` into two buffers of HALF bytes."""
    steps, total = _bases(point)
    index = 0
    for count in range(ENTRIES):
        if count:  # Gray code: the next index differs in the bit j that is the lowest one set in `count`
            j = _lowest_bit(count)
            index ^= 1 << j
            total = curve.plus(total, steps[j] if index >> j & 1 else curve.opposite(steps[j]))
        z = curve.inverse(total[2])
        _put(halves[index >> 6], index & 63, curve.entry(curve.times(total[0], z), curve.times(total[1], z)))


def _bases(point: tuple[int, int]) -> tuple[list[tuple[int, int, int]], tuple[int, int, int, int]]:
    """Entries of 2 A[0] .. 2 A[6], and A[7] - A[6] - ... - A[0], the sum of index 0."""
    steps = []
    firsts = []
    base = curve.extended(point)
    for _ in range(TEETH - 1):
        firsts.append(_as_entry(base))
        steps.append(_as_entry(curve.double(base)))
        for _ in range(COLUMNS):
            base = curve.double(base)
    for first in firsts:
        base = curve.plus(base, curve.opposite(first))
    return steps, base


def _as_entry(p: tuple[int, int, int, int]) -> tuple[int, int, int]:
    z = curve.inverse(p[2])
    return curve.entry(curve.times(p[0], z), curve.times(p[1], z))


def _lowest_bit(number: int) -> int:
    bit = 0
    while not number >> bit & 1:
        bit += 1
    return bit


def _put(half: bytearray, slot: int, e: tuple[int, int, int]) -> None:
    at = 96 * slot
    for number in e:
        half[at : at + 32] = number.to_bytes(32, "little")
        at += 32


def _digits(k: int) -> bytes:
    """The number u of the module's first paragraph, 32 bytes: one bit for each signed digit of k."""
    if not k & 1:
        k -= L
    return ((k + (1 << 256) - 1) >> 1).to_bytes(32, "little")


def _column(halves: tuple[bytearray, ...], u: bytes, column: int) -> tuple[int, int, int]:
    """The entry for one column of u."""
    index = 0
    at = column >> 3
    for j in range(TEETH):
        index |= (u[at] >> (column & 7) & 1) << j
        at += COLUMNS >> 3
    if index & 128:
        return _get(halves, index & 127)
    return curve.opposite(_get(halves, ~index & 127))


def _get(halves: tuple[bytearray, ...], index: int) -> tuple[int, int, int]:
    half = halves[index >> 6]
    at = 96 * (index & 63)
    read = int.from_bytes
    return (
        read(half[at : at + 32], "little"),
        read(half[at + 32 : at + 64], "little"),
        read(half[at + 64 : at + 96], "little"),
    )


def holds(
    base: tuple[bytearray, ...],
    key: tuple[bytearray, ...],
    public_key: bytes,
    message: bytes,
    signature: bytes,
) -> bool:
    """True if S < L, R is not neutral and R is the encoding of [S]B - [k]A; `key` is the table of A, `base` of B."""
    r = bytes(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if s >= L or curve.is_small(r):
        return False
    k = int.from_bytes(sha512(r + public_key + bytes(message)), "little") % L
    return combine(base, key, s, k) == r


def combine(base: tuple[bytearray, ...], key: tuple[bytearray, ...], s: int, k: int) -> bytes:
    """The encoding of [s]B - [k]A."""
    of_b = _digits(s)
    of_a = _digits(k)
    total = curve.NEUTRAL
    for column in range(COLUMNS - 1, -1, -1):
        total = curve.double(total)
        total = curve.plus(total, _column(base, of_b, column))
        total = curve.plus(total, curve.opposite(_column(key, of_a, column)))
    return curve.encode(total)
