"""The comb for a fixed key in native code on 32-bit words: the method of ed25519_plain on the field machine.

A verification takes 36 doublings and 73 additions, 764 products, in one call of the machine, and no memory from the
heap. The inverse that the encoding of the result needs is made by division steps, worth about sixty products.

Table entries are halved, ((y + x) / 2, (y - x) / 2, D x y), which halves all of an addition's terms and saves the
doubling of Z. Tables are made by ed25519_make, which is there only while one is made.
"""

from array import array

import uctypes

from companion.core import ed25519_words as words
from companion.core import sha512_viper as sha
from companion.core.ed25519_field import run
from companion.core.ed25519_steps import (
    CARRY,
    NOTHING,
    OF_A,
    OF_B,
    PREFIX,
    SUB,
    TIMES,
    TURNS,
    I,
    Q,
    X,
    Y,
    Z,
)
from companion.core.ed25519_tables import COLUMNS, ENTRIES
from companion.core.native_data import BASE_TABLE, COMB, DOUBLE, ELEMENTS, END, PRODUCT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from companion.core.ed25519_tables import Maker

NAME = "viper"
ENTRY = 120  # bytes: sixty 16-bit numbers
TABLE = ENTRIES * ENTRY

memory = sha.memory  # TURNS + 4 bytes; a digest is made in the elements up to R and in the prefixes


def view(place: int) -> memoryview:
    """The memory from `place` on."""
    return memoryview(memory)[place:]


# The comb's columns of both scalars, see words.recode.
columns_of_a = bytearray(COLUMNS)
columns_of_b = bytearray(COLUMNS)
_comb = sha.data[COMB:END]

# What words.invert begins with, in 18 limbs of 15 bits: d = 0, e = 1, f = P; g comes after it.
_BEGIN = bytes(72) + b"\x01" + bytes(71) + b"\xed\xff\xff\xff" + bytes(64) + b"\x01" + bytes(3)

in_x, in_y, in_z, _in_i = [view(place) for place in (X, Y, Z, I)]
_in_g, aim_a, _aim_b = [view(place) for place in (216, OF_A, OF_B)]
_single = array("H", [0] * 8)  # a program of one step
_digest = bytearray(64)
number = bytearray(32)
_encoded = bytearray(32)
# L, the base point's order, after 33 bytes of scratch
_scalar = bytearray(33) + b"\xed\xd3\xf5\x5c\x1a\x63\x12\x58\xd6\x9c\xf7\xa2\xde\xf9\xde\x14" + bytes(15) + b"\x10"
_order = memoryview(_scalar)[33:]
low_order = bytes(_order[:16]) + bytes(16)
_NEUTRAL = b"\x01" + bytes(31)


def base() -> bytes | bytearray:
    """The base point's table where it lies in the firmware; a copy if that is an odd address."""
    return bytearray(BASE_TABLE) if uctypes.addressof(BASE_TABLE) & 1 else BASE_TABLE


def do(operation: int, result: int, a: int, b: int = 0) -> None:
    """One step of the machine."""
    code = _single
    code[0] = operation
    code[1] = result
    code[2] = a
    code[3] = b
    run(memory, 0, code)


def invert(element: memoryview) -> None:
    """The element at I = one over an element, which is carried and not 0."""
    sha.copy(memory, _BEGIN, 0, 216)  # an assignment to a slice would take memory
    words.regroup(_in_g, element, 13)
    negative = words.invert(memory, 0)
    words.regroup(_in_i, memory, 15)
    if negative:
        do(SUB, I, NOTHING, I)
    do(CARRY, I, I)


def take(columns: bytearray, scalar: bytes, at: int = 0) -> None:
    """Sets the comb's columns from a scalar of 32 bytes, which begin at `at`."""
    words.recode(columns, _scalar, scalar, at)


def combine(base: bytes | bytearray, key: bytes | bytearray) -> bytearray:
    """The encoding, in a buffer of ours, of [s]B - [k]A for the scalars taken."""
    words.aim(_aim_b, base, columns_of_b)
    words.aim(aim_a, key, columns_of_a)
    memory[TURNS] = COLUMNS - 1
    run(memory, 0, _comb)
    invert(in_z)
    do(TIMES, X, X, I)
    do(TIMES, Y, Y, I)
    words.pack(_encoded, in_x)
    sign = _encoded[0] & 1
    words.pack(_encoded, in_y)
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
    words.reduce(_digest, low_order)
    take(columns_of_a, _digest)
    take(columns_of_b, signature, 32)
    sha.copy(number, signature, 0, 32)  # R; a slice would take memory
    return combine(base, key) == number != _NEUTRAL


def _is_below_l(signature: bytes) -> bool:
    """True if the second half is a number below L."""
    for i in range(31, -1, -1):
        byte = signature[32 + i]
        if byte != _order[i]:
            return byte < _order[i]
    return False


def start() -> bool:
    """Sets the machine's constants and tries a product: False where a machine word is not what this code needs."""
    sha.copy(view(Q), sha.data[ELEMENTS:], 0, PREFIX - Q)
    do(SUB, Y, NOTHING, Q)
    do(TIMES, X, Y, Q)
    words.pack(number, in_x)
    return number == sha.data[PRODUCT:DOUBLE]


def maker() -> "Maker":
    """What makes tables."""
    from companion.core import ed25519_make  # it takes room on the heap: once in years for each key

    return ed25519_make
