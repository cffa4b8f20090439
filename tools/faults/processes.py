"""Workers die by kill -9: ingest while events pour in, delivery while policies go out."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from lockmate import properties
from lockmate.doors import policies
from tools.faults.rig import ROOM, rig
from tools.smoke.report import StepError

if TYPE_CHECKING:
    from tools.faults.rig import Rig
    from tools.faults.tally import Tally

ROUNDS = 8
_SCANS = 15
_POLICIES = 4
_HOME = 100  # s


def run(tally: Tally, rounds: int = ROUNDS, seed: int = 3) -> None:
    """Even rounds kill ingest, odd ones delivery; nothing may be lost or doubled, and the last policy must arrive."""
    dice = random.Random(seed)
    with rig() as hotel:
        for turn in range(rounds):
            if turn % 2 == 0:
                _ingest_dies(hotel, dice)
            else:
                _delivery_dies(hotel, tally, turn, dice)
            tally.fault()
            print(f"  round {turn + 1}: {'ingest' if turn % 2 == 0 else 'delivery'} killed", flush=True)
        hotel.settle(tally, _HOME)


def _ingest_dies(hotel: Rig, dice: random.Random) -> None:
    dies = dice.randrange(_SCANS)
    hotel.scan_many(dies)
    time.sleep(dice.uniform(0, 0.03))  # the fault's moment: between a message's arrival and its commit, or after it
    hotel.ingest.kill()
    hotel.scan_many(_SCANS - dies)
    hotel.ingest.start()


def _delivery_dies(hotel: Rig, tally: Tally, turn: int, dice: random.Random) -> None:
    door = properties.door_of(hotel.property, ROOM)
    for number in range(_POLICIES):
        policies.publish(door)
        if number == _POLICIES // 2:
            time.sleep(dice.uniform(0, 0.3))
            hotel.delivery.kill()
    hotel.delivery.start()
    try:
        hotel.door.comes_in_step(60)
        tally.check(True, "")
    except StepError as late:
        journal = "\n".join(line.decode() for line in hotel.door.journal_lines()[-4:])
        said = f"journal:\n{journal}\ningest:\n{hotel.ingest.tail(12)}\ndelivery:\n{hotel.delivery.tail(12)}"
        tally.check(False, f"round {turn + 1}: {late}\n{said}")
