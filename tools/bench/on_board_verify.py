# mypy: ignore-errors
# (this runs in MicroPython)
"""Runs in MicroPython, started by verify.py: pairs of times, and what one verification takes from the heap.

Its only argument is the number of pairs. Prints one line "engine NAME", one "pair TEXTBOOK_NS OURS_NS" for each
pair, one "heap BYTES" for each of five verifications, and one each "build US", "key US" for a new key.
"""

import gc
import sys
import time

import textbook

from companion.core import ed25519

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# RFC 8032's second key; a message as long as what a token signs, signed with that key (see verify.py).
KEY = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
MESSAGE = bytes(range(86))
OURS = 40  # verifications on our side of a pair, for one of the textbook's


def timed(verify: "Callable[..., bool]", *arguments: bytes, times: int = 1) -> int:
    """Nanoseconds for one call."""
    started = time.time_ns()
    for _ in range(times):
        if not verify(*arguments):
            raise AssertionError("a good signature was refused")
    return (time.time_ns() - started) // times


def main(pairs: int, signature: bytes) -> None:
    """Prints the figures."""
    started = time.time_ns()
    print("engine", ed25519.prepare())
    print("prepare", (time.time_ns() - started) // 1000)
    started = time.time_ns()
    verifier = ed25519.Verifier(KEY)
    print("key", (time.time_ns() - started) // 1000)
    print("build", timed(verifier.verify, MESSAGE, signature) // 1000)
    verify = verifier.verify
    timed(verify, MESSAGE, signature, times=3)
    for turn in range(pairs):
        if turn & 1:
            ours = timed(verify, MESSAGE, signature, times=OURS)
        theirs = timed(textbook.verify, KEY, MESSAGE, signature)
        if not turn & 1:
            ours = timed(verify, MESSAGE, signature, times=OURS)
        print("pair", theirs, ours)
    gc.collect()
    gc.disable()  # nothing is given back meanwhile: the difference is all that was taken
    for _ in range(6):
        before = gc.mem_alloc()
        verify(MESSAGE, signature)
        after = gc.mem_alloc()
        print("heap", after - before)
    print("table", sum([len(part) for part in verifier.table()]) * 2)


main(int(sys.argv[1]), bytes.fromhex(sys.argv[2]))
