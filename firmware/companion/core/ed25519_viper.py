"""The comb for a fixed key in native code on 32-bit words: the method of ed25519_plain on the field machine.

A verification takes 36 doublings and 73 additions, 764 products, in one call of the machine, and no memory from the
heap. The inverse that the encoding of the result needs is made by division steps, worth about sixty products.

Table entries are halved, ((y + x) / 2, (y - x) / 2, D x y), which halves all of an addition's terms and saves the
doubling of Z.
"""

from array import array

from companion.core import ed25519_curve as curve
from companion.core import ed25519_words as words
from companion.core import sha512_viper as sha
from companion.core.ed25519_base import TABLE as BASE_TABLE
from companion.core.ed25519_field import run
from companion.core.ed25519_tables import COLUMNS, ENTRIES, TEETH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from companion.core.ed25519_tables import Pieces

NAME = "viper"
_ENTRY = 120  # bytes: sixty 16-bit numbers
TABLE = ENTRIES * _ENTRY
_BATCH = 8  # entries that share one inversion when a table is made, and that are handed out together

# Byte offsets of the elements from the start of the machine's memory. Neighbours: (X, Y, Z, T), (U, V), (H, E), (G, F)
# and (P, M, K) = ((y + x) / 2, (y - x) / 2, D x y), the entry at hand.
_FIRST = 480
_X, _Y, _Z, _T, _U, _V, _H, _E, _G, _F, _P, _M, _K, _S, _R, _Q = range(_FIRST, _FIRST + 16 * 80, 80)
_I, _HALF_OF_ONE, _ONE, _NOTHING, _PREFIX = range(_Q + 80, _Q + 6 * 80, 80)
_OF_B = _PREFIX + 80 * _BATCH  # where operation 5 finds the tables: of the base point, of the key
_OF_A = _OF_B + 8
_TURNS = _OF_A + 8
_memory = sha.memory  # _TURNS + 4 bytes; a digest is made in the elements up to _R and in the prefixes

# The machine's operations.
_END, _TIMES, _BOTH, _SUB, _CARRY, _LOAD, _AGAIN = range(7)
_OPPOSITE = 64


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

def steps() -> tuple:
    """The steps of a doubling, an addition, the making of an entry, and of the comb its start and its round."""
    # 2 (X, Y, Z, T): the formulas of curve.double with all four results negated, which is the same point.
    twice = (
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
    terms = (
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
    plus = terms + ((_TIMES, _T, _E, _H),)
    # x / 2 and y / 2 at (P, M), 4 D at Q -> the entry at (P, M, K).
    to_entry = (
        (_TIMES, _K, _P, _M),
        (_BOTH, _U, _M, _P),
        (_CARRY, _P, _U),
        (_CARRY, _M, _V),
        (_TIMES, _K, _K, _Q),
    )
    # The entry at (P, M, K) as a point: x = P - M, y = P + M.
    start = (
        (_BOTH, _Y, _P, _M),
        (_CARRY, _X, _Z),
        (_CARRY, _Y, _Y),
        (_CARRY, _Z, _ONE),
        (_TIMES, _T, _X, _Y),
    )
    # From the last column to the first: + B's entry, - A's. A doubling, which follows, does not ask for T.
    first = ((_LOAD, _P, _OF_B),) + start + ((_LOAD, _P, _OF_A, _OPPOSITE),) + terms
    again = twice + ((_LOAD, _P, _OF_B),) + plus + ((_LOAD, _P, _OF_A, _OPPOSITE),) + terms
    return twice, plus, to_entry, first, again


def _programs() -> "list[array[int]]":
    """The machine's programs: doubling, addition, the making of an entry, and the whole comb."""
    twice, plus, to_entry, first, again = steps()
    comb = first + again + ((_AGAIN, 0, _TURNS, 8 * (len(again) + 1)),)
    return [_program(*each) for each in (twice, plus, to_entry, comb)]


_DOUBLE, _PLUS, _TO_ENTRY, _COMB = _programs()

# What words.invert begins with, in 18 limbs of 15 bits: d = 0, e = 1, f = P; g comes after it.
_BEGIN = bytes(72) + b"\x01" + bytes(71) + b"\xed\xff\xff\xff" + bytes(64) + b"\x01" + bytes(3)

_in_x, _in_y, _in_z, _in_p, _in_i = [_view(place) for place in (_X, _Y, _Z, _P, _I)]
_in_g, _aim_a, _aim_b = [_view(place) for place in (216, _OF_A, _OF_B)]
_point = memoryview(_memory)[_X : _X + 320]
_last_prefix = _view(_PREFIX + 80 * (_BATCH - 1))
_one_column = bytearray(COLUMNS)
_single = array("H", [0] * 8)  # a program of one step
_digest = bytearray(64)
_number = bytearray(32)
_encoded = bytearray(32)
_order = curve.L.to_bytes(32, "little")
_scalar = bytearray(33) + _order
_low_order = _order[:16] + bytes(16)
_NEUTRAL = b"\x01" + bytes(31)


def base() -> bytes | bytearray:
    """The base point's table where it lies in the firmware; a copy if that is an odd address."""
    words.aim(_aim_b, BASE_TABLE, OF_B)
    return bytearray(BASE_TABLE) if _memory[_OF_B] & 1 else BASE_TABLE


def _do(operation: int, result: int, a: int, b: int = 0) -> None:
    """One step of the machine."""
    code = _single
    code[0] = operation
    code[1] = result
    code[2] = a
    code[3] = b
    run(_memory, 0, code)


def _invert(element: memoryview) -> None:
    """The element at I = one over an element, which is carried and not 0."""
    sha.copy(_memory, _BEGIN, 0, 216)  # an assignment to a slice would take memory
    words.regroup(_in_g, element, 13)
    negative = words.invert(_memory, 0)
    words.regroup(_in_i, _memory, 15)
    if negative:
        _do(_SUB, _I, _NOTHING, _I)
    _do(_CARRY, _I, _I)


def take(columns: bytearray, scalar: bytes, at: int = 0) -> None:
    """Sets the comb's columns, OF_A or OF_B, from a scalar of 32 bytes, which begin at `at`."""
    words.recode(columns, _scalar, scalar, at)


def combine(base: bytes | bytearray, key: bytes | bytearray) -> bytearray:
    """The encoding, in a buffer of ours, of [s]B - [k]A for the scalars taken."""
    words.aim(_aim_b, base, OF_B)
    words.aim(_aim_a, key, OF_A)
    _memory[_TURNS] = COLUMNS - 1
    run(_memory, 0, _COMB)
    _invert(_in_z)
    _do(_TIMES, _X, _X, _I)
    _do(_TIMES, _Y, _Y, _I)
    words.pack(_encoded, _in_x)
    sign = _encoded[0] & 1
    words.pack(_encoded, _in_y)
    _encoded[31] |= sign << 7
    return _encoded


def holds(
    base: bytes | bytearray,
    key: bytes | bytearray,
    public_key: bytes,
    message: bytes,
    signature: bytes,
    rest: bytes | memoryview = b"",
) -> bool:
    """True if S < L, R is not neutral and R is the encoding of [S]B - [k]A; `key` is the table of A, `base` of B.

    What is signed is `message` and then `rest`.
    """
    if not _is_below_l(signature):
        return False
    sha.begin()
    sha.add(signature, 32)
    sha.add(public_key, 32)
    sha.add(message, len(message))
    sha.add(rest, len(rest))
    sha.finish(_digest)
    words.reduce(_digest, _low_order)
    take(OF_A, _digest)
    take(OF_B, signature, 32)
    sha.copy(_number, signature, 0, 32)  # R; a slice would take memory
    return combine(base, key) == _number != _NEUTRAL


def _is_below_l(signature: bytes) -> bool:
    """True if the second half is a number below L."""
    for i in range(31, -1, -1):
        byte = signature[32 + i]
        if byte != _order[i]:
            return byte < _order[i]
    return False


def start() -> bool:
    """Sets the machine's constants and tries one product: False where a machine word is not what this code needs."""
    _put(_ONE, 1)
    _put(_HALF_OF_ONE, (curve.P + 1) // 2)
    _put(_Q, 4 * curve.D % curve.P)
    _put(_NOTHING, 0)
    a = curve.BASE[0]
    _put(_X, a)
    _do(_SUB, _Y, _NOTHING, _X)
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
    run(_memory, 0, _TO_ENTRY)


def _entry() -> None:
    """The entry of (X, Y, Z) at (P, M, K)."""
    _invert(_in_z)
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


def build(point: tuple[int, int]) -> "Pieces":
    """Makes the table of a point of order L in slices: yields (offset, piece), pieces of one size in order.

    A slice, of which some yield nothing, takes at most about half a verification's time, and leaves nothing in the
    machine: verifications may come between. `piece` is the same buffer each time. Takes 3.2 KB meanwhile.
    """
    known = bytearray(2 * (TEETH - 1) * _ENTRY)  # the entries of 2 A[0] .. 2 A[5], then of A[0] .. A[5]
    sum_of = bytearray(320)
    piece = bytearray(_BATCH * _ENTRY)
    _place(point)
    for j in range(TEETH - 1):
        _entry()
        words.store(known, _in_p, TEETH - 1 + j)
        run(_memory, 0, _DOUBLE)
        _entry()
        words.store(known, _in_p, j)
        for _ in range(COLUMNS - 1):
            run(_memory, 0, _DOUBLE)
        sum_of[:] = _point
        yield 0, b""
        _point[:] = sum_of
    for j in range(TEETH - 1):
        _add(known, TEETH - 1 + j | _OPPOSITE)
    sum_of[:] = _point
    for first in range(0, ENTRIES, _BATCH):
        _point[:] = sum_of
        for j in range(TEETH - 1):
            if first >> j & 1:
                _add(known, j)
        _walk(known, piece)
        _settle(piece)
        yield first * _ENTRY, piece


def _take_entry(table: bytearray, index: int) -> None:
    """(P, M, K) = the entry."""
    _one_column[COLUMNS - 1] = index
    words.aim(_aim_a, table, _one_column)
    _do(_LOAD, _P, _OF_A)


def _add(table: bytearray, index: int) -> None:
    """(X, Y, Z, T) plus an entry."""
    _take_entry(table, index)
    run(_memory, 0, _PLUS)


def _walk(known: bytearray, piece: bytearray) -> None:
    """_BATCH sums in Gray code's order, as (X, Y, Z) in place of their entries, and the products of their Z."""
    for count in range(_BATCH):
        index = count ^ count >> 1
        if count:
            j = 0  # the lowest bit set in `count` is the one that changed in `index`
            while not count >> j & 1:
                j += 1
            _add(known, j if index >> j & 1 else j | _OPPOSITE)
            _do(_TIMES, _PREFIX + 80 * count, _PREFIX + 80 * (count - 1), _Z)
        else:
            _do(_CARRY, _PREFIX, _Z)
        words.store(piece, _in_x, index)


def _settle(piece: bytearray) -> None:
    """Turns the (X, Y, Z) of a batch into entries with one inversion: 1/Z[n] = (Z[0] .. Z[n-1]) / (Z[0] .. Z[n])."""
    _invert(_last_prefix)
    _do(_TIMES, _I, _I, _HALF_OF_ONE)
    for count in range(_BATCH - 1, -1, -1):
        index = count ^ count >> 1
        _take_entry(piece, index)
        inverse = _I
        if count:
            inverse = _R
            _do(_TIMES, _R, _I, _PREFIX + 80 * (count - 1))
            _do(_TIMES, _I, _I, _K)
        _do(_TIMES, _P, _P, inverse)
        _do(_TIMES, _M, _M, inverse)
        run(_memory, 0, _TO_ENTRY)
        words.store(piece, _in_p, index)
