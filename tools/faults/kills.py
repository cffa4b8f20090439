"""Power cuts at any moment: the companion is killed while it reads codes, and starts again on the same flash."""

from __future__ import annotations

import json
import random
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tools.hotel.fitting import journal_of
from tools.hotel.trial import TrialDoor
from tools.smoke.books import trail_faults
from tools.virtual.companion import CompanionError, VirtualCompanion

if TYPE_CHECKING:
    from tools.faults.tally import Tally

_CUT_MAX = 0.25  # s after the burst begins
_BURST = 12
_CUTS_A_DOOR = 15


class _Watch:
    """A door over its power cuts: what it showed, and what it therefore has to remember."""

    def __init__(self, trial: TrialDoor, companion: VirtualCompanion, tally: Tally) -> None:
        self.trial = trial
        self.companion = companion
        self.tally = tally
        self.generation = trial.generation
        self.sent = trial.generation  # the highest generation in any code so far
        self.used: list[str] = []  # once-tokens that opened
        self.opened = 0  # bolt pulses seen, over all boots
        self.top = 0  # highest seq seen

    def ask(self, code: str) -> str:
        """Scan and wait for the verdict."""
        mark = self.companion.mark()
        self.companion.scan(code)
        return str(self.companion.wait(lambda seen: "verdict" in seen, 10, since=mark)["verdict"])

    def burst_and_cut(self, dice: random.Random) -> None:
        """Many codes as fast as they go; the power fails somewhere among them."""
        sent = []
        mark = self.companion.mark()
        for n in range(_BURST):
            once = n % 3 == 2
            generation = self.generation + n // 4
            sent.append((generation, self.trial.token(generation=generation, once=once), once))
        cut_at = time.monotonic() + dice.uniform(0, _CUT_MAX)
        for generation, text, _once in sent:
            if time.monotonic() >= cut_at:
                break
            self.companion.scan(text)
            self.sent = max(self.sent, generation)
        # the moment of the cut is the fault: it must not depend on anything the door says
        time.sleep(max(0.0, cut_at - time.monotonic()))
        self.companion.kill()
        self.tally.fault()
        seen = self.companion.observed[mark:]
        self.opened += sum(1 for each in seen if each.get("bolt") == 1)
        verdicts = [each["verdict"] for each in seen if "verdict" in each]
        for (generation, text, once), verdict in zip(sent, verdicts, strict=False):
            if verdict == "open":
                self.generation = max(self.generation, generation)
                if once:
                    self.used.append(text)

    def look_after_boot(self, boot: int) -> None:
        """Everything that must be true of the door that just came back."""
        lines = journal_of(self.companion.flash)
        events = [{"tag": tag, "line": line, **json.loads(line)} for tag, line in lines]
        for wrong in trail_faults(events, self.trial.link_key):
            self.tally.check(False, f"boot {boot}: {wrong}")
        top = max((event["seq"] for event in events), default=0)
        self.tally.check(top > self.top, f"boot {boot}: the journal ends at {top}, it was at {self.top} before")
        self.top = top
        opened = sum(event["kind"] == "opened" for event in events)
        self.tally.check(opened >= self.opened, f"boot {boot}: the bolt moved {self.opened} times, {opened} are told")
        lost = [event for event in events if event["kind"] == "fault" and "beliefs" in event.get("code", "")]
        self.tally.check(not lost, f"boot {boot}: {len(lost)} times beliefs were lost or damaged")
        if self.generation > 1:
            verdict = self.ask(self.trial.token(generation=self.generation - 1))
            self.tally.check(verdict == "superseded", f"boot {boot}: generation {self.generation - 1} is {verdict} "
                             f"after {self.generation} opened")
        if self.used:
            verdict = self.ask(self.used[-1])
            self.tally.check(verdict in {"already_used", "superseded"},
                             f"boot {boot}: a once-token that had opened is {verdict}")
        mark = self.companion.mark()
        verdict = "superseded"
        # It may have learned a generation and lost power before it could tell: then a later one of the burst is good.
        for generation in range(self.generation, self.sent + 1):
            verdict = self.ask(self.trial.token(generation=generation))
            if verdict != "superseded":
                self.generation = generation
                break
        self.tally.check(verdict == "open", f"boot {boot}: a good code is {verdict}")
        self.opened += sum(1 for seen in self.companion.observed[mark:] if seen.get("bolt") == 1)


def run(tally: Tally, rounds: int, seed: int = 1) -> None:
    """`rounds` power cuts at random moments; now and then a new door, so that no journal without a cloud gets full."""
    dice = random.Random(seed)
    for begin in range(0, rounds, _CUTS_A_DOOR):
        _one_door(tally, dice, min(_CUTS_A_DOOR, rounds - begin))


def _one_door(tally: Tally, dice: random.Random, cuts: int) -> None:
    with tempfile.TemporaryDirectory(prefix="lockmate-faults-") as folder:
        trial = TrialDoor()
        companion = VirtualCompanion(trial.flash(Path(folder) / "door.img"), log=Path(folder) / "door.log")
        watch = _Watch(trial, companion, tally)
        try:
            companion.start()
            for boot in range(1, cuts + 1):
                watch.burst_and_cut(dice)
                companion.start()
                watch.look_after_boot(boot)
        except CompanionError as error:
            tally.check(False, f"the door did not come back: {error}")
        finally:
            companion.stop()
