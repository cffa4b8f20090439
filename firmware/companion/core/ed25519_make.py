"""Makes the comb tables of the native engine (ed25519_viper), and checks the keys that they are for.

Loaded while a table is made, and let go of after: a key needs it once in years.
"""

from companion.core import ed25519_curve as curve
from companion.core import ed25519_words as words
from companion.core.ed25519_field import run
from companion.core.ed25519_steps import (
    CARRY,
    HALF_OF_ONE,
    LOAD,
    OF_A,
    OPPOSITE,
    PREFIX,
    SUB,
    TIMES,
    I,
    K,
    M,
    P,
    R,
    T,
    X,
    Y,
    Z,
)
from companion.core.ed25519_tables import COLUMNS, ENTRIES, TEETH
from companion.core.ed25519_viper import ENTRY, aim_a, do, in_x, in_y, in_z, invert, memory, number, view
from companion.core.native_data import COMB, DOUBLE, PLUS, TO_ENTRY
from companion.core.sha512_viper import data

TYPE_CHECKING = False
if TYPE_CHECKING:
    from companion.core.ed25519_tables import Pieces

_BATCH = 8  # entries that share one inversion when a table is made, and that are handed out together
_double = data[DOUBLE:PLUS]
_plus = data[PLUS:TO_ENTRY]
_to_entry = data[TO_ENTRY:COMB]
_in_p = view(P)
_point = view(X)[:320]
_last_prefix = view(PREFIX + 80 * (_BATCH - 1))
_one_column = bytearray(COLUMNS)


def put(place: int, value: int) -> None:
    """The element at `place` = value (0 .. 2^255 - 1), carried."""
    for at in range(place, place + 80, 4):
        memory[at : at + 4] = (value & 8191).to_bytes(4, "little")
        value >>= 13
    do(CARRY, place, place)


def get(element: memoryview) -> int:
    """The carried element, fully reduced; its limbs change."""
    words.pack(number, element)
    return int.from_bytes(number, "little")


def _power(a: int, exponent: int) -> int:
    """a^exponent modulo P, on the machine."""
    put(P, a % curve.P)
    put(M, 1)
    for bit in "{:b}".format(exponent):
        do(TIMES, M, M, M)
        if bit == "1":
            do(TIMES, M, M, P)
    return get(view(M))


def decode(public_key: bytes) -> tuple[int, int] | None:
    """The point of a canonical encoding, or None."""
    return curve.decode(public_key, _power)


def _place(point: tuple[int, int]) -> None:
    """(X, Y, Z, T) = the affine point."""
    for place, value in zip((X, Y, Z, T), curve.extended(point)):
        put(place, value % curve.P)


def _normalise(inverse: int) -> None:
    """(X, Y), with half of 1/Z at `inverse` -> the entry at (P, M, K)."""
    do(TIMES, P, X, inverse)
    do(TIMES, M, Y, inverse)
    run(memory, 0, _to_entry)


def _entry() -> None:
    """The entry of (X, Y, Z) at (P, M, K)."""
    invert(in_z)
    do(TIMES, I, I, HALF_OF_ONE)
    _normalise(I)


def is_of_order_l(point: tuple[int, int]) -> bool:
    """True if L times the point is neutral."""
    _place(point)
    _entry()
    _place((0, 1))
    for bit in "{:b}".format(curve.L):
        run(memory, 0, _double)
        if bit == "1":
            run(memory, 0, _plus)
    do(SUB, Y, Y, Z)
    do(CARRY, Y, Y)
    return get(in_x) == 0 and get(in_y) == 0


def build(point: tuple[int, int], table: bytearray | None = None) -> "Pieces":
    """Makes the table of a point of order L in slices: yields (offset, piece), pieces of one size in order.

    A slice, of which some yield nothing, takes at most about half a verification's time, and leaves nothing in the
    machine: verifications may come between. The pieces lie in `table`, or are the same buffer each time. Nothing taken
    from the heap meanwhile is larger than that buffer, 960 bytes; with a table, than 720.
    """
    doubled = bytearray((TEETH - 1) * ENTRY)  # the entries of 2 A[0] .. 2 A[5]
    single = bytearray((TEETH - 1) * ENTRY)  # of A[0] .. A[5]
    sum_of = bytearray(320)
    _place(point)
    for j in range(TEETH - 1):
        _entry()
        words.store(single, _in_p, j)
        run(memory, 0, _double)
        _entry()
        words.store(doubled, _in_p, j)
        for _ in range(COLUMNS - 1):
            run(memory, 0, _double)
        sum_of[:] = _point
        yield 0, b""
        _point[:] = sum_of
    for j in range(TEETH - 1):
        _add(single, j | OPPOSITE)
    sum_of[:] = _point
    piece = memoryview(bytearray(_BATCH * ENTRY) if table is None else table)
    for first in range(0, ENTRIES, _BATCH):
        _point[:] = sum_of
        for j in range(TEETH - 1):
            if first >> j & 1:
                _add(doubled, j)
        if table is not None:
            piece = memoryview(table)[first * ENTRY : (first + _BATCH) * ENTRY]
        _walk(doubled, piece)
        _settle(piece)
        yield first * ENTRY, piece


def _take_entry(table: bytearray | memoryview, index: int) -> None:
    """(P, M, K) = the entry."""
    _one_column[COLUMNS - 1] = index
    words.aim(aim_a, table, _one_column)
    do(LOAD, P, OF_A)


def _add(table: bytearray, index: int) -> None:
    """(X, Y, Z, T) plus an entry."""
    _take_entry(table, index)
    run(memory, 0, _plus)


def _walk(doubled: bytearray, piece: memoryview) -> None:
    """_BATCH sums in Gray code's order, as (X, Y, Z) in place of their entries, and the products of their Z."""
    for count in range(_BATCH):
        index = count ^ count >> 1
        if count:
            j = 0  # the lowest bit set in `count` is the one that changed in `index`
            while not count >> j & 1:
                j += 1
            _add(doubled, j if index >> j & 1 else j | OPPOSITE)
            do(TIMES, PREFIX + 80 * count, PREFIX + 80 * (count - 1), Z)
        else:
            do(CARRY, PREFIX, Z)
        words.store(piece, in_x, index)


def _settle(piece: memoryview) -> None:
    """Turns the (X, Y, Z) of a batch into entries with one inversion: 1/Z[n] = (Z[0] .. Z[n-1]) / (Z[0] .. Z[n])."""
    invert(_last_prefix)
    do(TIMES, I, I, HALF_OF_ONE)
    for count in range(_BATCH - 1, -1, -1):
        index = count ^ count >> 1
        _take_entry(piece, index)
        inverse = I
        if count:
            inverse = R
            do(TIMES, R, I, PREFIX + 80 * (count - 1))
            do(TIMES, I, I, K)
        do(TIMES, P, P, inverse)
        do(TIMES, M, M, inverse)
        run(memory, 0, _to_entry)
        words.store(piece, _in_p, index)
