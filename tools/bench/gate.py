"""The gate on 32-bit MicroPython with a board's heap: 151 characters in, verdict out, and what junk costs it."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tools.bench.figures import figure
from tools.bench.meter import Frozen, Meter
from tools.hotel.trial import TrialDoor

if TYPE_CHECKING:
    from tools.bench.figures import Figure

PAIRS = 15
FULL = 20
JUNK = 200
SOAK = 20_000
BASELINE = "one verification by the frozen d4 8/1, same run"
_FREE = re.compile(r"GC: total: \d+, used: \d+, free: (\d+)")
_BLOCKS = re.compile(r"max free sz: (\d+)")
_BLOCK_BYTES = 16  # of the collector's blocks, 32-bit words


def lay_out(folder: Path) -> None:
    """A door's config and policy, and what is presented to it with the verdict that it must get."""
    trial = TrialDoor()
    for name, content in trial.files().items():
        (folder / name.lstrip("/")).write_bytes(content)
    good = trial.token()
    tokens = {
        "full": (good, "open"),
        "other_slot": (trial.token(kind=4, slot=4), "open"),
        "malformed": (good[:-3] + ":::", "malformed"),
        "wrong_door": (trial.token(door=802), "wrong_door"),
        "expired": (trial.token(begins=trial.made_at - 9000), "expired"),
    }
    clock = [trial.made_at + 10, trial.made_at + 12]
    (folder / "tokens.json").write_text(json.dumps({"clock": clock, "tokens": tokens}), "utf-8")


class GateMeter(Meter):
    """on_board_gate.py, with what lies in a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__("on_board_gate", arguments=[str(folder)])

    def soaked(self, times: int) -> tuple[int, int]:
        """By how many bytes free heap and largest free block differ after so many verifications and scans of junk."""
        free, blocks = [], []
        line = self.ask(f"soak {times}")
        while line != "done":
            free += _FREE.findall(line)
            blocks += _BLOCKS.findall(line)
            line = self.listen()
        before, after = (int(each) for each in free)
        block_before, block_after = (int(each) for each in blocks)
        return after - before, (block_after - block_before) * _BLOCK_BYTES


def measure() -> dict[str, Figure]:
    """The measures by name."""
    with tempfile.TemporaryDirectory(prefix="lockmate-bench-") as name:
        folder = Path(name)
        lay_out(folder)
        with GateMeter(folder) as board, Frozen() as frozen:
            full: list[float] = []
            junk: dict[str, list[float]] = {"malformed": [], "wrong_door": [], "expired": []}
            switch: list[float] = []
            for turn in range(PAIRS):
                verification = frozen.ns() if turn % 2 else 0.0
                ours = board.cpu_ns(f"full {FULL}", FULL)
                refused = {kind: board.cpu_ns(f"{kind} {JUNK}", JUNK) for kind in junk}
                board.ask("full 1")  # its key's table is the one in RAM
                switch.append(board.cpu_ns("other_slot 1") / 1e6)
                verification = verification or frozen.ns()
                full.append(ours / verification)
                for kind, ns in refused.items():
                    junk[kind].append(ns / verification)
            free, block = board.soaked(SOAK)
            made = board.cpu_ns("make") / 1e6
    figures = {f"gate.{kind}_over_verify": figure(ratios, "x", BASELINE) for kind, ratios in junk.items()}
    worst = max(figures.values(), key=lambda each: each["value"])
    soaked = f"after {SOAK} verifications with junk between them"
    return {
        "gate.full_over_verify": figure(full, "x", BASELINE),
        "gate.junk_over_verify": worst,
        **figures,
        "gate.switch_ms": figure(switch, "ms", "the key's table is on the file system, another one in RAM"),
        "gate.make_ms": figure([made], "ms", "the key's table is nowhere yet, a bad moment that the keeper prevents"),
        "gate.heap_drift_bytes": figure([float(free)], "B", soaked),
        "gate.free_block_drift_bytes": figure([float(block)], "B", soaked),
    }
