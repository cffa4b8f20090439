"""A real board as a device under test: flashed if need be, wiped, provisioned for a trial, and listened to."""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import serial

from tools.firmware_archive import FirmwareImage
from tools.hil import dut
from tools.hil.jig import BenchJig, Line
from tools.hotel.trial import TrialDoor
from tools.installer import flashing, provisioning, sources
from tools.installer.board import open_board
from tools.virtual.image import BLOCK
from tools.virtual.store import lines_of

_BAUD = 115_200
_LINE = re.compile(rb'[0-9a-f]{16} (\{"log":"[0-9a-f]{16}".*\})')
_PIECE = 1_024
# which pieces of the raw store hold anything: (its blocks, [(block, offset)])
_PLACES = """
import esp32
_b=bytearray(%d)
_o=[]
for _q in esp32.Partition.find(esp32.Partition.TYPE_DATA,label='store'):
 _n=_q.ioctl(4,0)
 for _i in range(_n):
  for _a in range(0,4096,len(_b)):
   _q.readblocks(_i,_b,_a)
   if _b.rstrip(b'\\xff'):_o.append((_i,_a))
print(repr((_n,_o)))
"""
_READ = """
import esp32
_b=bytearray(%d)
for _q in esp32.Partition.find(esp32.Partition.TYPE_DATA,label='store'):_q.readblocks(%d,_b,%d)
print(repr(bytes(_b)))
"""


class SerialConsole:
    """What a board prints: lines that begin with ~ are its sights, as JSON."""

    def __init__(self, port: str) -> None:
        self._port = port
        self._seen: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self.open()

    def open(self) -> None:
        """Listen."""
        self._line = serial.Serial(self._port, _BAUD, timeout=0.2)
        self._closing = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def mark(self) -> int:
        """The place from which the next `wait` shall look."""
        with self._changed:
            return len(self._seen)

    def wait(self, wanted: Callable[[dict[str, Any]], bool], timeout: float = dut.PATIENCE,
             since: int = 0) -> dict[str, Any]:
        """The first sight that is wanted; DutError after the timeout (s)."""
        until = time.monotonic() + timeout
        with self._changed:
            at = since
            while True:
                while at < len(self._seen):
                    at += 1
                    if wanted(self._seen[at - 1]):
                        return self._seen[at - 1]
                left = until - time.monotonic()
                if left <= 0:
                    raise dut.DutError(f"nothing within {timeout:g} s; last seen: {self._seen[-5:]}")
                self._changed.wait(left)

    def interrupt(self) -> None:
        """Ctrl-C: the program stops where it is."""
        self._line.write(b"\x03")

    def close(self) -> None:
        """Give the port back."""
        self._closing = True
        self._reader.join(2)
        self._line.close()

    def _read(self) -> None:
        held = b""
        while not self._closing:
            try:
                held += self._line.read(256)
            except (serial.SerialException, OSError, TypeError):
                return
            *lines, held = held.split(b"\n")
            for line in lines:
                if line.startswith(b"~"):
                    with contextlib.suppress(ValueError), self._changed:
                        self._seen.append(json.loads(line[1:]))
                        self._changed.notify_all()


def provision(port: str, trial: TrialDoor, profile: str, image_for: Callable[[str, str], FirmwareImage]) -> None:
    """Bring a board to a firmware, take everything from it, and make it the trial's door. Raises Trouble."""
    flashing.flash(port, image_for, None)
    files = trial.files(settings={"bolt_ms": dut.BOLT_MS})
    config = json.loads(files["/config.json"])
    files["/config.json"] = json.dumps(config | {"profile": profile}).encode()
    with open_board(port) as board:
        provisioning.wipe(board)
        provisioning.write(board, files, forget=True)
        board.restart()


def journal(port: str) -> list[bytes]:
    """The lines (JSON bytes) that lie on a board's flash, in their order. The firmware stands still meanwhile."""
    with open_board(port) as board:
        board.quiet()
        blocks, places = board.run(_PLACES % _PIECE)
        store = bytearray(b"\xff" * (blocks * BLOCK))
        for block, at in places:
            begins = block * BLOCK + at
            store[begins : begins + _PIECE] = board.run(_READ % (_PIECE, block, at))
        board.restart()
    found = {}
    for line in lines_of(bytes(store)):
        whole = _LINE.fullmatch(line)
        if whole:
            facts = json.loads(whole[1])
            found[facts["log"], facts["seq"]] = whole[1]
    return [found[key] for key in sorted(found)]


@contextmanager
def on_bench(port: str, profile: str, jig_line: Line | None) -> Iterator[dut.Dut]:
    """A board on a serial port, just provisioned, with the jig's hands around it if there is a jig."""
    trial = TrialDoor()
    jig: dut.Jig = BenchJig(jig_line) if jig_line is not None else NoJig()
    provision(port, trial, profile, sources.firmware(None))
    console = SerialConsole(port)
    console.wait(lambda sight: "ready" in sight, 3 * dut.PATIENCE)

    def lines(kind: str, least: int) -> list[bytes]:
        console.close()  # one program at a time has the port
        found = [line for line in journal(port) if f'"kind":"{kind}"'.encode() in line]
        mark = console.mark()
        console.open()
        console.wait(lambda sight: "ready" in sight, 3 * dut.PATIENCE, mark)
        if len(found) < least:
            raise dut.DutError(f"{len(found)} events of kind {kind} in the journal, not {least}")
        return found

    def stop(on: bool) -> None:
        if on:
            console.interrupt()
        else:
            jig.power(False)
            jig.power(True)

    more = frozenset({dut.JOURNAL}) | ({dut.HANG} if dut.POWER in jig.capabilities else frozenset())
    door = dut.Dut(trial, jig, console, lines, stop, more)
    try:
        yield door
    finally:
        console.close()
        jig.close()


class NoJig:
    """A board with nothing but its cable: no hands at all."""

    capabilities: frozenset[str] = frozenset()

    def scan(self, raw: bytes) -> None:
        """Nobody holds anything before it."""
        raise dut.DutError(f"no jig to show {len(raw)} bytes")

    def sense(self, name: str, value: int) -> None:
        """Nobody touches the door."""
        raise dut.DutError(f"no jig to set {name} to {value}")

    def power(self, on: bool) -> None:
        """The cable gives it."""
        raise dut.DutError(f"no jig to switch the power {'on' if on else 'off'}")

    def pulses(self, least: int = 0) -> list[int]:
        """Nobody looks at the bolt."""
        raise dut.DutError(f"no jig to wait for {least} pulses")

    def close(self) -> None:
        """Nothing to put at rest."""
