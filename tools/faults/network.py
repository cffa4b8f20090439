"""The broker dies by kill -9 and the cable is pulled, again and again, while the door opens."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tools.faults.rig import rig

if TYPE_CHECKING:
    from tools.faults.tally import Tally

ROUNDS = 8
_SCANS = 12
_HOME = 100  # s: what a dead broker had acknowledged is said again after a minute


def run(tally: Tally, rounds: int = ROUNDS, seed: int = 2) -> None:
    """Even rounds kill the broker amid the scans, odd ones pull the cable; every code must open all the same."""
    dice = random.Random(seed)
    with rig() as hotel:
        for turn in range(rounds):
            before = hotel.door.companion.opens
            cut, back = sorted(dice.sample(range(_SCANS + 1), 2))
            hotel.scan_many(cut)
            if turn % 2 == 0:
                hotel.broker.kill()
            else:
                hotel.door.cable.pull()
            tally.fault()
            hotel.scan_many(back - cut)
            if turn % 2 == 0:
                hotel.broker_returns()
            else:
                hotel.door.cable.plug()
            hotel.scan_many(_SCANS - back)
            opened = hotel.door.companion.opens - before
            tally.check(opened == _SCANS, f"round {turn + 1}: {opened} of {_SCANS} good codes opened")
            print(f"  round {turn + 1}: {'broker killed' if turn % 2 == 0 else 'cable pulled'}, {opened} opened",
                  flush=True)
        hotel.settle(tally, _HOME)
