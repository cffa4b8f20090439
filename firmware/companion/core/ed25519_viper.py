"""The comb for a fixed key in native code on 32-bit words: the method of ed25519_plain on the field machine.

A verification takes 31 doublings and 63 additions, 681 products, and no memory from the heap. The inverse that the
encoding of the result needs is made by division steps, worth about thirty products.

Table entries are halved, ((y + x) / 2, (y - x) / 2, D x y), which halves all of an addition's terms and saves the
doubling of Z.
"""

from array import array

from companion.core import ed25519_curve as curve
from companion.core import ed25519_words as words
from companion.core import sha512_viper as sha
from companion.core.ed25519_field import run
from companion.core.ed25519_plain import COLUMNS, ENTRIES, TEETH

NAME = "viper"
HALF = 64 * 120  # bytes: 64 entries of sixty 16-bit numbers
_BATCH = 8  # entries that share one inversion when a table is made

# Byte offsets of the elements from the start of the machine's memory. Neighbours: (X, Y, Z, T), (U, V), (H, E), (G, F),
# (P, M, K) = ((y + x) / 2, (y - x) / 2, D x y), the entry at hand, and the pairs of an inversion from f and from d on.
_FIRST = 480
_X, _Y, _Z, _T, _U, _V, _H, _E, _G, _F, _P, _M, _K, _S, _R, _Q = range(_FIRST, _FIRST + 16 * 80, 80)
_I, _HALF_OF_ONE, _ONE, _PRIME, _GCD_F, _GCD_G, _GCD_D, _GCD_E, _PREFIX = range(_Q + 80, _Q + 10 * 80, 80)
_memory = bytearray(_PREFIX + 80 * _BATCH)

# The machine's operations.
_END, _TIMES, _BOTH, _SUB, _CARRY = range(5)


def _program(*steps: tuple[int, ...]) -> array[int]:
    """The machine's program of (operation, result, a, b) steps; b may be left out."""
    code = array("H")
    for operation, *places in steps + ((_END,),):
        code.extend(array("H", ([operation] + places + [0, 0, 0])[:4]))
    return code


def _view(place: int) -> memoryview:
    """The memory from `place` on."""
    return memoryview(_memory)[place:]


# The comb's columns of both scalars, see words.recode.
OF_A = bytearray(COLUMNS)
OF_B = bytearray(COLUMNS)

# 2 (X, Y, Z, T): the formulas of curve.double with all four results negated, which is the same point.
_DOUBLE = _program(
    (_TIMES, _U, _X, _X),
    (_TIMES, _V, _Y, _Y),
    (_BOTH, _S, _X, _Y),
    (_TIMES, _S, _S, _S),
    (_TIMES, _R, _Z, _Z),
    (_BOTH, _H, _V, _U),  # H = y^2 + x^2, E = y^2 - x^2, here G's part
    (_SUB, _S, _S, _H),  # 2 x y, here E's part
    (_BOTH, _G, _R, _R),
    (_SUB, _F, _G, _E),
    (_CARRY, _F, _F),
    (_TIMES, _X, _S, _F),
    (_TIMES, _Y, _E, _H),
    (_TIMES, _Z, _F, _E),
    (_TIMES, _T, _S, _H),
)

# (X, Y, Z, T) plus the entry at (P, M, K): curve.plus, every term halved.
_TERMS = (
    (_BOTH, _U, _Y, _X),
    (_TIMES, _U, _U, _P),
    (_TIMES, _V, _V, _M),
    (_TIMES, _R, _T, _K),
    (_BOTH, _H, _U, _V),
    (_BOTH, _G, _Z, _R),
    (_TIMES, _X, _E, _F),
    (_TIMES, _Y, _G, _H),
    (_TIMES, _Z, _F, _G),
)
_PLUS = _program(*(_TERMS + ((_TIMES, _T, _E, _H),)))
_PLUS_WITHOUT_T = _program(*_TERMS)  # a doubling, which follows, does not ask for T

# The entry at (P, M, K) as a point: x = P - M, y = P + M.
_START = _program(
    (_BOTH, _Y, _P, _M),
    (_CARRY, _X, _Z),
    (_CARRY, _Y, _Y),
    (_CARRY, _Z, _ONE),
    (_TIMES, _T, _X, _Y),
)

# x / 2 and y / 2 at (P, M), 4 D at Q -> the entry at (P, M, K).
_ENTRY = _program(
    (_TIMES, _K, _P, _M),
    (_BOTH, _U, _M, _P),
    (_CARRY, _P, _U),
    (_CARRY, _M, _V),
    (_TIMES, _K, _K, _Q),
)

# f = P, d = 0, e = 1; g is set apart. Then f = d g and g = e g modulo P, whatever g was, which no step changes.
_BEGIN = _program((_CARRY, _GCD_F, _PRIME), (_SUB, _GCD_D, _ONE, _ONE), (_CARRY, _GCD_E, _ONE))

_in_x, _in_y, _in_p, _in_fg, _in_de = [_view(place) for place in (_X, _Y, _P, _GCD_F, _GCD_D)]
_single = array("H", [0] * 8)  # a program of one step
_matrix = bytearray(16)
_digest = bytearray(64)
_number = bytearray(32)
_encoded = bytearray(32)
_order = curve.L.to_bytes(32, "little")
_scalar = bytearray(33) + _order
_low_order = _order[:16] + bytes(16)
_NEUTRAL = b"\x01" + bytes(31)


def _do(operation: int, result: int, a: int, b: int = 0) -> None:
    """One step of the machine."""
    code = _single
    code[0] = operation
    code[1] = result
    code[2] = a
    code[3] = b
    run(_memory, 0, code)


def _invert(source: int) -> None:
    """The element at I = one over the element at `source`, which is carried and not 0."""
    run(_memory, 0, _BEGIN)
    _do(_CARRY, _GCD_G, source)
    delta = 0
    for _ in range(64):  # 46 at most are needed; a bound, so that even wrong arithmetic comes to an end
        delta = words.divide(_matrix, _in_fg, delta)
        words.move(_matrix, _in_de, 2587)
        if not words.move(_matrix, _in_fg, 0):
            break
    if _memory[_GCD_F + 79] & 128:  # g is 0 and f is -1
        _do(_SUB, _GCD_D, _GCD_G, _GCD_D)
    _do(_CARRY, _I, _GCD_D)


def take(columns: bytearray, scalar: bytes, at: int = 0) -> None:
    """Sets the comb's columns, OF_A or OF_B, from a scalar of 32 bytes, which begin at `at`."""
    words.recode(columns, _scalar, scalar, at)


def combine(base: tuple[bytearray, ...], key: tuple[bytearray, ...]) -> bytearray:
    """The encoding, in a buffer of ours, of [s]B - [k]A for the scalars taken."""
    _add_up(base, key)
    _invert(_Z)
    _do(_TIMES, _X, _X, _I)
    _do(_TIMES, _Y, _Y, _I)
    words.pack(_encoded, _in_x)
    sign = _encoded[0] & 1
    words.pack(_encoded, _in_y)
    _encoded[31] |= sign << 7
    return _encoded


def _add_up(base: tuple[bytearray, ...], key: tuple[bytearray, ...]) -> None:
    """(X, Y, Z) = the sum of both combs, from the last column to the first."""
    w = _memory
    entry = _in_p
    b0 = base[0]
    b1 = base[1]
    a0 = key[0]
    a1 = key[1]
    column = COLUMNS - 1
    words.load(entry, b0, b1, OF_B[column])
    run(w, 0, _START)
    while True:
        words.load(entry, a0, a1, OF_A[column] ^ 128)  # minus [k]A
        run(w, 0, _PLUS_WITHOUT_T)
        if column == 0:
            return
        column -= 1
        run(w, 0, _DOUBLE)
        words.load(entry, b0, b1, OF_B[column])
        run(w, 0, _PLUS)


def holds(
    base: tuple[bytearray, ...],
    key: tuple[bytearray, ...],
    public_key: bytes,
    message: bytes,
    signature: bytes,
) -> bool:
    """True if S < L, R is not neutral and R is the encoding of [S]B - [k]A; `key` is the table of A, `base` of B."""
    if not _is_below_l(signature):
        return False
    sha.begin()
    sha.add(signature, 32)
    sha.add(public_key, 32)
    sha.add(message, len(message))
    sha.finish(_digest)
    words.reduce(_digest, _low_order)
    take(OF_A, _digest)
    take(OF_B, signature, 32)
    encoded = combine(base, key)
    return encoded != _NEUTRAL and _begins_with(signature, encoded)


def _is_below_l(signature: bytes) -> bool:
    """True if the second half is a number below L."""
    for i in range(31, -1, -1):
        byte = signature[32 + i]
        if byte != _order[i]:
            return byte < _order[i]
    return False


def _begins_with(signature: bytes, encoded: bytes) -> bool:
    """True if R is `encoded`; without a slice, which would take memory."""
    for i in range(32):
        if signature[i] != encoded[i]:
            return False
    return True


def start() -> bool:
    """Sets the machine's constants and tries one product: False where a machine word is not what this code needs."""
    _put(_ONE, 1)
    _put(_HALF_OF_ONE, (curve.P + 1) // 2)
    _put(_Q, 4 * curve.D % curve.P)
    _put(_Z, 0)
    _do(_CARRY, _PRIME, _Z)
    _memory[_PRIME : _PRIME + 4] = b"\xed\xff\xff\xff"  # -19
    _memory[_PRIME + 77] = 1  # 256 in limb 19
    a = curve.BASE[0]
    _put(_X, a)
    _do(_SUB, _Y, _Z, _X)
    _do(_TIMES, _Z, _X, _Y)
    return _get(_view(_Z)) == -a * a % curve.P


def _put(place: int, number: int) -> None:
    """The element at `place` = number (0 .. 2^255 - 1), carried."""
    for at in range(place, place + 80, 4):
        _memory[at : at + 4] = (number & 8191).to_bytes(4, "little")
        number >>= 13
    _do(_CARRY, place, place)


def _get(view: memoryview) -> int:
    """The carried element seen through `view`, fully reduced; its limbs change."""
    words.pack(_number, view)
    return int.from_bytes(_number, "little")


def _power(a: int, exponent: int) -> int:
    """a^exponent modulo P, on the machine."""
    _put(_P, a % curve.P)
    _put(_M, 1)
    for bit in "{:b}".format(exponent):
        _do(_TIMES, _M, _M, _M)
        if bit == "1":
            _do(_TIMES, _M, _M, _P)
    return _get(_view(_M))


def decode(public_key: bytes) -> tuple[int, int] | None:
    """The point of a canonical encoding, or None."""
    return curve.decode(public_key, _power)


def _place(point: tuple[int, int]) -> None:
    """(X, Y, Z, T) = the affine point."""
    for place, number in zip((_X, _Y, _Z, _T), curve.extended(point)):
        _put(place, number % curve.P)


def _normalise(inverse: int) -> None:
    """(X, Y), with half of 1/Z at `inverse` -> the entry at (P, M, K)."""
    _do(_TIMES, _P, _X, inverse)
    _do(_TIMES, _M, _Y, inverse)
    run(_memory, 0, _ENTRY)


def _entry() -> None:
    """The entry of (X, Y, Z) at (P, M, K)."""
    _invert(_Z)
    _do(_TIMES, _I, _I, _HALF_OF_ONE)
    _normalise(_I)


def is_of_order_l(point: tuple[int, int]) -> bool:
    """True if L times the point is neutral."""
    _place(point)
    _entry()
    _place((0, 1))
    for bit in "{:b}".format(curve.L):
        run(_memory, 0, _DOUBLE)
        if bit == "1":
            run(_memory, 0, _PLUS)
    _do(_SUB, _Y, _Y, _Z)
    _do(_CARRY, _Y, _Y)
    return _get(_in_x) == 0 and _get(_in_y) == 0


def build(point: tuple[int, int], halves: tuple[bytearray, ...]) -> None:
    """Writes the table of `point` into two buffers of HALF bytes; takes 1,680 bytes meanwhile. See ed25519_plain."""
    spare = bytearray(2 * (TEETH - 1) * 120)  # the entries of 2 A[0] .. 2 A[6], then of A[0] .. A[6]
    _place(point)
    for j in range(TEETH - 1):
        _entry()
        words.store(spare, _in_p, TEETH - 1 + j)
        run(_memory, 0, _DOUBLE)
        _entry()
        words.store(spare, _in_p, j)
        for _ in range(COLUMNS - 1):
            run(_memory, 0, _DOUBLE)
    for j in range(TEETH - 1):
        words.load(_in_p, spare, spare, TEETH - 1 + j | 128)
        run(_memory, 0, _PLUS)
    for first in range(0, ENTRIES, _BATCH):
        _walk(spare, halves, first)
        _settle(halves, first)


def _walk(spare: bytearray, halves: tuple[bytearray, ...], first: int) -> None:
    """_BATCH sums in Gray code's order, as (X, Y, Z) in place of their entries, and the products of their Z."""
    for n in range(_BATCH):
        count = first + n
        index = count ^ count >> 1
        if count:
            j = 0  # the lowest bit set in `count` is the one that changed in `index`
            while not count >> j & 1:
                j += 1
            words.load(_in_p, spare, spare, j if index >> j & 1 else j | 128)
            run(_memory, 0, _PLUS)
        words.store(halves[index >> 6], _in_x, index & 63)
        if n:
            _do(_TIMES, _PREFIX + 80 * n, _PREFIX + 80 * (n - 1), _Z)
        else:
            _do(_CARRY, _PREFIX, _Z)


def _settle(halves: tuple[bytearray, ...], first: int) -> None:
    """Turns the (X, Y, Z) of a batch into entries with one inversion: 1/Z[n] = (Z[0] .. Z[n-1]) / (Z[0] .. Z[n])."""
    _invert(_PREFIX + 80 * (_BATCH - 1))
    _do(_TIMES, _I, _I, _HALF_OF_ONE)
    for n in range(_BATCH - 1, -1, -1):
        count = first + n
        index = count ^ count >> 1
        words.load(_in_p, halves[0], halves[1], index)
        inverse = _I
        if n:
            inverse = _R
            _do(_TIMES, _R, _I, _PREFIX + 80 * (n - 1))
            _do(_TIMES, _I, _I, _K)
        _do(_TIMES, _P, _P, inverse)
        _do(_TIMES, _M, _M, inverse)
        run(_memory, 0, _ENTRY)
        words.store(halves[index >> 6], _in_p, index & 63)
