"""The simulated door as a device under test: the real firmware on the simulated board."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.hil import dut
from tools.hotel.fitting import journal_of
from tools.hotel.trial import TrialDoor
from tools.virtual.companion import VirtualCompanion


class SimJig:
    """The hands of the harness."""

    capabilities = frozenset({dut.SCAN, dut.SENSE, dut.BOLT, dut.POWER})

    def __init__(self, companion: VirtualCompanion) -> None:
        self._companion = companion

    def scan(self, raw: bytes) -> None:
        """What the simulated module sends."""
        self._companion.scanner_bytes(raw)

    def sense(self, name: str, value: int) -> None:
        """A contact's level."""
        self._companion.sense(name, value)

    def power(self, on: bool) -> None:
        """The process dies at once, or begins."""
        if on:
            self._companion.start()
        else:
            self._companion.kill()

    def pulses(self, least: int = 0) -> list[int]:
        """As the harness, which is the bolt's driver, was asked for and has ended them."""
        if least:
            self._companion.wait(lambda _: len(self._over()) >= least, dut.PATIENCE)
        return self._over()

    def _over(self) -> list[int]:
        asked: list[int] = []
        ended = 0
        for sight in self._companion.observed[:]:
            if sight.get("bolt") == 1:
                asked.append(int(sight["for"]))
            elif sight.get("bolt") == 0:
                ended = len(asked)
        return asked[:ended]

    def close(self) -> None:
        """The harness is put away by whoever made it."""


class SimDut(dut.Dut):
    """A simulated door, which can do more than any bench."""

    def __init__(self, trial: TrialDoor, companion: VirtualCompanion) -> None:
        self.companion = companion
        more = frozenset({dut.JOURNAL, dut.HANG, dut.CLOCK, dut.LIGHT, dut.CARD, dut.SUPPLY})
        super().__init__(trial, SimJig(companion), companion, self._lines, self._stop, more)

    def advance(self, ms: int) -> None:
        """Move the board's clock forward."""
        self.companion.advance(ms)

    def card(self, number: str) -> None:
        """Let the lock's own reader read a card."""
        self.companion.card(number)

    def supply(self, mv: int) -> None:
        """Set the supply's voltage."""
        self.companion.supply(mv)

    def light(self) -> tuple[str, str]:
        """The colour and pattern that are shown."""
        shown = [sight for sight in self.companion.observed[:] if "light" in sight][-1]
        return str(shown["light"]), str(shown["pattern"])

    def _stop(self, on: bool) -> None:
        if self.companion.pid is not None:
            os.kill(self.companion.pid, signal.SIGSTOP if on else signal.SIGCONT)

    def _lines(self, kind: str, least: int) -> list[bytes]:
        mark = f'"kind":"{kind}"'.encode()
        found: list[bytes] = []
        # the board's own clock paces this: each look is an answer of the firmware, so no time is slept away
        until = time.monotonic() + dut.PATIENCE
        while time.monotonic() < until:
            found = [line for _tag, line in journal_of(self.companion.flash) if mark in line]
            if len(found) >= least:
                return found
            self.companion.ask("heap")
        raise dut.DutError(f"{len(found)} events of kind {kind} in the journal, not {least}")


@contextmanager
def simulated(folder: Path) -> Iterator[SimDut]:
    """A door that was just provisioned and has power."""
    trial = TrialDoor()
    image = trial.flash(folder / "door.img", settings={"bolt_ms": dut.BOLT_MS})
    with VirtualCompanion(image, log=folder / "door.log") as companion:
        yield SimDut(trial, companion)
