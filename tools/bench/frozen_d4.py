# mypy: ignore-errors
# (this runs in MicroPython)
"""The verification that gate.* and door.* are measured against: the lab's "d4" 8/1, frozen so that the measure stays.

Those figures tell how much the rest of the firmware adds. Were they divided by our own verification, they would look
worse each time that gets faster. So this is a program of its own, with nothing of the product's but the constants of
SHA-512: comb of 8 teeth and 32 columns for one key, native field code, scalars and inverse in big integers.
`make bench ONLY=verify` compares its count of instructions with the lab's where that is beside the repository.
Do not improve it.

As a program it answers each line of its input, a count, with the nanoseconds of one of so many verifications;
tools/bench/meter.py starts it.
"""

import sys
import time
from array import array

import frozen_d4_sha512 as sha
import frozen_d4_table as tables
import micropython
from frozen_d4_field import run

P = (1 << 255) - 19
L = (1 << 252) + 27742317777372353535851937790883648493
# RFC 8032's second key and its signature of MESSAGE, which is as long as what a token signs.
KEY = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
MESSAGE = bytes(range(86))
SIGNATURE = bytes.fromhex(
    "c18912de92ad1edc477b080a21b1d0798cc209b54087a9921f8a5c6967059154"
    "d1e030fd1cc4454e2a87c673577683a7c8edf32af710836e8b6a89a9e16ca705"
)

X, Y, Z, T, U, V, H, E, G, F, PLUS_XY, LESS_XY, PRODUCT, S, R, Q = range(480, 480 + 16 * 80, 80)
END, TIMES, BOTH, SUB, CARRY, ADD = range(6)
_memory = bytearray(480 + 16 * 80)
_table = bytearray(256 * 120)  # the key's 128 entries, then the base point's


def _program(*steps):
    code = array("H")
    for step in steps:
        code.extend(array("H", (list(step) + [0, 0])[:4]))
    code.extend(array("H", [END, 0, 0, 0]))
    return code


_DOUBLE = _program(
    (TIMES, U, X, X), (TIMES, V, Y, Y), (ADD, S, X, Y), (TIMES, S, S, S), (TIMES, R, Z, Z), (BOTH, H, V, U),
    (SUB, S, S, H), (ADD, F, R, R), (SUB, F, F, E), (CARRY, F, F),
    (TIMES, X, S, F), (TIMES, Y, E, H), (TIMES, Z, F, E), (TIMES, T, S, H),
)  # fmt: skip
_TERMS = (
    (BOTH, U, Y, X), (TIMES, U, U, PLUS_XY), (TIMES, V, V, LESS_XY), (TIMES, R, T, PRODUCT), (BOTH, H, U, V),
    (BOTH, G, Z, R), (TIMES, X, E, F), (TIMES, Y, G, H), (TIMES, Z, F, G),
)  # fmt: skip
_PLUS = _program(*(_TERMS + ((TIMES, T, E, H),)))
_PLUS_WITHOUT_T = _program(*_TERMS)
_START = _program((BOTH, Y, PLUS_XY, LESS_XY), (CARRY, X, Z), (CARRY, Y, Y), (SUB, Z, Z, Z), (TIMES, T, X, Y))


@micropython.viper
def _columns(out: ptr8, u: ptr8):
    """The comb's 32 columns of 256 bits: index of the entry, and 256 if it is to be turned round, low byte first."""
    c = 0
    while c < 32:
        q = c
        x = 0
        j = 0
        while j < 8:
            x |= (u[q >> 3] >> (q & 7) & 1) << j
            q += 32
            j += 1
        if x & 128:
            out[2 * c] = x ^ 128
            out[2 * c + 1] = 0
        else:
            out[2 * c] = x ^ 127
            out[2 * c + 1] = 1
        c += 1


@micropython.viper
def _load(w: ptr32, e: ptr16, column: int):
    """An entry (128 more: the base point's), or its opposite (256), into three elements of the memory."""
    w = ptr32(int(w) + 1280)
    e = ptr16(int(e) + (column & 255) * 120)
    f = ptr16(int(e) + 40)
    k = ptr16(int(e) + 80)
    if column & 256:
        w[0] = f[0] - 8192
        w[20] = e[0] - 8192
        w[40] = 8192 - k[0]
        w[1] = f[1] - 8192
        w[21] = e[1] - 8192
        w[41] = 8192 - k[1]
        w[2] = f[2] - 8192
        w[22] = e[2] - 8192
        w[42] = 8192 - k[2]
        w[3] = f[3] - 8192
        w[23] = e[3] - 8192
        w[43] = 8192 - k[3]
        w[4] = f[4] - 8192
        w[24] = e[4] - 8192
        w[44] = 8192 - k[4]
        w[5] = f[5] - 8192
        w[25] = e[5] - 8192
        w[45] = 8192 - k[5]
        w[6] = f[6] - 8192
        w[26] = e[6] - 8192
        w[46] = 8192 - k[6]
        w[7] = f[7] - 8192
        w[27] = e[7] - 8192
        w[47] = 8192 - k[7]
        w[8] = f[8] - 8192
        w[28] = e[8] - 8192
        w[48] = 8192 - k[8]
        w[9] = f[9] - 8192
        w[29] = e[9] - 8192
        w[49] = 8192 - k[9]
        w[10] = f[10] - 8192
        w[30] = e[10] - 8192
        w[50] = 8192 - k[10]
        w[11] = f[11] - 8192
        w[31] = e[11] - 8192
        w[51] = 8192 - k[11]
        w[12] = f[12] - 8192
        w[32] = e[12] - 8192
        w[52] = 8192 - k[12]
        w[13] = f[13] - 8192
        w[33] = e[13] - 8192
        w[53] = 8192 - k[13]
        w[14] = f[14] - 8192
        w[34] = e[14] - 8192
        w[54] = 8192 - k[14]
        w[15] = f[15] - 8192
        w[35] = e[15] - 8192
        w[55] = 8192 - k[15]
        w[16] = f[16] - 8192
        w[36] = e[16] - 8192
        w[56] = 8192 - k[16]
        w[17] = f[17] - 8192
        w[37] = e[17] - 8192
        w[57] = 8192 - k[17]
        w[18] = f[18] - 8192
        w[38] = e[18] - 8192
        w[58] = 8192 - k[18]
        w[19] = f[19] - 8192
        w[39] = e[19] - 8192
        w[59] = 8192 - k[19]
    else:
        w[0] = e[0] - 8192
        w[20] = f[0] - 8192
        w[40] = k[0] - 8192
        w[1] = e[1] - 8192
        w[21] = f[1] - 8192
        w[41] = k[1] - 8192
        w[2] = e[2] - 8192
        w[22] = f[2] - 8192
        w[42] = k[2] - 8192
        w[3] = e[3] - 8192
        w[23] = f[3] - 8192
        w[43] = k[3] - 8192
        w[4] = e[4] - 8192
        w[24] = f[4] - 8192
        w[44] = k[4] - 8192
        w[5] = e[5] - 8192
        w[25] = f[5] - 8192
        w[45] = k[5] - 8192
        w[6] = e[6] - 8192
        w[26] = f[6] - 8192
        w[46] = k[6] - 8192
        w[7] = e[7] - 8192
        w[27] = f[7] - 8192
        w[47] = k[7] - 8192
        w[8] = e[8] - 8192
        w[28] = f[8] - 8192
        w[48] = k[8] - 8192
        w[9] = e[9] - 8192
        w[29] = f[9] - 8192
        w[49] = k[9] - 8192
        w[10] = e[10] - 8192
        w[30] = f[10] - 8192
        w[50] = k[10] - 8192
        w[11] = e[11] - 8192
        w[31] = f[11] - 8192
        w[51] = k[11] - 8192
        w[12] = e[12] - 8192
        w[32] = f[12] - 8192
        w[52] = k[12] - 8192
        w[13] = e[13] - 8192
        w[33] = f[13] - 8192
        w[53] = k[13] - 8192
        w[14] = e[14] - 8192
        w[34] = f[14] - 8192
        w[54] = k[14] - 8192
        w[15] = e[15] - 8192
        w[35] = f[15] - 8192
        w[55] = k[15] - 8192
        w[16] = e[16] - 8192
        w[36] = f[16] - 8192
        w[56] = k[16] - 8192
        w[17] = e[17] - 8192
        w[37] = f[17] - 8192
        w[57] = k[17] - 8192
        w[18] = e[18] - 8192
        w[38] = f[18] - 8192
        w[58] = k[18] - 8192
        w[19] = e[19] - 8192
        w[39] = f[19] - 8192
        w[59] = k[19] - 8192


@micropython.viper
def _pack(out: ptr8, w: ptr32) -> int:
    """An element as 33 bytes; gives what is left above 2^260."""
    carry = 0
    held = 0
    bits = 0
    i = 0
    while i < 20:
        carry += w[i]
        held |= (carry & 8191) << bits
        carry = carry >> 13
        bits += 13
        while bits >= 8:
            out[0] = held
            out = ptr8(int(out) + 1)
            held = held >> 8
            bits -= 8
        i += 1
    out[0] = held
    return carry


@micropython.viper
def _lehmer(m: ptr32, x: int, y: int):
    """Euclid's steps on the leading 29 bits of two numbers, as long as the quotients are sure (Collins)."""
    a = 1
    b = 0
    c = 0
    d = 1
    while y + c != 0 and y + d != 0:
        q = (x + a) // (y + c)
        if q != (x + b) // (y + d):
            break
        u = a - q * c
        a = c
        c = u
        u = b - q * d
        b = d
        d = u
        u = x - q * y
        x = y
        y = u
    m[0] = a
    m[1] = b
    m[2] = c
    m[3] = d
    k = 0
    while x < 0x8000000:
        x = x + x + 1
        k += 1
    m[4] = k


_matrix = array("i", [0] * 5)


def _inverse(z):
    """1/z modulo P by Lehmer's form of Euclid's algorithm."""
    r0, r1, s0, s1 = P, z, 0, 1
    shift = 227
    m = _matrix
    steps = _lehmer
    while r1:
        steps(m, r0 >> shift, r1 >> shift)
        if m[1] == 0:
            q, r = divmod(r0, r1)
            r0, r1 = r1, r
            s0, s1 = s1, s0 - q * s1
            while shift and not r0 >> (shift + 27):
                shift -= 1
        else:
            a = m[0]
            b = m[1]
            c = m[2]
            d = m[3]
            r0, r1 = a * r0 + b * r1, c * r0 + d * r1
            s0, s1 = a * s0 + b * s1, c * s0 + d * s1
            shift -= m[4]
            if shift < 0:
                shift = 0
    return s0 % P


_out = bytearray(33)
_of_base = bytearray(64)
_of_key = bytearray(64)


def _get(place):
    above = _pack(_out, memoryview(_memory)[place:])
    number = int.from_bytes(_out, "little")
    return (number + (above << 260)) % P


def _take(columns, scalar):
    if not scalar & 1:
        scalar -= L
    _columns(columns, ((scalar + (1 << 256) - 1) >> 1).to_bytes(32, "little"))


def _add_up():
    machine, load, w, table, b, a = run, _load, _memory, _table, _of_base, _of_key
    double, plus, plus_without_t = _DOUBLE, _PLUS, _PLUS_WITHOUT_T
    i = 62
    load(w, table, 128 | b[i] | b[i + 1] << 8)
    machine(w, 0, _START)
    w[Z] = 1
    while True:
        load(w, table, a[i] | a[i + 1] << 8)
        machine(w, 0, plus_without_t)
        if i == 0:
            return
        i -= 2
        machine(w, 0, double)
        load(w, table, 128 | b[i] | b[i + 1] << 8)
        machine(w, 0, plus)


def verify(message, signature):
    """True if the signature is KEY's."""
    if len(signature) != 64:
        return False
    s = int.from_bytes(signature[32:], "little")
    if s >= L:
        return False
    r = bytes(signature[:32])
    data = r + KEY + message
    digest = bytearray(64)
    sha.begin()
    sha.add(data, len(data))
    sha.finish(digest)
    _take(_of_base, s)
    _take(_of_key, int.from_bytes(digest, "little") % L)
    _add_up()
    inverse = _inverse(_get(Z))
    x = _get(X) * inverse % P
    y = _get(Y) * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little") == r


def prepare():
    """Makes both tables; a second or so."""
    tables.build(_table, 0, tables.opposite(KEY, _inverse), _inverse)
    tables.build(_table, 128, tables.BASE, _inverse)
    if not verify(MESSAGE, SIGNATURE) or verify(MESSAGE[1:], SIGNATURE):
        raise RuntimeError("the frozen verification is wrong")


def ns(count):
    """Nanoseconds of one verification, the mean of `count`."""
    started = time.time_ns()
    for _ in range(count):
        verify(MESSAGE, SIGNATURE)
    return (time.time_ns() - started) // count


def main():
    """Answers until the input ends."""
    prepare()
    print("ready")
    for line in sys.stdin:
        print(ns(int(line)))


if __name__ == "__main__":
    main()
