"""The curve of Ed25519 (RFC 8032, section 5.1) in big integers: field, points, and the order of a point.

The field is the integers modulo P = 2^255 - 19. Since 2^255 = 19 there, a product is brought back below about 2^255
by folding: its bits above 255, times 19, are added to the rest. Twice, because one fold leaves up to 260 bits.

The curve is -x^2 + y^2 = 1 + D x^2 y^2. A point is (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z. Its addition law has
no exceptions, so no step has to ask whether two points are equal, opposite or neutral.

A table entry is three numbers (y + x, y - x, 2 D x y) of an affine point: adding one costs seven products.
"""

from companion.core.ed25519_tables import BASE_ENCODED as BASE_ENCODED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

P = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFED
L = 0x1000000000000000000000000000000014DEF9DEA2F79CD65812631A5CF5D3ED  # the base point's order
D = 0x52036CEE2B6FFE738CC740797779E89800700A4D4141D8AB75EB4DCA135978A3
_ROOT_OF_MINUS_ONE = 0x2B8324804FC1DF0B2B4D00993DFBD7A72F431806AD2FE478C4EE1B274A0EA0B0
_LOW_255 = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF

BASE = (
    0x216936D3CD6E53FEC0A4E231FDD6DC5C692CC7609525A7B2C9562D608F25D51A,
    0x6666666666666666666666666666666666666666666666666666666666666658,
)
NEUTRAL = (0, 1, 1, 0)

# The y of the eight points whose order divides 8: orders 1, 2, 4 (y = 0, two points) and 8 (two y, four points).
_SMALL_Y = (
    1,
    0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEC,
    0,
    0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
    0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
)


def times(a: int, b: int) -> int:
    """a b modulo P, not fully reduced."""
    x = a * b
    x = (x & _LOW_255) + 19 * (x >> 255)
    return (x & _LOW_255) + 19 * (x >> 255)


def inverse(a: int) -> int:
    """1/a modulo P, 0 for 0, by Euclid's algorithm: r = s a (mod P) holds for both pairs throughout."""
    r0, r1 = P, a % P
    s0, s1 = 0, 1
    while r1:
        q = r0 // r1
        r0, r1 = r1, r0 - q * r1
        s0, s1 = s1, s0 - q * s1
    return s0 % P


def power(a: int, exponent: int) -> int:
    """a^exponent modulo P."""
    result = 1
    for byte in exponent.to_bytes(32, "big"):
        for shift in (7, 6, 5, 4, 3, 2, 1, 0):
            result = times(result, result)
            if byte >> shift & 1:
                result = times(result, a)
    return result


def is_small(encoded: bytes) -> bool:
    """True if a canonical encoding is that of a point of small order."""
    return int.from_bytes(encoded, "little") & _LOW_255 in _SMALL_Y


def decode(encoded: bytes, power: "Callable[[int, int], int]" = power) -> tuple[int, int] | None:
    """The affine point of a 32-byte canonical encoding, or None (RFC 8032, section 5.1.3, and y < P).

    power(a, exponent): modulo P, by faster means than ours where the caller has them.
    """
    if len(encoded) != 32:
        return None
    y = int.from_bytes(encoded, "little")
    sign = y >> 255
    y &= _LOW_255
    if y >= P:
        return None
    x = _root_of_ratio(times(y, y) - 1, times(times(D, y), y) + 1, power)
    if x is None or (x == 0 and sign):
        return None
    return (P - x if x & 1 != sign else x, y)


def _root_of_ratio(u: int, v: int, power: "Callable[[int, int], int]") -> int | None:
    """A square root of u/v, fully reduced, or None: u v^3 (u v^7)^((P-5)/8), perhaps times a root of -1."""
    v3 = times(times(v, v), v)
    v7 = times(times(v3, v3), v)
    x = times(times(u, v3), power(times(u, v7), (P - 5) >> 3))
    vxx = times(v, times(x, x))
    if (vxx - u) % P == 0:
        return x % P
    if (vxx + u) % P == 0:
        return times(x, _ROOT_OF_MINUS_ONE) % P
    return None


def encode(point: tuple[int, int, int, int]) -> bytes:
    """The canonical encoding of (X, Y, Z, T)."""
    z = inverse(point[2])
    x = times(point[0], z) % P
    return (times(point[1], z) % P | (x & 1) << 255).to_bytes(32, "little")


def extended(point: tuple[int, int]) -> tuple[int, int, int, int]:
    """The affine point (x, y) as (X, Y, Z, T)."""
    return (point[0], point[1], 1, times(point[0], point[1]))


def entry(x: int, y: int) -> tuple[int, int, int]:
    """The table entry of the affine point (x, y), fully reduced."""
    return ((y + x) % P, (y - x) % P, times(2 * D, times(x, y)) % P)


def opposite(e: tuple[int, int, int]) -> tuple[int, int, int]:
    """The table entry of the opposite point."""
    return (e[1], e[0], -e[2])


def double(p: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """2 p (RFC 8032, section 5.1.4)."""
    x, y, z, _ = p
    a = times(x, x)
    b = times(y, y)
    h = a + b
    e = h - times(x + y, x + y)
    g = a - b
    f = 2 * times(z, z) + g
    return (times(e, f), times(g, h), times(f, g), times(e, h))


def plus(p: tuple[int, int, int, int], e: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """p plus the point of table entry e."""
    x, y, z, t = p
    a = times(y - x, e[1])
    b = times(y + x, e[0])
    c = times(t, e[2])
    z += z
    return (times(b - a, z - c), times(z + c, b + a), times(z - c, z + c), times(b - a, b + a))


def is_of_order_l(point: tuple[int, int]) -> bool:
    """True if L times the point is neutral; for a point that is not of small order, its order then is L."""
    e = entry(point[0], point[1])
    total = NEUTRAL
    for bit in "{:b}".format(L):
        total = double(total)
        if bit == "1":
            total = plus(total, e)
    return total[0] % P == 0 and (total[1] - total[2]) % P == 0


def difference(s: int, k: int, point: tuple[int, int]) -> bytes:
    """The encoding of [s]B - [k]A for any point A of the curve: both scalars bit by bit, with one doubling for both."""
    b = entry(BASE[0], BASE[1])
    a = entry(P - point[0], point[1])
    both = plus(extended((P - point[0], point[1])), b)
    z = inverse(both[2])
    sums = (None, b, a, entry(times(both[0], z), times(both[1], z)))
    total = NEUTRAL
    for shift in range(252, -1, -1):
        total = double(total)
        choice = sums[(s >> shift & 1) | (k >> shift & 1) << 1]
        if choice is not None:
            total = plus(total, choice)
    return encode(total)
