"""SHA-512 (FIPS 180-4) in native code, without a heap allocation: begin(), add() as often as needed, finish().

A 64-bit word is a pair of 32-bit words (high, low), and sums are made in 16-bit pieces, so that the code is right
whether a machine word has 32 bits or 64. Of the eight working variables only two are new in each round; the others
are those two, one to three rounds older:

    T1   = E[t-4] + S1(E[t-1]) + Ch(E[t-1], E[t-2], E[t-3]) + K[t] + W[t]
    E[t] = A[t-4] + T1
    A[t] = T1 + S0(A[t-1]) + Maj(A[t-1], A[t-2], A[t-3])

so the rounds write one row (A, E) after the other instead of moving eight variables along.
"""

import micropython
import uctypes

from companion.core.native_data import DATA, INITIAL_HASH, ROUND_CONSTANTS

_BLOCK = micropython.const(128)

# All that the native engines read where it lies, in flash; a copy of it where that is no place for machine words.
data = memoryview(DATA if uctypes.addressof(DATA) % 4 == 0 else bytearray(DATA))
_constants = data[ROUND_CONSTANTS:INITIAL_HASH]  # K as 32-bit words: high, low
# The field machine of ed25519_viper works in the same memory. What it keeps there between two verifications lies
# from byte 1,680 to 2,080 and from 2,720 on; all else is nobody's when a digest begins, or when it ends.
memory = bytearray(2740)
_rows = memoryview(memory)[: 84 * 16]  # A high, A low, E high, E low for t = -4 .. 79
_words = memoryview(memory)[2080 : 2080 + 640]  # W
_state = bytearray(64)
_initial = data[INITIAL_HASH:]
_block = bytearray(128)
_PADDING = b"\x80" + bytes(127)
_size = 0  # bytes taken in since begin()


@micropython.viper
def _load(to: ptr32, data: ptr8, count: int):
    """`count` big-endian 32-bit words of `data` into machine words."""
    i = 0
    while i < count:
        to[i] = data[0] << 24 | data[1] << 16 | data[2] << 8 | data[3]
        data = ptr8(int(data) + 4)
        i += 1


@micropython.viper
def _store(to: ptr8, words: ptr32, count: int):
    """The reverse of _load."""
    i = 0
    while i < count:
        x = words[i]
        to[0] = x >> 24
        to[1] = x >> 16
        to[2] = x >> 8
        to[3] = x
        to = ptr8(int(to) + 4)
        i += 1


@micropython.viper
def copy(to: ptr8, data: ptr8, offsets: int, count: int):
    """count bytes from data + (offsets >> 7) to to + (offsets & 127)."""
    to = ptr8(int(to) + (offsets & 127))
    data = ptr8(int(data) + (offsets >> 7))
    i = 0
    while i < count:
        to[i] = data[i]
        i += 1


@micropython.viper
def _expand(w: ptr32):
    """W[16 .. 79] from W[0 .. 15]; w moves on by one 64-bit word a step."""
    t = 16
    while t < 80:
        h = uint(w[2])  # W[t-15]
        l = uint(w[3])
        ah = (h >> 1 | l << 31) ^ (h >> 8 | l << 24) ^ h >> 7
        al = (l >> 1 | h << 31) ^ (l >> 8 | h << 24) ^ (l >> 7 | h << 25)
        h = uint(w[28])  # W[t-2]
        l = uint(w[29])
        bh = (h >> 19 | l << 13) ^ (l >> 29 | h << 3) ^ h >> 6
        bl = (l >> 19 | h << 13) ^ (h >> 29 | l << 3) ^ (l >> 6 | h << 26)
        x = uint(w[1])  # W[t-16]
        y = uint(w[19])  # W[t-7]
        low = (x & 0xFFFF) + (y & 0xFFFF) + (al & 0xFFFF) + (bl & 0xFFFF)
        mid = (x >> 16 & 0xFFFF) + (y >> 16 & 0xFFFF) + (al >> 16 & 0xFFFF) + (bl >> 16 & 0xFFFF) + (low >> 16)
        w[33] = int(low & 0xFFFF | mid << 16)
        w[32] = int(uint(w[0]) + uint(w[18]) + ah + bh + (mid >> 16))
        w = ptr32(int(w) + 8)
        t += 1


@micropython.viper
def _rounds(row: ptr32, w: ptr32, k: ptr32):
    """The eighty rounds; row[0 .. 3] is (A, E) of t-4, row[12 .. 15] of t-1, row[16 .. 19] of t."""
    t = 0
    while t < 80:
        h = uint(row[14])  # E[t-1]
        l = uint(row[15])
        sh = (h >> 14 | l << 18) ^ (h >> 18 | l << 14) ^ (l >> 9 | h << 23)
        sl = (l >> 14 | h << 18) ^ (l >> 18 | h << 14) ^ (h >> 9 | l << 23)
        gh = uint(row[6])  # E[t-3]
        gl = uint(row[7])
        gh = gh ^ h & (gh ^ uint(row[10]))
        gl = gl ^ l & (gl ^ uint(row[11]))
        h = uint(row[3])  # E[t-4]
        x = uint(w[1])
        y = uint(k[1])
        low = (h & 0xFFFF) + (sl & 0xFFFF) + (gl & 0xFFFF) + (x & 0xFFFF) + (y & 0xFFFF)
        mid = (h >> 16 & 0xFFFF) + (sl >> 16 & 0xFFFF) + (gl >> 16 & 0xFFFF) + (x >> 16 & 0xFFFF) + (low >> 16)
        mid = mid + (y >> 16 & 0xFFFF)
        high = uint(row[2]) + sh + gh + uint(w[0]) + uint(k[0]) + (mid >> 16)
        low = low & 0xFFFF
        mid = mid & 0xFFFF
        x = uint(row[1])  # A[t-4]
        l = low + (x & 0xFFFF)
        h = mid + (x >> 16 & 0xFFFF) + (l >> 16)
        row[19] = int(l & 0xFFFF | h << 16)
        row[18] = int(uint(row[0]) + high + (h >> 16))
        h = uint(row[12])  # A[t-1]
        l = uint(row[13])
        sh = (h >> 28 | l << 4) ^ (l >> 2 | h << 30) ^ (l >> 7 | h << 25)
        sl = (l >> 28 | h << 4) ^ (h >> 2 | l << 30) ^ (h >> 7 | l << 25)
        x = uint(row[8])
        y = uint(row[4])
        gh = h & (x | y) | x & y
        x = uint(row[9])
        y = uint(row[5])
        gl = l & (x | y) | x & y
        low = low + (sl & 0xFFFF) + (gl & 0xFFFF)
        mid = mid + (sl >> 16 & 0xFFFF) + (gl >> 16 & 0xFFFF) + (low >> 16)
        row[17] = int(low & 0xFFFF | mid << 16)
        row[16] = int(high + sh + gh + (mid >> 16))
        row = ptr32(int(row) + 16)
        w = ptr32(int(w) + 8)
        k = ptr32(int(k) + 8)
        t += 1


@micropython.viper
def _spread(row: ptr32, state: ptr32):
    """The state a .. h as the rows t = -1 .. -4: a, e are the newest."""
    i = 0
    while i < 4:
        row[4 * i] = state[6 - 2 * i]
        row[4 * i + 1] = state[7 - 2 * i]
        row[4 * i + 2] = state[14 - 2 * i]
        row[4 * i + 3] = state[15 - 2 * i]
        i += 1


@micropython.viper
def _gather(state: ptr32, row: ptr32):
    """Adds the last four rows to the state."""
    row = ptr32(int(row) + 80 * 16)
    i = 0
    while i < 8:
        at = 4 * (3 - (i & 3)) + 2 * (i >> 2)
        x = uint(state[2 * i + 1])
        y = uint(row[at + 1])
        low = (x & 0xFFFF) + (y & 0xFFFF)
        mid = (x >> 16 & 0xFFFF) + (y >> 16 & 0xFFFF) + (low >> 16)
        state[2 * i + 1] = int(low & 0xFFFF | mid << 16)
        state[2 * i] = int(uint(state[2 * i]) + uint(row[at]) + (mid >> 16))
        i += 1


def _take_block() -> None:
    _load(_words, _block, 32)
    _expand(_words)
    _spread(_rows, _state)
    _rounds(_rows, _words, _constants)
    _gather(_state, _rows)


def begin() -> None:
    """Starts a new message."""
    global _size
    copy(_state, _initial, 0, 64)
    _size = 0


def add(data: bytes, count: int) -> None:
    """Takes in the first `count` bytes of `data` (any buffer, below 8 MB)."""
    global _size
    at = 0
    while at < count:
        filled = _size & 127
        some = min(_BLOCK - filled, count - at)
        copy(_block, data, at << 7 | filled, some)
        at += some
        _size += some
        if filled + some == _BLOCK:
            _take_block()


def finish(out: bytearray) -> None:
    """Writes the 64-byte digest into `out`."""
    bits = 8 * _size
    add(_PADDING, 1 + (111 - _size & 127))
    at = 127
    while at >= 112:
        _block[at] = bits & 255
        bits >>= 8
        at -= 1
    _take_block()
    _store(out, _state, 16)

