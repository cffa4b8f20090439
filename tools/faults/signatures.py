"""Signatures that `cryptography` makes, and each of them spoilt in several ways, shown to every engine of the firmware.

A good one must be accepted, a spoilt one refused; what is spoilt, `cryptography` must refuse too, or the spoiling is at
fault. Engines run in MicroPython: the native one with 32-bit words, the plain one with both.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tools.virtual import firmware

if TYPE_CHECKING:
    from tools.faults.tally import Tally

ROUNDS = 10_000  # good signatures for each engine
RUNS = ((32, "viper"), (32, "plain"), (64, "plain"))
_A_KEY = 200  # signatures of one key, whose table is then made anew
_SPOILT = 5  # of each good one
_BATCH = 100  # lines asked before the answers are read; they fit into a pipe
_PROGRAM = Path(__file__).with_name("on_board_signatures.py")
L = 2**252 + 27742317777372353535851937790883648493
P = 2**255 - 19
# The points of small order: their y, with either sign; some of these encodings are not canonical.
_SMALL_Y = (0, 1, P - 1, P, P + 1, 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
            0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7)  # fmt: skip

Case = tuple[bytes, bytes, bytes]  # key, message, signature


def _bit(data: bytes, dice: random.Random) -> bytes:
    place = dice.randrange(8 * len(data))
    return data[: place // 8] + bytes([data[place // 8] ^ 1 << place % 8]) + data[place // 8 + 1 :]


def _with_s(case: Case, s: int) -> Case:
    return case[0], case[1], case[2][:32] + (s % 2**256).to_bytes(32, "little")


def _with_r(case: Case, r: int) -> Case:
    return case[0], case[1], (r % 2**256).to_bytes(32, "little") + case[2][32:]


def _s(case: Case) -> int:
    return int.from_bytes(case[2][32:], "little")


WAYS: tuple[Callable[[Case, random.Random], Case], ...] = (
    lambda case, dice: (case[0], case[1], _bit(case[2], dice)),
    lambda case, dice: (case[0], _bit(case[1], dice) if case[1] else b"\0", case[2]),
    lambda case, dice: (case[0], case[1] + dice.randbytes(1), case[2]),
    lambda case, dice: (case[0], case[1], dice.randbytes(64)),
    lambda case, dice: (case[0], case[1], dice.randbytes(32) + case[2][32:]),
    lambda case, dice: (case[0], case[1], case[2][:32] + dice.randrange(L).to_bytes(32, "little")),
    lambda case, dice: (case[0], case[1], case[2][: dice.randrange(64)]),
    lambda case, dice: (case[0], case[1], case[2] + dice.randbytes(dice.randrange(1, 4))),
    lambda case, dice: _with_s(case, _s(case) + dice.randrange(1, 15) * L),
    lambda case, dice: _with_s(case, dice.choice((0, 1, L - 1, L, L + 1, 2**252, 2**253 - 1, 2**255, 2**256 - 1))),
    lambda case, _: _with_s(case, L - _s(case)),
    lambda case, dice: _with_s(case, _s(case) + dice.choice((-1, 1))),
    lambda case, dice: _with_s(case, _s(case) | 1 << dice.randrange(253, 256)),
    lambda case, _: _with_r(case, int.from_bytes(case[2][:32], "little") ^ 1 << 255),
    lambda case, dice: _with_r(case, dice.choice(_SMALL_Y) | dice.randrange(2) << 255),
    lambda case, dice: _with_r(case, P + dice.randrange(19) | dice.randrange(2) << 255),
    lambda case, _: (case[0], case[1], case[2][32:] + case[2][:32]),
)


def accepts(case: Case) -> bool:
    """The verdict of `cryptography`."""
    try:
        Ed25519PublicKey.from_public_bytes(case[0]).verify(case[2], case[1])
    except (InvalidSignature, ValueError):
        return False
    return True


def cases(count: int, dice: random.Random) -> Iterator[tuple[Case, bool]]:
    """`count` good signatures, each with its spoilt ones after it, and whether they are good."""
    for n in range(count):
        if n % _A_KEY == 0:
            key = Ed25519PrivateKey.from_private_bytes(dice.randbytes(32))
            public = key.public_key().public_bytes_raw()
        message = dice.randbytes(86 if n % 2 else dice.randrange(300))
        good = (public, message, key.sign(message))
        yield good, True
        for way in dice.sample(WAYS, _SPOILT):
            yield way(good, dice), False


def run(tally: Tally, rounds: int) -> None:
    """All engines, each with its own signatures."""
    for word, engine in RUNS:
        seed = int.from_bytes(os.urandom(8), "big")
        print(f"  {engine}, {word} bits: {rounds} signatures, {_SPOILT} spoilt ones of each, seed {seed}", flush=True)
        _try(tally, rounds, word, engine, random.Random(seed))


def _try(tally: Tally, rounds: int, word: int, engine: str, dice: random.Random) -> None:
    with subprocess.Popen(
        [firmware.binary(word), "-X", "heapsize=256K", _PROGRAM, engine],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "MICROPYPATH": firmware.search_path(word)},
    ) as board:  # fmt: skip
        if board.stdin is None or board.stdout is None:
            raise RuntimeError("no pipes")
        chosen = board.stdout.readline().strip()
        tally.check(chosen == engine, f"{word} bits: the engine is {chosen}, not {engine}")
        waiting: list[tuple[Case, bool]] = []

        def settle() -> None:
            for case, good in waiting:
                said = board.stdout.readline().strip() if board.stdout else ""
                facts = f"{engine}, {word} bits: {'good' if good else 'spoilt'} signature, said {said!r}: " + " ".join(
                    part.hex() or "-" for part in case
                )
                tally.check(said == str(int(good)), facts)
                if not good:
                    tally.fault()
                    tally.check(not accepts(case), "cryptography accepts what was spoilt: " + facts)
            waiting.clear()

        for case, good in cases(rounds, dice):
            board.stdin.write(" ".join(part.hex() or "-" for part in case) + "\n")
            waiting.append((case, good))
            if len(waiting) == _BATCH:
                board.stdin.flush()
                settle()
        board.stdin.flush()
        settle()
        board.stdin.close()
