"""The device under test: what a tester can do at a door and see of it, whatever it is made of.

A door is its jig (the hands: codes, contacts, power, what the bolt does), its console (what it says) and its journal.
What a target can't do it does not name in `capabilities`; a test that needs it is skipped there (`needs` marker).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from tools.hotel.trial import TrialDoor

SCAN, SENSE, BOLT, POWER, JOURNAL, HANG, CLOCK, LIGHT, CARD, SUPPLY = CAPABILITIES = (
    "scan", "sense", "bolt", "power", "journal", "hang", "clock", "light", "card", "supply",
)  # fmt: skip
PATIENCE = 10.0  # s
BOLT_MS = 500  # of the door under test


class DutError(Exception):
    """The door did not do what was waited for."""


class Jig(Protocol):
    """The hands around a door. Small on purpose: whatever drives a bench needs no more."""

    capabilities: frozenset[str]

    def scan(self, raw: bytes) -> None:
        """Let the barcode module's line carry these bytes."""

    def sense(self, name: str, value: int) -> None:
        """Move a contact (1 = active): door, bolt, motor, handle, privacy, tamper."""

    def power(self, on: bool) -> None:
        """Cut the door's power at once, or give it."""

    def pulses(self, least: int = 0) -> list[int]:
        """The bolt's pulses since the test began: how long each drove it, ms. One that lasts is not among them.

        least: wait until there are so many; DutError if they do not come.
        """

    def close(self) -> None:
        """Everything at rest."""


class Console(Protocol):
    """What the door says of itself, line by line."""

    def mark(self) -> int:
        """The place from which the next `wait` shall look."""

    def wait(self, wanted: Callable[[dict[str, Any]], bool], timeout: float = ..., since: int = ...) -> dict[str, Any]:
        """The first sight that is wanted; an exception after the timeout (s)."""


class Dut:
    """A door that was just provisioned for `trial` and has power."""

    def __init__(self, trial: TrialDoor, jig: Jig, console: Console, journal: Callable[[str, int], list[bytes]],
                 hang: Callable[[bool], None], more: frozenset[str]) -> None:
        """journal(kind, least): the lines of a kind, once there are so many. hang(on): stop the program; off: go on."""
        self.trial = trial
        self.jig = jig
        self._console = console
        self._journal = journal
        self._hang = hang
        self.capabilities = jig.capabilities | more

    def scan(self, code: str | bytes, until: str = "") -> str:
        """Hold a code before the scanner; the next verdict, or the next one that is `until`."""
        mark = self._console.mark()
        self.jig.scan((code.encode() if isinstance(code, str) else code) + b"\r")
        seen = self._console.wait(
            lambda sight: "verdict" in sight and str(sight["verdict"]).endswith(until), PATIENCE, since=mark
        )
        return str(seen["verdict"])

    def show(self, raw: bytes) -> None:
        """Let the scanner send bytes without waiting for an answer."""
        self.jig.scan(raw)

    def sense(self, name: str, value: int) -> None:
        """Move a contact."""
        self.jig.sense(name, value)

    @property
    def opens(self) -> int:
        """How often the bolt was pulsed; a pulse that lasts counts when it is over."""
        return len(self.jig.pulses())

    def pulses(self, least: int) -> list[int]:
        """The bolt's pulses, ms each, once there are so many."""
        return self.jig.pulses(least)

    def events(self, kind: str, least: int = 1) -> list[bytes]:
        """The journal's lines of a kind, once there are that many."""
        return self._journal(kind, least)

    def cut_power(self) -> None:
        """At once."""
        self.jig.power(False)

    def give_power(self) -> None:
        """And wait until the door is ready."""
        mark = self._console.mark()
        self.jig.power(True)
        self._console.wait(lambda sight: "ready" in sight, 3 * PATIENCE, since=mark)

    def hang(self) -> None:
        """Stop the program where it is, as a fault of the chip or of ours would."""
        self._hang(True)

    def revive(self) -> None:
        """Let it go on."""
        self._hang(False)

