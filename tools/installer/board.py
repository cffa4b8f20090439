"""A board with MicroPython on it, over mpremote's own serial transport: its report, its files, its resets."""

from __future__ import annotations

import ast
import base64
import contextlib
import errno
import hashlib
import io
import os
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import serial
from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport

from tools.firmware_archive import ARCHES
from tools.installer import on_board
from tools.installer.trouble import Trouble

_BUSY_S = 2.0
_CHUNK = 2048  # of a file, in one command: small enough for a board whose heap is nearly full
_START_S = 15.0  # from a reset to a prompt
_SILENT_S = 4.0
_WIFI_MS = 15_000
_NO_SPACE = "28"
_BLOCK = 4096  # of the flash
_MPY = 6  # the version of .mpy files that the compiler makes


@dataclass(frozen=True, slots=True)
class Report:
    """What a board says of itself; hashes are SHA-256 in hex, "" for a file that is not there."""

    serial: str
    board: str  # "esp32" | "sim"
    chip: str
    arch: str
    micropython: str
    running: bool
    slot: str
    start: str
    slots: dict[str, dict[str, str]]  # files with their hashes; {".romfs": hash of the image} where `rom`
    rom: int  # bytes of a slot in the flash's ROMFS, 0 on a board without one
    memory: int  # bytes for Python, with what the heap may still grow by in one piece
    config: dict[str, Any]
    certificate: str
    key: bool
    tables: dict[str, bool]  # of /tables, by name: whether it is whole
    free: int
    names: tuple[str, ...]

    @property
    def firmware(self) -> dict[str, str]:
        """The files of the slot that starts."""
        return self.slots.get(self.slot, {})

    @property
    def companion_id(self) -> str:
        """Who it is; "" before provisioning."""
        return str(self.config.get("companion_id") or "")


def check_port(port: str) -> None:
    """Raises Trouble `port_missing` or `port_denied`: pyserial and mpremote tell neither apart from anything else."""
    if port.startswith("/"):
        if not os.path.exists(port):  # noqa: PTH110 - a device, and its name is the user's
            raise Trouble("port_missing", port=port)
        if not os.access(port, os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            raise Trouble("port_denied", port=port)


class Board:
    """An open port with MicroPython's raw REPL behind it. Make one with `open_board`."""

    def __init__(self, port: str) -> None:
        """Raises Trouble."""
        self.port = port
        check_port(port)
        with self._heard():
            self._line = _opened(port)
        try:
            self._enter()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give the port back."""
        with contextlib.suppress(OSError, serial.SerialException, TransportError):
            if self._line.in_raw_repl:
                self._line.exit_raw_repl()
        with contextlib.suppress(OSError, serial.SerialException):
            self._line.close()
        self._line.serial.close()  # mpremote leaves it open where it can't move the lines of a port that is gone

    # --- what it says

    def run(self, code: str) -> Any:
        """Run code and read the literal that it prints. Raises Trouble."""
        with self._heard():
            said = self._line.exec(code)
            return ast.literal_eval(said.decode().strip().splitlines()[-1])

    def report(self) -> Report:
        """What it is and holds."""
        told = self.run(on_board.REPORT)
        machine = str(told["machine"]).upper()
        chips = ("ESP32-S3", "ESP32-C3", "ESP32-C6")
        chip = next((chip for chip in chips if chip.replace("-", "") in machine.replace("-", "")), "ESP32")
        is_sim = "ESP32" not in machine
        if int(told["mpy"]) & 0xFF != _MPY:
            raise Trouble("old_micropython", found=told["release"])
        return Report(
            serial=told["serial"], board="sim" if is_sim else "esp32", chip="sim" if is_sim else chip,
            arch=ARCHES.get(int(told["mpy"]) >> 10 & 15, ""), micropython=told["release"], running=told["running"],
            slot=told["slot"], start=told["main"], slots=told["slots"], rom=told["rom"], memory=told["memory"],
            config=told["config"],
            certificate=told["certificate"], key=told["key"], tables=told["tables"], free=told["free"],
            names=tuple(told["names"]),
        )  # fmt: skip

    def hashes(self, paths: Iterable[str]) -> list[str]:
        """SHA-256 of each file as it lies on the flash."""
        found: list[str] = self.run(on_board.HASHES % (list(paths),))
        return found

    def try_wifi(self, name: str, password: str) -> tuple[str, int | None]:
        """Join a network and leave it: "joined", "password", "not_found" or "timeout", and the signal in dBm."""
        with self._patient(_WIFI_MS / 1000 + 5):
            went: tuple[str, int | None] = self.run(on_board.TRY_WIFI % (name, password, _WIFI_MS))
        return went

    # --- what it holds

    def read(self, path: str) -> bytes:
        """A small file that is no secret; empty if it is not there."""
        content: bytes = self.run(on_board.READ % (path,))
        return content

    def put(self, path: str, data: bytes, told: Callable[[int], None] = lambda _n: None) -> None:
        """Write a file; seen to be right only by `hashes`."""
        with self._heard():
            for at in range(0, len(data) or 1, _CHUNK):  # most files are one piece, and one command
                piece = data[at : at + _CHUNK]
                before = f"from binascii import a2b_base64 as _b\nf=open({path!r},'wb')\n" if at == 0 else ""
                after = "\nf.close()" if at + _CHUNK >= len(data) else ""
                # a literal would take three characters of the line for a byte
                self._line.exec(f"{before}f.write(_b({base64.b64encode(piece)!r})){after}")
                told(len(piece))

    def put_all(self, files: dict[str, bytes], told: Callable[[int], None] = lambda _n: None) -> None:
        """Write files (absolute paths) and read their hashes back. What is right already is left as it is.

        Raises Trouble `flash_full`, or `read_back` for a file that the flash did not keep.
        """
        names = sorted(files)
        wanted = [_digest(files[name]) for name in names]
        folders = sorted({str(folder) for name in names for folder in PurePosixPath(name).parents} - {"/"})
        if folders:
            self.run(on_board.MAKE_FOLDERS % (folders,))
        held = self.hashes(names)
        for name, want, have in zip(names, wanted, held, strict=True):
            if want != have:
                self.put(name, files[name], told)
            else:
                told(len(files[name]))
        for name, want, have in zip(names, wanted, self.hashes(names), strict=True):
            if want != have:
                raise Trouble("read_back", file=name)

    def replace_all(self, files: dict[str, bytes]) -> None:
        """Files that are each either the old or the new one, whenever the cable goes. Raises as `put_all`."""
        names = sorted(files)
        held = self.hashes(names)
        changed = [name for name, have in zip(names, held, strict=True) if have != _digest(files[name])]
        if changed:
            self.put_all({f"{name}.new": files[name] for name in changed})
            self.run(on_board.RENAME % ([(f"{name}.new", name) for name in changed],))

    def put_rom(self, at: int, image: bytes, told: Callable[[int], None] = lambda _n: None) -> None:
        """Write an image into the ROMFS's partition, at a byte that begins a block; blocks that are right stay.

        Raises Trouble `read_back` for what the flash did not keep.
        """
        first = at // _BLOCK
        blocks = [image[n : n + _BLOCK].ljust(_BLOCK, b"\xff") for n in range(0, len(image), _BLOCK)]
        wanted = [_digest(block)[:16] for block in blocks]
        seen = on_board.ROM_BLOCKS % (first, first + len(blocks))
        for n, (block, have) in enumerate(zip(blocks, self.run(seen), strict=True)):
            if have != wanted[n]:
                self._put_block(first + n, block)
            told(len(block))
        if self.run(seen) != wanted:
            raise Trouble("read_back", file="ROMFS")

    def _put_block(self, number: int, block: bytes) -> None:
        with self._heard():
            self._line.exec(on_board.ROM_ERASE % number)
            for at in range(0, len(block), _CHUNK):
                piece = block[at : at + _CHUNK]
                self._line.exec(on_board.ROM_WRITE % (number, base64.b64encode(piece), at))

    def remove(self, *paths: str) -> None:
        """Files or folders; no matter if they are not there."""
        self.run(on_board.REMOVE % (list(paths),))

    def erase_store(self) -> int:
        """Erase the partition of what the firmware learned; how many blocks there were."""
        blocks: int = self.run(on_board.ERASE_STORE)
        return blocks

    # --- resets

    def quiet(self) -> bool:
        """See to it that no firmware runs: its watchdog would bite in the middle of our work. Whether one did."""
        ran = bool(self.run("import sys\nprint('companion.main' in sys.modules)"))
        if ran:
            self._reset(on_board.HOLD_AND_RESET)
            self._enter_again()
        return ran

    def freshen(self) -> None:
        """A soft reset into the raw REPL: an empty heap, no module loaded, and `/main.py` does not run."""
        with self._heard():
            self._line.enter_raw_repl(soft_reset=True, timeout_overall=_START_S)

    def restart(self) -> None:
        """A hard reset: the firmware starts."""
        self._reset(on_board.RESET)

    def _reset(self, code: str) -> None:
        with self._heard():
            self._line.exec_raw_no_follow(code)
            self._line.in_raw_repl = False

    def _enter_again(self) -> None:
        until = time.monotonic() + _START_S
        while True:
            try:
                self._enter()
            except Trouble:
                if time.monotonic() >= until:
                    raise
                time.sleep(0.2)
            else:
                return

    def _enter(self) -> None:
        """Typed twice before a board counts as silent: one that is just starting anew loses what it is told."""
        with self._heard():
            try:
                self._line.enter_raw_repl(soft_reset=False, timeout_overall=_SILENT_S)
            except TransportError:
                self._line.enter_raw_repl(soft_reset=False, timeout_overall=_SILENT_S)

    @contextmanager
    def _patient(self, seconds: float) -> Iterator[None]:
        """Commands that take their time: mpremote waits ten seconds for a first answer."""
        plain = self._line.follow
        self._line.follow = lambda timeout, data_consumer=None: plain(max(timeout or 0, seconds), data_consumer)
        try:
            yield
        finally:
            self._line.follow = plain

    @contextmanager
    def _heard(self) -> Iterator[None]:
        """Every way in which a line fails, as trouble that says what to do."""
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # mpremote prints what it did not understand
                yield
        except TransportExecError as error:
            said = error.error_output.strip().splitlines()
            last = said[-1] if said else ""
            if last.startswith("OSError") and _NO_SPACE in last:
                raise Trouble("flash_full") from error
            raise Trouble("board_said", said=last) from error
        except TransportError as error:
            if not os.path.exists(self.port) and self.port.startswith("/"):  # noqa: PTH110
                raise Trouble("unplugged", port=self.port) from error
            code = "port_busy" if "failed to access" in str(error) else "board_silent"
            raise Trouble(code, port=self.port) from error
        except (serial.SerialException, OSError) as error:
            if error.errno in (errno.EACCES, errno.EPERM):
                raise Trouble("port_denied", port=self.port) from error
            raise Trouble("unplugged", port=self.port) from error
        except (ValueError, SyntaxError, IndexError, struct.error) as error:
            raise Trouble("board_silent", port=self.port) from error


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _opened(port: str) -> SerialTransport:
    """The port; one that somebody is just letting go is waited for."""
    until = time.monotonic() + _BUSY_S
    while True:
        try:
            return SerialTransport(port, timeout=5)
        except TransportError:
            if time.monotonic() >= until:
                raise
            time.sleep(0.1)


@contextmanager
def open_board(port: str) -> Iterator[Board]:
    """The board on a port, for a while. Raises Trouble."""
    board = Board(port)
    try:
        yield board
    finally:
        board.close()
