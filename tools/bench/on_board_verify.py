# mypy: ignore-errors
# (this runs in MicroPython)
"""Runs in MicroPython, started by verify.py: answers each line of its input with one of our figures.

ours COUNT: says "done" after so many verifications; textbook: after one by the textbook; heap: bytes that each of five
verifications took from the heap; engine; table: bytes of both tables; prepare, key, make: microseconds that it took to
choose the engine (base point's table and known answers), to check a new key, and to make that key's table.
"""

import gc
import sys
import time

import textbook

from companion.core import ed25519

# RFC 8032's second key; a message as long as what a token signs, signed with that key (see verify.py).
KEY = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
MESSAGE = bytes(range(86))


def timed(work, *arguments, times=1):
    """Nanoseconds for one call, which must not say False."""
    started = time.time_ns()
    for _ in range(times):
        if work(*arguments) is False:
            raise AssertionError("a good signature was refused")
    return (time.time_ns() - started) // times


def heap(verify, signature):
    """Bytes taken by each of five verifications; nothing is given back meanwhile."""
    gc.collect()
    gc.disable()
    taken = []
    for _ in range(6):
        before = gc.mem_alloc()
        verify(MESSAGE, signature)
        taken.append(gc.mem_alloc() - before)
    gc.enable()
    return " ".join([str(each) for each in taken[1:]])  # the first is the measuring's own


def main(signature):
    """Answers until the input ends."""
    facts = {"prepare": timed(ed25519.prepare) // 1000}
    facts["engine"] = ed25519.engine()
    started = time.time_ns()
    verifier = ed25519.Verifier(KEY)
    facts["key"] = (time.time_ns() - started) // 1000
    facts["make"] = timed(verifier.verify, MESSAGE, signature) // 1000
    tables = ed25519._tables()
    facts["table"] = len(tables.base) + len(tables.of(KEY, None))
    print("ready")
    for line in sys.stdin:
        word, _, rest = line.strip().partition(" ")
        if word == "ours":
            timed(verifier.verify, MESSAGE, signature, times=int(rest))
            print("done")
        elif word == "textbook":
            timed(textbook.verify, KEY, MESSAGE, signature)
            print("done")
        elif word == "heap":
            print(heap(verifier.verify, signature))
        else:
            print(facts[word])


if __name__ == "__main__":
    main(bytes.fromhex(sys.argv[1]))
