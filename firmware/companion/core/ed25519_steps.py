"""The programs of the field machine that the native engine runs: where elements lie, and the steps on them.

Nothing here is loaded on a board: tools/generate/native_data.py makes the programs of it that the firmware carries, and
the numbers stand where they are used.

Elements lie in the machine's memory (ed25519_field), 80 bytes each. Neighbours: (X, Y, Z, T), (U, V), (H, E), (G, F)
and (P, M, K) = ((y + x) / 2, (y - x) / 2, D x y), the entry at hand. From Q on lies what stays there.
"""

from array import array

X = 480
Y = 560
Z = 640
T = 720
U = 800
V = 880
H = 960
E = 1040
G = 1120
F = 1200
P = 1280
M = 1360
K = 1440
S = 1520
R = 1600
Q = 1680  # 4 D
I = 1760  # one over something
HALF_OF_ONE = 1840
ONE = 1920
NOTHING = 2000
PREFIX = 2080  # of eight entries, when a table is made
OF_B = 2720  # where operation 5 finds the tables: of the base point, of the key
OF_A = 2728
TURNS = 2736

# The machine's operations.
END = 0
TIMES = 1
BOTH = 2
SUB = 3
CARRY = 4
LOAD = 5
AGAIN = 6
OPPOSITE = 64


def steps() -> tuple:
    """The steps of a doubling, an addition, the making of an entry, and of the comb its start and its round."""
    # 2 (X, Y, Z, T): the formulas of curve.double with all four results negated, which is the same point.
    twice = (
        (TIMES, U, X, X),
        (TIMES, V, Y, Y),
        (BOTH, S, X, Y),
        (TIMES, S, S, S),
        (TIMES, R, Z, Z),
        (BOTH, H, V, U),  # H = y^2 + x^2, E = y^2 - x^2, here G's part
        (SUB, S, S, H),  # 2 x y, here E's part
        (BOTH, G, R, R),
        (SUB, F, G, E),
        (CARRY, F, F),
        (TIMES, X, S, F),
        (TIMES, Y, E, H),
        (TIMES, Z, F, E),
        (TIMES, T, S, H),
    )
    # (X, Y, Z, T) plus the entry at (P, M, K): curve.plus, every term halved.
    terms = (
        (BOTH, U, Y, X),
        (TIMES, U, U, P),
        (TIMES, V, V, M),
        (TIMES, R, T, K),
        (BOTH, H, U, V),
        (BOTH, G, Z, R),
        (TIMES, X, E, F),
        (TIMES, Y, G, H),
        (TIMES, Z, F, G),
    )
    plus = terms + ((TIMES, T, E, H),)
    # x / 2 and y / 2 at (P, M), 4 D at Q -> the entry at (P, M, K).
    to_entry = (
        (TIMES, K, P, M),
        (BOTH, U, M, P),
        (CARRY, P, U),
        (CARRY, M, V),
        (TIMES, K, K, Q),
    )
    # The entry at (P, M, K) as a point: x = P - M, y = P + M.
    start = (
        (BOTH, Y, P, M),
        (CARRY, X, Z),
        (CARRY, Y, Y),
        (CARRY, Z, ONE),
        (TIMES, T, X, Y),
    )
    # From the last column to the first: + B's entry, - A's. A doubling, which follows, does not ask for T.
    first = ((LOAD, P, OF_B),) + start + ((LOAD, P, OF_A, OPPOSITE),) + terms
    again = twice + ((LOAD, P, OF_B),) + plus + ((LOAD, P, OF_A, OPPOSITE),) + terms
    return twice, plus, to_entry, first, again


def programs() -> "list[array[int]]":
    """The machine's programs: doubling, addition, the making of an entry, and the whole comb."""
    twice, plus, to_entry, first, again = steps()
    comb = first + again + ((AGAIN, 0, TURNS, 8 * (len(again) + 1)),)
    return [_program(*each) for each in (twice, plus, to_entry, comb)]


def _program(*steps: tuple[int, ...]) -> "array[int]":
    """The machine's program of (operation, result, a, b) steps; b may be left out."""
    code = array("H")
    for operation, *places in steps + ((END,),):
        code.extend(array("H", ([operation] + places + [0, 0, 0])[:4]))
    return code
