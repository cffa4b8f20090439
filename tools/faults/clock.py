"""Random weeks of a door's clock among liars, over 2038: power cuts, a battery clock that jumps, a wrong year."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from tools.firmware_folder import FIRMWARE
from tools.virtual import firmware

if TYPE_CHECKING:
    from tools.faults.tally import Tally

ROUNDS = 3_000  # faults, for each word size
_PROGRAM = FIRMWARE / "tests" / "clock_weeks.py"


def run(tally: Tally, rounds: int = ROUNDS, seed: int | None = None) -> None:
    """The firmware's own clock in MicroPython, with 32- and with 64-bit words."""
    seed = int.from_bytes(os.urandom(3), "big") if seed is None else seed
    for word in (32, 64):
        print(f"  {word} bits, seed {seed}", flush=True)
        path = f"{FIRMWARE}:{FIRMWARE / 'tests'}:.frozen"
        done = subprocess.run(
            [firmware.binary(word), "-X", "heapsize=4M", _PROGRAM, str(rounds), str(seed)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "MICROPYPATH": path},
            check=False,
        )  # fmt: skip
        lines = done.stdout.splitlines()
        tally.check(done.returncode == 0 and lines, f"{word} bits: it ended with {done.returncode}: {lines[-5:]}")
        for line in lines[:-1]:
            tally.check(False, f"{word} bits: {line}")
        if done.returncode == 0:
            steps, checks, faults = map(int, lines[-1].split())
            tally.tried += faults
            tally.checks += checks
            print(f"  {word} bits: {steps} steps, {checks} checks, {faults} faults", flush=True)
