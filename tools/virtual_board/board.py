"""One virtual board: a port that mpremote and esptool open, a chip's flash in a file, and MicroPython behind both.

Its MicroPython is the unix port with 32-bit words, in a process of its own for every boot, with the flash's own `vfs`
partition (littlefs) for its root. esptool reaches the stand-in for the ROM's loader (`rom.py`): a pty has no DTR and
RTS, so the first synchronisation packet stands for the reset into the loader, and the first byte that is none of the
loader's for the reset out of it. A board answers as MicroPython only if its flash holds an image to start.
"""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import struct
import subprocess
import threading
import tty
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tools.virtual.firmware import binary
from tools.virtual.image import STORE
from tools.virtual_board.rom import Rom

ON_BOARD = Path(__file__).parent / "on_board"
HEAP = "192K"
FLASH = 4 * 1024 * 1024
_TABLE, _ENTRY, _MAGIC, _IMAGE = 0x8000, 32, b"\xaa\x50", 0xE9
_LOADER_AT = {"esp32": 0x1000}  # the other chips' ROMs start at 0
_SYNC = b"\xc0\x00\x08"
_SOFT_RESET, _HARD_RESET = 4, 5
_CTRL_C = 3
Air = Mapping[str, Mapping[str, object]]


class VirtualBoard:
    """A board on a cable. `port` is its name for mpremote and esptool; it stays the same over unplugging."""

    def __init__(self, folder: Path, name: str = "board", *, chip: str = "esp32", mac: str = "240ac4000001",
                 flash_size: int = FLASH, air: Air | None = None, memory: str = HEAP) -> None:
        """mac: hex; air: the networks that its radio hears, {name: {"password", "rssi"}}; memory: of MicroPython, as
        its -X heapsize wants it. Flash that exists is kept.
        """
        self.chip = chip
        self.mac = mac
        self.memory = memory
        self.flash = folder / f"{name}.flash"
        self.port = str(folder / name)
        self.air = dict(air or {})
        self.runs = 0  # commands run by MicroPython since power came, for `unplug_at`
        self._unplug_at: int | None = None
        self._unplug_in_loader: int | None = None
        if not self.flash.exists():
            self.flash.write_bytes(b"\xff" * flash_size)
        self._rom = Rom(chip, bytes.fromhex(mac), self.flash, self._send)
        self._loading = False
        self._running = False
        self._process: subprocess.Popen[bytes] | None = None
        self._master: int | None = None
        self._slave: int | None = None
        self._wake_in, self._wake_out = os.pipe()
        self._lock = threading.RLock()
        self._closed = False
        self._thread = threading.Thread(target=self._pump, name=f"board {name}", daemon=True)
        self.plug()
        self._thread.start()

    # --- the cable

    def plug(self) -> None:
        """Put the cable in: the port is there, and power."""
        with self._lock:
            if self._master is not None:
                return
            self._master, self._slave = pty.openpty()
            tty.setraw(self._slave)
            os.set_blocking(self._master, False)
            link = Path(self.port)
            link.unlink(missing_ok=True)
            link.symlink_to(os.ttyname(self._slave))
        self._wake()

    def unplug(self) -> None:
        """Pull it: the port is gone, and with it the power of the board."""
        with self._lock:
            self._end()
            self._loading = False
            self._rom.drop()
            for end in (self._master, self._slave):
                if end is not None:
                    os.close(end)
            self._master = self._slave = None
            Path(self.port).unlink(missing_ok=True)
        self._wake()

    def unplug_at(self, run: int) -> None:
        """Pull the cable when the n-th command from now on begins to run (1 is the next one)."""
        self._unplug_at = self.runs + run

    def unplug_in_loader(self, request: int) -> None:
        """Pull the cable after the n-th request to the chip's loader from now on."""
        self._unplug_in_loader = len(self._rom.commands) + request

    def unplug_never(self) -> None:
        """Nobody pulls the cable any more."""
        self._unplug_at = self._unplug_in_loader = None

    def close(self) -> None:
        """Put it away."""
        if self._closed:
            return
        self._closed = True
        self.unplug()
        self._thread.join(5)
        for end in (self._wake_in, self._wake_out):
            os.close(end)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- what is in its flash

    def partitions(self) -> dict[str, tuple[int, int]]:
        """(offset, size) of each partition by its label, from the table in the flash; empty if there is none."""
        found: dict[str, tuple[int, int]] = {}
        with self.flash.open("rb") as chip:
            chip.seek(_TABLE)
            table = chip.read(0xC00)
        for at in range(0, len(table), _ENTRY):
            magic, _type, _sub, offset, size, label = struct.unpack("<2sBBII16s", table[at : at + 28])
            if magic != _MAGIC:
                break
            found[label.rstrip(b"\0").decode()] = (offset, size)
        return found

    @property
    def starts(self) -> bool:
        """Whether a loader, a partition table with an application, and a file system's place are there."""
        parts = self.partitions()
        apps = [offset for label, (offset, _size) in parts.items() if label in ("ota_0", "factory")]
        places = [_LOADER_AT.get(self.chip, 0), *apps]
        with self.flash.open("rb") as chip:
            for place in places:
                chip.seek(place)
                if chip.read(1) != bytes([_IMAGE]):
                    return False
        return bool(apps) and "vfs" in parts

    def partition(self, label: str) -> bytes:
        """What a partition holds; empty if there is none of that name."""
        offset, size = self.partitions().get(label, (0, 0))
        with self.flash.open("rb") as chip:
            chip.seek(offset)
            return chip.read(size)

    def image(self) -> bytes:
        """Its file system's partition and its store, as a simulated board has them in a flash image."""
        found = b""
        with self.flash.open("rb") as chip:
            for offset, size in self._imaged():
                chip.seek(offset)
                found += chip.read(size)
        return found

    def put_image(self, image: bytes) -> None:
        """Put them back: the firmware ran on a copy."""
        with self._lock, self.flash.open("r+b") as chip:
            self._end()
            for offset, size in self._imaged():
                chip.seek(offset)
                chip.write(image[:size])
                image = image[size:]

    def _imaged(self) -> list[tuple[int, int]]:
        """(offset, size) of what an image holds."""
        parts = self.partitions()
        return [parts["vfs"], (parts["store"][0], STORE)]

    # --- inside

    def _pump(self) -> None:
        """What comes over the cable, for as long as the board exists."""
        while not self._closed:
            with self._lock:
                master = self._master
            watched = [self._wake_in] if master is None else [self._wake_in, master]
            ready, _, _ = select.select(watched, [], [])
            if self._wake_in in ready:
                os.read(self._wake_in, 64)
            elif master is not None:
                with contextlib.suppress(OSError), self._lock:  # it may have been unplugged meanwhile
                    if master == self._master:
                        self._heard(os.read(master, 4096))

    def _heard(self, data: bytes) -> None:
        if not self._loading and data.startswith(_SYNC):
            self._end()
            self._loading = True
        if self._loading:
            if self._rom.quiet and data[0] != _SYNC[0]:
                self._loading = False  # somebody types: the chip was reset out of its loader
            else:
                self._rom.feed(data)
                if self._unplug_in_loader is not None and len(self._rom.commands) >= self._unplug_in_loader:
                    self._unplug_in_loader = None
                    self.unplug()
                return
        if self._process is None:
            if not self.starts:
                self._send(b"invalid header: 0xffffffff\r\n")
                return
            self._start("friendly")
        self._type(data)

    def _type(self, data: bytes) -> None:
        process = self._process
        if process is None or process.stdin is None:
            return
        if self._running and _CTRL_C in data:
            process.send_signal(signal.SIGINT)
            data = data.replace(bytes([_CTRL_C]), b"")
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(data)
            process.stdin.flush()

    def _start(self, mode: str) -> None:
        words = [str(binary(32)), "-X", f"heapsize={self.memory}", str(ON_BOARD / "repl.py"), str(self.flash),
                 json.dumps(self.partitions()), mode, self.mac, json.dumps(self.air)]  # fmt: skip
        self._running = False
        process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={"MICROPYPATH": f"{ON_BOARD}:.frozen", "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        self._process = process
        threading.Thread(target=self._from_board, args=(process,), daemon=True).start()

    def _from_board(self, process: subprocess.Popen[bytes]) -> None:
        """What MicroPython says goes over the cable; at its end a reset of either kind starts the next one."""
        assert process.stdout is not None and process.stderr is not None
        said, told = process.stdout.fileno(), process.stderr.fileno()
        os.set_blocking(told, False)
        data: bytes | None = None
        while data != b"":
            ready, _, _ = select.select([said, told], [], [])
            data = os.read(said, 4096) if said in ready else None
            with self._lock:
                # What a command says comes after the letter that it runs: a cable pulled then carries none of it.
                if process is self._process:
                    self._ran(_letters(told))
                if data and process is self._process:
                    self._send(data)
        code = process.wait()
        with self._lock:
            for pipe in (process.stdin, process.stdout, process.stderr):
                with contextlib.suppress(OSError):
                    pipe.close()  # type: ignore[union-attr]
            if process is not self._process:
                return
            self._process = None
            if code in (_SOFT_RESET, _HARD_RESET):
                self._start("raw" if code == _SOFT_RESET else "friendly")

    def _ran(self, letters: bytes) -> None:
        for letter in letters.decode("ascii", "replace"):
            self._running = letter == "E"
            self.runs += self._running
            if self._running and self.runs == self._unplug_at:
                self._unplug_at = None
                self.unplug()
                return

    def _send(self, data: bytes) -> None:
        while data and self._master is not None:
            try:
                data = data[os.write(self._master, data) :]
            except BlockingIOError:
                select.select([], [self._master], [], 1)
            except OSError:
                return

    def _end(self) -> None:
        """The power goes: whatever runs is gone at once."""
        process, self._process = self._process, None
        self._running = False
        if process is not None:
            process.kill()
            process.wait()

    def _wake(self) -> None:
        os.write(self._wake_out, b"x")


def _letters(told: int) -> bytes:
    """The states that a board has told of since the last look."""
    with contextlib.suppress(BlockingIOError):
        return os.read(told, 4096)
    return b""
