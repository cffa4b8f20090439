# mypy: ignore-errors
# (this runs in MicroPython)
"""The comb tables of frozen_d4.py, made in big integers. Never made faster."""

P = (1 << 255) - 19
D = 0x52036CEE2B6FFE738CC740797779E89800700A4D4141D8AB75EB4DCA135978A3
BASE = (
    0x216936D3CD6E53FEC0A4E231FDD6DC5C692CC7609525A7B2C9562D608F25D51A,
    0x6666666666666666666666666666666666666666666666666666666666666658,
)


def _plus(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    return ((b - a) * (d - c) % P, (d + c) * (b + a) % P, (d - c) * (d + c) % P, (b - a) * (b + a) % P)


def _minus(p):
    return (P - p[0], p[1], p[2], P - p[3])


def _limbs(table, at, number):
    """A number as twenty limbs within +-4096, each plus 8192."""
    number %= P
    if number > P >> 1:
        number -= P
    for i in range(20):
        carry = (number + 4096) >> 13
        limb = number - (carry << 13) + 8192
        table[at + 2 * i] = limb & 255
        table[at + 2 * i + 1] = limb >> 8
        number = carry


def build(table, first, point, inverse):
    """The 128 entries of a point's comb, from entry `first` on; inverse(a): modulo P."""
    bases = []
    step = (point[0], point[1], 1, point[0] * point[1] % P)
    for _ in range(8):
        bases.append(step)
        for _ in range(32):
            step = _plus(step, step)
    half = (P + 1) >> 1
    for index in range(128):
        total = bases[7]
        for j in range(7):
            total = _plus(total, bases[j] if index >> j & 1 else _minus(bases[j]))
        z = inverse(total[2])
        x = total[0] * z % P
        y = total[1] * z % P
        at = (first + index) * 120
        _limbs(table, at, (y + x) * half)
        _limbs(table, at + 40, (y - x) * half)
        _limbs(table, at + 80, D * x % P * y)


def opposite(key, inverse):
    """Minus the point of a key; the root is known to be there."""
    y = int.from_bytes(key, "little") & (1 << 255) - 1
    u = (y * y - 1) % P
    square = u * inverse((D * y * y + 1) % P) % P
    x = pow(square, (P + 3) >> 3, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) >> 2, P) % P
    return (P - x if x & 1 == key[31] >> 7 else x, y)
