"""The door in the loop: one `dut` fixture, on the simulator or on a board at a serial port. docs/hil.md tells how."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools import pinout
from tools.hil.dut import CAPABILITIES
from tools.hil.sim import simulated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.hil.dut import Dut


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--target", default="sim", help="sim (default) or serial:/dev/ttyUSB0")
    parser.addoption("--jig", default="", help="the jig's port, for a serial target: /dev/ttyACM0")
    parser.addoption("--pins", default="wroom-1", help="the board's pin-out: a revision's name, or a file")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*capabilities): skipped where the target lacks one of them")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    target = metafunc.config.getoption("--target")
    if target != "sim" and not target.startswith("serial:"):
        raise pytest.UsageError(f"--target must be sim or serial:<device>, not {target}")


@pytest.fixture
def dut(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Dut]:
    """A door that was just provisioned and has power; the test is skipped if it can't do what the test needs."""
    needed = {word for mark in request.node.iter_markers("needs") for word in mark.args}
    assert needed <= set(CAPABILITIES), needed
    target = request.config.getoption("--target")
    making = simulated(tmp_path) if target == "sim" else _on_bench(request.config, target.removeprefix("serial:"))
    with making as door:
        missing = sorted(needed - door.capabilities)
        if missing:
            pytest.skip(f"{target} lacks {', '.join(missing)}")
        yield door


def _on_bench(config: pytest.Config, port: str):
    import serial

    from tools.hil.bench import on_bench

    named = config.getoption("--pins")
    profile = pinout.text_of(named) if named in pinout.names() else Path(named).read_text("utf-8")
    faults = pinout.faults(profile)
    if faults:
        raise pytest.UsageError(f"{named}: {faults[0]}")
    jig = config.getoption("--jig")
    return on_bench(port, profile, serial.Serial(jig, 115_200, timeout=2) if jig else None)
