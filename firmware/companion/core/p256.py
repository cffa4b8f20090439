"""The public half of a P-256 key, in small steps: a door makes its own new key, and its gate goes on meanwhile.

Jacobian coordinates, double and add from the top (FIPS 186-5, SEC 1; formulas dbl-2001-b and add-2007-bl of the
Explicit-Formulas Database). Not in constant time: it runs once in years, and nobody outside sees when.
"""

_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_X = 0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296
_Y = 0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5
# SEC 1, C.4: version, 32 bytes of secret; named curve prime256v1; a public point, not compressed
_DER_SECRET = b"\x30\x77\x02\x01\x01\x04\x20"
_DER_CURVE = b"\xa0\x0a\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\xa1\x44\x03\x42\x00\x04"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Point = tuple[int, int, int]


def usable(secret: bytes) -> bool:
    """Whether 32 bytes are a private key: 1 .. n-1."""
    return len(secret) == 32 and 0 < int.from_bytes(secret, "big") < N


def public(secret: bytes) -> "Iterator[bytes]":
    """Yields empty bytes after each step, some 256 of them, and at last the point: x(32) || y(32).

    secret: a usable private key, big-endian.
    """
    d = int.from_bytes(secret, "big")
    point = (0, 1, 0)  # the neutral one
    for n in range(255, -1, -1):
        point = _double(point)
        if d >> n & 1:
            point = _add_base(point)
        yield b""
    x, y, z = point
    inverse = pow(z, _P - 2, _P)
    square = inverse * inverse % _P
    yield (x * square % _P).to_bytes(32, "big") + (y * square * inverse % _P).to_bytes(32, "big")


def der(secret: bytes, point: bytes) -> bytes:
    """The key pair as a board's TLS reads it (SEC 1, RFC 5915), 121 bytes."""
    return _DER_SECRET + secret + _DER_CURVE + point


def point_of(key: bytes) -> bytes:
    """The public point in what `der` made."""
    return key[57:]


def _double(point: "Point") -> "Point":
    x, y, z = point
    delta = z * z % _P
    gamma = y * y % _P
    beta = x * gamma % _P
    alpha = 3 * (x - delta) * (x + delta) % _P
    x3 = (alpha * alpha - 8 * beta) % _P
    z3 = 2 * y * z % _P
    return x3, (alpha * (4 * beta - x3) - 8 * gamma * gamma) % _P, z3


def _add_base(point: "Point") -> "Point":
    """The point and the base point; in a chain from the top they are never equal nor opposite but at the very ends."""
    x, y, z = point
    if not z:
        return _X, _Y, 1
    zz = z * z % _P
    h = (_X * zz - x) % _P
    r = (_Y * zz * z - y) % _P
    if not h:
        return _double(point) if not r else (0, 1, 0)
    hh = h * h % _P
    hhh = h * hh % _P
    v = x * hh % _P
    x3 = (r * r - hhh - 2 * v) % _P
    return x3, (r * (v - x3) - y * hhh) % _P, z * h % _P
