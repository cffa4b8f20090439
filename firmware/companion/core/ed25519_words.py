"""What the native Ed25519 engine does to bytes and limbs around the field machine: scalars, inverse, encoding.

Everything works in place: nothing here takes memory from the heap. For the form of a field element see
ed25519_field; 32-bit words only (ptr32 does not keep the sign on wider ones).
"""

import micropython


@micropython.viper
def reduce(x: ptr8, l: ptr8):
    """A number x of 64 bytes -> one below 2^254 in its first 32 that is congruent modulo L.

    l: the low 16 bytes of L, which are c = L - 2^252, and 16 zeros. From the top: 2^256 = -16 c modulo L, so the two
    bytes from i on count -16 c times from byte i - 32 on; `carry` is what runs out above byte i - 1. At last what is
    above bit 252, but for one, is folded the same way; the one, and what was added for it, keep the rest positive.
    No sum passes 2^29: a factor is below 2^21, as a carry is 0 or -1 (16 c is below 2^129, the 32 bytes reach 2^256).
    """
    carry = 0
    i = 62
    while i > 28:
        if i > 31:
            y = ptr8(int(x) + i - 32)
            factor = (x[i] + (x[i + 1] << 8) + (carry << 16)) << 4
        else:
            y = x
            factor = (carry << 4) + (x[31] >> 4) - 1
            x[31] = (x[31] & 15) + 16
            i = 0
        carry = 0
        j = 0
        while j < 32:
            carry += y[j] - l[j] * factor
            y[j] = carry
            carry = carry >> 8
            j += 1
        i -= 2


@micropython.viper
def recode(columns: ptr8, u: ptr8, k: ptr8, at: int):
    """The comb's 37 columns of a scalar: index of the table entry, and 64 if that is to be turned round.

    k: 32 bytes from `at` on, below 2^255; u: 33 bytes of scratch, then the 32 of L. The method is told in
    ed25519_plain, but an even k becomes k + L here, and u is k + 2^259 - 1, not halved: its bit n + 1 is the sign of
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
    u[32] = carry + 7
    c = 1
    while c < 38:
        x = 0
        i = c + 222
        while i >= c:
            x = x << 1 | u[i >> 3] >> (i & 7) & 1
            i -= 37
        if x & 64:
            x = x & 63
        else:
            x = x ^ 127
        columns[c - 1] = x
        c += 1


@micropython.viper
def aim(place: ptr32, table: ptr8, columns: ptr8):
    """What the machine's operation 5 asks for: the table's address, and that of the end of the columns."""
    place[0] = int(table)
    place[1] = int(columns) + 37


@micropython.viper
def store(table: ptr16, w: ptr32, entry: int):
    """The three elements from w on, carried, into entry `entry` of a table."""
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
def regroup(to: ptr32, w: ptr32, take: int):
    """The same number in other limbs. take 13: an element, 20 limbs, as 18 of 15 bits; take 15: the other way.

    The limbs made are not negative but for the last, which keeps the sign and what is above.
    """
    give = 28 - take
    last = 17
    if take == 15:
        last = 19
    held = 0
    bits = 0
    i = 0
    while i < last:
        while bits < give:
            held += w[0] << bits
            w = ptr32(int(w) + 4)
            bits += take
        to[i] = held & (1 << give) - 1
        held = held >> give
        bits -= give
        i += 1
    if take == 15:
        held += w[0] << bits
    to[last] = held


@micropython.viper
def invert(p: ptr32, x: int) -> int:
    """The inverse modulo P by division steps, in place; p: d, e, f, g, of 18 limbs of 15 bits; x: any number.

    At the start d = 0, e = 1, f = P and g the number, |g| < 2^256, not 0. At the end d is its inverse times the sign
    of f, which is 1 or -1; gives 1 if that is -1. |d| is below 45 P.

    Bernstein and Yang, "Fast constant-time gcd computation and modular inversion" (2019), in the form whose delta
    starts at 1/2; `delta` here is that minus 1/2. One step: with g odd and delta >= 0, (f, g) = (g, (g - f) / 2); with
    g odd else, (f, (g + f) / 2); with g even, (f, g / 2). Fifteen steps look at the low limbs only, and their matrix
    (a b; c d) takes the pair to 2^15 times the new one. 590 steps are enough for 256 bits, which are 40 turns; the
    bound is there so that even wrong arithmetic comes to an end.

    f = d g and g = e g modulo P hold throughout: a multiple m of P makes the new d divisible. P is -19 in limb 0 and
    1 in limb 17, and 18971 = 1/19 modulo 2^15. Bounds: |a| + |b| and |c| + |d| are at most 2^15, so with limbs below
    2^15 no sum passes 2^30 + 2^21, the last limbs being below 45.
    """
    delta = 0
    turn = 0
    while turn < 44:
        f = p[36]
        g = p[54]
        a = 1
        b = 0
        c = 0
        d = 1
        i = 0
        while i < 15:
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
        pair = 0
        while pair < 2:  # (d, e), then (f, g), which is exact
            x = p[0]
            f = x * a + p[18] * b
            g = x * c + p[18] * d
            m = 0
            n = 0
            if pair == 0:
                m = f * 18971 & 32767
                n = g * 18971 & 32767
                f -= 19 * m
                g -= 19 * n
            seen = 0
            i = 0
            while i < 17:
                x = p[1]
                f = x * a + (f >> 15)
                g = x * c + (g >> 15)
                x = p[19]
                f = x * b + f
                g = x * d + g
                if i == 16:
                    f += m
                    g += n
                p[0] = f & 32767
                x = g & 32767
                p[18] = x
                seen |= x
                p = ptr32(int(p) + 4)
                i += 1
            p[0] = f >> 15
            g = g >> 15
            p[18] = g
            p = ptr32(int(p) + 76)
            pair += 1
        p = ptr32(int(p) - 288)
        if seen | g == 0:
            break
        turn += 1
    return int(p[53] < 0)
