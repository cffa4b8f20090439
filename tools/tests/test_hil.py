"""The bench's own parts: the jig's program and its far end, and a board that is made a trial's door over its cable."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import pinout
from tools.firmware_archive import FirmwareImage
from tools.firmware_folder import FIRMWARE
from tools.hil import bench, dut
from tools.hil.jig import BenchJig
from tools.hotel.trial import TrialDoor
from tools.installer import partitions
from tools.installer.board import open_board
from tools.virtual.companion import VirtualCompanion
from tools.virtual.firmware import binary
from tools.virtual_board.board import FLASH, VirtualBoard

JIG = Path(bench.__file__).parent / "on_jig"
# A Pico's pins as far as the jig uses them; its bolt input follows its own power pin, so that a test can move it.
MACHINE = """
import sys
sent = []
class Pin:
    IN = 0; OUT = 1; OPEN_DRAIN = 2; PULL_DOWN = 1; IRQ_RISING = 1; IRQ_FALLING = 2
    made = {}
    def __init__(self, number, mode=None, pull=None, value=None):
        assert mode is None or number not in Pin.made, number
        self.mode, self.level, self.handler = mode, value or 0, None
        if mode is not None:
            Pin.made[number] = self
    def value(self, level=None):
        if level is None:
            return self.level
        assert self.mode in (Pin.OUT, Pin.OPEN_DRAIN) and level in (0, 1)
        self.level = level
        if self is Pin.made.get(3) and 2 in Pin.made:
            Pin.made[2].level = level
            Pin.made[2].handler(Pin.made[2])
    def irq(self, handler, trigger):
        self.handler = handler
class UART:
    def __init__(self, number, baudrate, tx, rx):
        assert baudrate == 57600
    def write(self, data):
        sys.stderr.write(data.hex() + "\\n")
"""


class Pipe:
    """A jig's program in MicroPython, its console as a line."""

    def __init__(self, folder: Path) -> None:
        (folder / "machine.py").write_text(MACHINE)
        self._process = subprocess.Popen(
            [str(binary(32)), str(JIG / "main.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env={"MICROPYPATH": f"{folder}:.frozen"},
        )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.write, self.flush = self._process.stdin.write, self._process.stdin.flush
        self.readline = self._process.stdout.readline

    def close(self) -> None:
        self.said = self._process.communicate(timeout=10)[1]


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Pipe]:
    made = Pipe(tmp_path)
    yield made
    if not hasattr(made, "said"):
        made.close()


def test_the_jig_obeys_and_measures(pipe: Pipe) -> None:
    jig = BenchJig(pipe)
    jig.scan(b"HK1:" + b"A" * 300 + b"\r")
    for name in pinout.INPUTS:
        jig.sense(name, 1)
        jig.sense(name, 0)
    assert jig.pulses() == []
    jig.power(True)
    jig.power(False)
    assert len(jig.pulses(1)) == 1
    with pytest.raises(dut.DutError, match="refused"):
        jig.sense("window", 1)
    assert jig.pulses(1)
    jig.close()
    assert bytes.fromhex(pipe.said.decode().replace("\n", "")) == b"HK1:" + b"A" * 300 + b"\r"


def test_a_jig_that_is_none_is_said_so(tmp_path: Path) -> None:
    class Dead:
        def write(self, _data: bytes) -> None: ...
        def flush(self) -> None: ...
        def close(self) -> None: ...
        def readline(self) -> bytes:
            return b""

    with pytest.raises(dut.DutError, match="does not answer"):
        BenchJig(Dead())


def firmware(arch: str, board: str) -> FirmwareImage:
    """Something to flash: what runs here is this tree's firmware, built once for all tests."""
    return FirmwareImage("0", board, arch, (FIRMWARE / "start.py").read_bytes(), {"board.mpy": b"no code"})


def test_a_board_is_wiped_and_made_the_trial_s_door_over_its_cable(tmp_path: Path) -> None:
    with VirtualBoard(tmp_path, memory="512K") as board:
        with board.flash.open("r+b") as chip:  # what MicroPython's own flashing would have left
            table = partitions.table(partitions.layout(FLASH, romfs=False))
            for place, body in ((partitions.LOADER_AT["ESP32"], b"\xe9"), (partitions.APP_AT, b"\xe9"),
                                (partitions.TABLE_AT, table)):  # fmt: skip
                chip.seek(place)
                chip.write(body)
        trial = TrialDoor()
        bench.provision(board.port, trial, "sim", firmware)
        flash = tmp_path / "door.img"
        flash.write_bytes(board.image())
        with VirtualCompanion(flash) as door:
            mark = door.mark()
            door.scan(trial.token(key_id=b"k" * 8))
            assert door.wait(lambda seen: "verdict" in seen, since=mark)["verdict"] == "open"
        board.put_image(flash.read_bytes())
        opened = [line for line in bench.journal(board.port) if b'"kind":"opened"' in line]
        assert len(opened) == 1
        assert b'"key_id":"6b6b6b6b6b6b6b6b"' in opened[0]
        bench.provision(board.port, TrialDoor(companion_id="trial-door-802"), "sim", firmware)
        assert bench.journal(board.port) == []
        with open_board(board.port) as held:
            assert held.report().companion_id == "trial-door-802"
