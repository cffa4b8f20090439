"""The door in the loop: one `dut` fixture, on the simulator or on a board at a serial port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from tools.hotel.fitting import journal_of
from tools.hotel.trial import TrialDoor
from tools.virtual.companion import CompanionError, VirtualCompanion

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PATIENCE = 10.0  # s


class Dut(Protocol):
    """A door under test: what a tester can do at it and see of it, whatever it is made of."""

    trial: TrialDoor

    @property
    def opens(self) -> int:
        """How often the bolt was pulsed."""

    def scan(self, code: str | bytes, until: str = "") -> str:
        """Hold a code before the scanner; the next verdict, or the next one that is `until`."""

    def show(self, raw: bytes) -> None:
        """Let the scanner send bytes without waiting for an answer."""

    def sense(self, name: str, value: int) -> None:
        """Move a contact."""

    def events(self, kind: str, least: int = 1) -> list[bytes]:
        """The journal's lines of a kind, once there are that many."""


class SimDut:
    """The real firmware on the simulated board."""

    def __init__(self, trial: TrialDoor, companion: VirtualCompanion) -> None:
        self.trial = trial
        self._companion = companion

    @property
    def opens(self) -> int:
        return self._companion.opens

    def scan(self, code: str | bytes, until: str = "") -> str:
        mark = self._companion.mark()
        self._companion.scan(code)
        return str(self._companion.wait(lambda seen: seen.get("verdict", "").endswith(until) and "verdict" in seen,
                                        _PATIENCE, since=mark)["verdict"])

    def show(self, raw: bytes) -> None:
        self._companion.scanner_bytes(raw)

    def sense(self, name: str, value: int) -> None:
        self._companion.sense(name, value)

    def advance(self, ms: int) -> None:
        self._companion.advance(ms)

    def events(self, kind: str, least: int = 1) -> list[bytes]:
        mark = f'"kind":"{kind}"'.encode()
        found: list[bytes] = []
        # the board's own clock paces this: each look is an answer of the firmware, so no time is slept away
        for _ in range(500):
            found = [line for _tag, line in journal_of(self._companion.flash) if mark in line]
            if len(found) >= least:
                return found
            self._companion.ask("heap")
        raise CompanionError(f"{len(found)} events of kind {kind} in the journal, not {least}")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--target", default="sim", help="sim (default) or serial:/dev/ttyUSB0")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    target = metafunc.config.getoption("--target")
    if target != "sim" and not target.startswith("serial:"):
        raise pytest.UsageError(f"--target must be sim or serial:<device>, not {target}")


@pytest.fixture
def dut(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Dut]:
    """A door that was just provisioned and has power."""
    target = request.config.getoption("--target")
    if target.startswith("serial:"):
        pytest.skip(f"{target}: a board is provisioned by the installer's tool, which this version does not have yet; "
                    "nothing was tested on hardware")
    trial = TrialDoor()
    with VirtualCompanion(trial.flash(tmp_path / "door.img"), log=tmp_path / "door.log") as companion:
        yield SimDut(trial, companion)
