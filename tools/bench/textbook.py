# mypy: ignore-errors
# (this runs in MicroPython)
"""Ed25519 as RFC 8032, sections 5.1.1 to 5.1.7, reads: the baseline that our verification is measured against.

Runs in MicroPython. Big integers, `% P` after each product, double-and-add, both points decompressed each time: what
a developer writes who follows the text and stops when the test vectors pass. Not used by the product.
"""

from companion.core.sha512_plain import sha512

TYPE_CHECKING = False
if TYPE_CHECKING:
    Point = tuple[int, int, int, int]

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def recover_x(y: int, sign: int) -> int | None:
    """Section 5.1.3, steps 2 to 4; None if there is no such point."""
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if square == 0:
        return None if sign else 0
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P:
        return None
    return P - x if x & 1 != sign else x


def decompress(encoded: bytes) -> "Point | None":
    """The point (X, Y, Z, T) of 32 bytes, or None."""
    y = int.from_bytes(encoded, "little")
    sign = y >> 255
    y &= (1 << 255) - 1
    x = recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


def add(p: "Point", q: "Point") -> "Point":
    """Section 5.1.4."""
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e = b - a
    f = d - c
    g = d + c
    h = b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(s: int, p: "Point") -> "Point":
    """[s]p by double-and-add."""
    q = (0, 1, 1, 0)
    while s > 0:
        if s & 1:
            q = add(q, p)
        p = add(p, p)
        s >>= 1
    return q


def equal(p: "Point", q: "Point") -> bool:
    """x and y agree."""
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


_y = 4 * pow(5, P - 2, P) % P
_x = recover_x(_y, 0)
BASE = (_x, _y, 1, _x * _y % P)


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Section 5.1.7."""
    if len(signature) != 64:
        return False
    a = decompress(public_key)
    r = decompress(signature[:32])
    if a is None or r is None:
        return False
    s = int.from_bytes(signature[32:], "little")
    if s >= L:
        return False
    k = int.from_bytes(sha512(signature[:32] + public_key + message), "little") % L
    return equal(multiply(s, BASE), add(r, multiply(k, a)))
