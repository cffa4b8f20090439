"""What the native Ed25519 engine does to bytes and limbs around the field machine: scalars, entries, inverse, encoding.

Everything works in place: nothing here takes memory from the heap. For the form of a field element see
ed25519_field; 32-bit words only (ptr32 does not keep the sign on wider ones).
"""

import micropython


@micropython.viper
def reduce(x: ptr8, l: ptr8):
    """A number x of 64 bytes -> one below 2^254 in its first 32 that is congruent modulo L.

    l: the low 16 bytes of L, which are c = L - 2^252, and 16 zeros. From the top: 2^256 = -16 c modulo L, so byte i
    counts -16 c times at byte i - 32; `carry` is what runs out above byte i - 1. At last what is above bit 252, but
    for one, is folded the same way; the one, and what was added for it, keep the rest positive.
    """
    carry = 0
    i = 63
    while i > 30:
        if i > 31:
            y = ptr8(int(x) + i - 32)
            factor = (x[i] + (carry << 8)) << 4
        else:
            y = x
            factor = (carry << 4) + (x[31] >> 4) - 1
            x[31] = (x[31] & 15) + 16
        carry = 0
        j = 0
        while j < 32:
            carry += y[j] - factor * l[j]
            y[j] = carry
            carry = carry >> 8
            j += 1
        i -= 1


@micropython.viper
def recode(columns: ptr8, u: ptr8, k: ptr8, at: int):
    """The comb's 32 columns of a scalar: index of the table entry, and 128 if that is to be turned round.

    k: 32 bytes from `at` on, below 2^255; u: 33 bytes of scratch, then the 32 of L. The method is told in
    ed25519_plain, but an even k becomes k + L here, and u is k + 2^256 - 1, not halved: its bit n + 1 is the sign of
    digit n.
    """
    k = ptr8(int(k) + at)
    even = 1 - (k[0] & 1)
    carry = 0
    i = 0
    while i < 32:
        carry += k[i] + 255 + even * u[33 + i]
        u[i] = carry
        carry = carry >> 8
        i += 1
    u[32] = carry
    c = 1
    while c < 33:
        x = 0
        i = c + 224
        while i >= c:
            x = x << 1 | u[i >> 3] >> (i & 7) & 1
            i -= 32
        if x & 128:
            x = x & 127
        else:
            x = x ^ 255
        columns[c - 1] = x
        c += 1


@micropython.viper
def load(w: ptr32, low: ptr16, high: ptr16, column: int):
    """Entry `column` (128: its opposite) of a table of two halves into the three elements from w on.

    An entry is (y + x) / 2, (y - x) / 2, D x y: sixty 16-bit numbers, limbs plus 8192, since ptr16 has no sign.
    """
    if column & 64:
        low = high
    low = ptr16(int(low) + 120 * (column & 63))
    high = ptr16(int(low) + 40)
    last = ptr16(int(low) + 80)
    sign = 1
    if column & 128:
        high = low
        low = ptr16(int(low) + 40)
        sign = 0 - 1
    i = 0
    while i < 20:
        w[0] = low[i] - 8192
        w[20] = high[i] - 8192
        w[40] = (last[i] - 8192) * sign
        w = ptr32(int(w) + 4)
        i += 1


@micropython.viper
def store(table: ptr16, w: ptr32, entry: int):
    """The three elements from w on, carried, into entry `entry` of a half table."""
    table = ptr16(int(table) + 120 * entry)
    i = 0
    while i < 60:
        table[i] = w[i] + 8192
        i += 1


@micropython.viper
def pack(out: ptr8, w: ptr32):
    """The element at w, carried, as a number of 32 bytes, fully reduced. Changes the limbs.

    Each pass carries from limb 0 up and cuts at bit 255; what was cut counts 19 times in the next. The first pass adds
    2^260 - 608, a multiple of P, so nothing is negative; after three the number is below 2^255. The fourth
    asks whether 19 more would reach 2^255, that is whether the number is P or more; if not, the fifth takes 19 away.
    """
    w[19] = w[19] + 8192
    t = 0 - 608
    turn = 0
    while turn < 5:
        i = 0
        while i < 20:
            t += w[i]
            w[i] = t & 8191
            t = t >> 13
            i += 1
        t = t << 5 | w[19] >> 8
        w[19] = w[19] & 255
        if turn == 3:
            t -= 1
        t = 19 * t
        if turn == 2:
            t = 19
        turn += 1
    bits = 0
    i = 0
    while i < 20:
        t |= w[i] << bits
        bits += 13
        while bits > 7:
            out[0] = t
            out = ptr8(int(out) + 1)
            t = t >> 8
            bits -= 8
        i += 1


@micropython.viper
def divide(matrix: ptr32, pair: ptr32, delta: int) -> int:
    """Thirteen division steps on the low limbs of (f, g): writes their matrix (a b; c d), gives the new delta.

    Bernstein and Yang, "Fast constant-time gcd computation and modular inversion" (2019), in the form whose delta
    starts at 1/2; `delta` here is that minus 1/2. One step: with g odd and delta >= 0, (f, g) = (g, (g - f) / 2); with
    g odd else, (f, (g + f) / 2); with g even, (f, g / 2). The matrix takes (f, g) to 2^13 times the new pair.
    """
    f = pair[0]
    g = pair[20]
    a = 1
    b = 0
    c = 0
    d = 1
    i = 0
    while i < 13:
        if g & 1:
            if delta >= 0:
                delta = 0 - delta - 1
                g -= f
                f += g
                c -= a
                a += c
                d -= b
                b += d
            else:
                g += f
                c += a
                d += b
        delta += 1
        g = g >> 1
        a += a
        b += b
        i += 1
    matrix[0] = a
    matrix[1] = b
    matrix[2] = c
    matrix[3] = d
    return delta


@micropython.viper
def move(matrix: ptr32, pair: ptr32, inverse: int) -> int:
    """A pair of elements becomes the matrix times it, divided by 2^13: limb 0 drops out. Gives 0 if the second is 0.

    inverse 0: an exact pair, (f, g). inverse 2587 = 1/19 modulo 2^13: a pair modulo P, (d, e), made divisible first by
    adding a multiple of P, which is -19 in limb 0 and 256 in limb 19.
    """
    f = matrix[0] * pair[0] + matrix[1] * pair[20]
    g = matrix[2] * pair[0] + matrix[3] * pair[20]
    m = f * inverse & 8191
    n = g * inverse & 8191
    f = f - 19 * m >> 13
    g = g - 19 * n >> 13
    seen = 0
    i = 18
    while i >= 0:
        x = pair[1]
        y = pair[21]
        f += matrix[0] * x + matrix[1] * y
        g += matrix[2] * x + matrix[3] * y
        if i == 0:
            f += m << 8
            g += n << 8
        pair[0] = f & 8191
        x = g & 8191
        pair[20] = x
        seen |= x
        f = f >> 13
        g = g >> 13
        pair = ptr32(int(pair) + 4)
        i -= 1
    pair[0] = f
    pair[20] = g
    return seen | g
