"""What the door's flash wears: a scripted day of 300 events on the real firmware, each operation counted by its block.

Days are those of `tools/faults/flash.py`: the whole firmware in MicroPython, on flash in RAM that writes down what is
done to it, with a clock that the script moves. The store has the least size that there may be.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from tools.bench.figures import Figure, figure
from tools.faults import flash
from tools.hotel.trial import TrialDoor

if TYPE_CHECKING:
    from pathlib import Path

EVENTS = 300  # a day
ENDURANCE = 100_000  # erases of a block, by the parts' data sheets
_QUIET_MS = 2_600
_STEP_MS = 86_400_000 // EVENTS


def measure(folder: Path) -> dict[str, Figure]:
    """The measures of wear by name."""
    erases, programs = _counts(folder)
    events = f"{EVENTS} events a day: 240 opens by codes up to an hour old, 4 generations; 3 policies"
    return {
        "door.erases_per_1000_events": figure([1000 * sum(erases.values()) / EVENTS], "", events),
        "door.flash_programs_per_event": figure([programs / EVENTS], "", events),
        "door.flash_worst_block_years": figure(
            [ENDURANCE / max(erases.values()) / 365], "years", f"{ENDURANCE} erases of the block that is erased most",
        ),
    }  # fmt: skip


def _counts(folder: Path) -> tuple[Counter[int], int]:
    """Erases by block, and programs, of the second of two days."""
    folder.mkdir()
    day = flash.Day(TrialDoor())
    day.boot()
    _fill(day, 0)
    day.does(mark="begun")
    _fill(day, 1)
    lines = [json.loads(line) for line in flash.play(folder, day).log.read_text().splitlines()]
    begun = next(n for n, line in enumerate(lines) if line[0] == "fact" and "mark" in line[1])
    erases = Counter(line[1] for line in lines[begun:] if line[0] == "e")
    return erases, sum(line[0] == "p" for line in lines[begun:])


def _fill(day: flash.Day, number: int) -> None:
    """A day's events, each acknowledged soon, spread over its hours."""
    for n in range(EVENTS):
        day.does(jump=_STEP_MS - _QUIET_MS)
        issued = (number * EVENTS + n) * _STEP_MS // 1000 - n * 37 % 60 * 60
        if n % 5 == 4:
            day.does(write="closed", wait=_QUIET_MS)
        else:
            day.generation += n % 75 == 1
            day.opens(once=n % 30 == 7, later=issued, wait=_QUIET_MS)
        if n % 100 == 50:
            day.policy()
        day.does(ack=0)
