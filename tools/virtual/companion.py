"""One virtual companion: starts the real firmware in MicroPython, scans into it, moves its senses, watches its bolt.

The process is a machine without power supply of its own: `kill` is a power cut, `start` gives power again on the
same flash image. When the firmware asks for a restart, or its watchdog bites, the harness starts it again, as the
hardware would.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, Self

from tools.virtual import firmware

HEAP = {32: "128K", 64: "256K"}  # by word size: objects of 64 bits take twice the room
RESTART = 10  # the firmware asked for it; the simulated board's exit code
_WATCHDOG = -14  # killed by SIGALRM: the simulated board's watchdog
_RESTARTS_MAX = 20  # in the life of one harness: beyond that something is wrong with the firmware

Observation = dict[str, Any]


class CompanionError(Exception):
    """The simulated board did not do what was waited for; the text holds the end of what it said."""


class VirtualCompanion:
    """The firmware on a flash image (a file), with its door in the caller's hands. Synchronous and thread-safe."""

    def __init__(
        self,
        flash: Path,
        *,
        word: int = 32,
        log: Path | None = None,
        heap: str | None = None,
        options: Sequence[str] = (),
        path: Sequence[Path] = (),
        built: Path | None = None,
    ) -> None:
        """flash: an image made by `make_image`; word: 32 or 64 bits; log: file for the console.

        options: further words for the simulated board (`--device MODULE`, `--watchdog SECONDS`).
        path: folders with modules for it. heap: as MicroPython's -X heapsize wants it.
        built: the ROMFS image of a firmware that was compiled before, in place of this tree's.
        """
        self.flash = flash
        self.word = word
        self.heap = heap or HEAP[word]
        self.log = log
        self.restarts = 0
        self.observed: list[Observation] = []
        self._options = options
        self._path = path
        self._built = built
        self._changed = threading.Condition()  # reentrant: what is seen may end a pulse
        self._levels: dict[str, int] = {}
        self._memory = ""  # what a restart leaves, in hex
        self._channels: dict[str, socket.socket] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._server: socket.socket | None = None
        self._drained = threading.Event()
        self._pulse: threading.Timer | None = None
        self.bolt_is_felt = False  # whether the bolt's contact goes with each pulse, as where it hangs on a lock
        self._wanted = False
        self._output: IO[bytes] | None = None

    # power

    def start(self, timeout: float = 30.0) -> Self:
        """Give power; returns when the firmware is ready, or says that it is `halted`. Raises CompanionError."""
        if self._wanted:
            return self
        mark = self.mark()
        if self._server is None:
            self._server = socket.create_server(("127.0.0.1", 0))
            threading.Thread(target=self._accept, args=(self._server,), daemon=True).start()
        if self.log is not None and self._output is None:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            self._output = self.log.open("ab")
        self._wanted = True
        self._memory = ""
        self._launch()
        seen = self.wait(
            lambda seen: "ready" in seen or "halted" in seen or seen.get("restart") is False, timeout, mark
        )
        if "process" in seen:
            raise CompanionError(f"the firmware ended with exit code {seen['code']}\n{self._said()}")
        return self

    def stop(self, timeout: float = 10.0) -> None:
        """Close the channels: the simulated board exits by itself. Frees everything that was opened."""
        self._wanted = False
        self._hang_up()
        self._end(timeout)
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._output is not None:
            self._output.close()
            self._output = None

    def kill(self) -> None:
        """Cut the power at once. What was not on flash is gone."""
        self._wanted = False
        process, self._process = self._process, None  # first of all: its end is then nobody's news
        if process is not None:
            process.kill()
            process.wait()
        self._hang_up()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_reason: object) -> None:
        self.stop()

    @property
    def alive(self) -> bool:
        """Whether the firmware's process runs."""
        process = self._process
        return process is not None and process.poll() is None

    @property
    def pid(self) -> int | None:
        """The process that runs now."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    # the door

    def scan(self, code: str | bytes) -> None:
        """Hold a code before the scanner: its characters and the module's CR."""
        self.scanner_bytes((code.encode() if isinstance(code, str) else code) + b"\r")

    def scanner_bytes(self, raw: bytes) -> None:
        """Let the scanner module send these bytes, and nothing else."""
        try:
            self._channel("scanner").sendall(raw)
        except OSError as gone:
            raise CompanionError(f"the board is gone\n{self._said()}") from gone

    def sense(self, name: str, value: int | bool) -> None:
        """Move an input: `door`, `bolt`, `motor`, `handle`, `privacy`, `tamper` (1 = active). Kept over restarts."""
        self._levels[name] = int(value)
        self._tell({"sense": name, "value": int(value)})

    def card(self, number: str) -> None:
        """Let the lock's own reader read a card, and tell its number."""
        self._tell({"card": number})

    def supply(self, mv: int) -> None:
        """Set the supply's voltage, millivolts."""
        self._tell({"supply_mv": mv})

    def advance(self, ms: int, timeout: float = 10.0) -> None:
        """Move the board's clock forward; returns when it has been moved."""
        mark = self.mark()
        self._tell({"advance_ms": ms})
        self.wait(lambda seen: "advanced" in seen, timeout, since=mark)

    def ask(self, what: str, timeout: float = 10.0) -> Any:
        """A measure of the board: `flash` (operations counted), `heap` (bytes used, free)."""
        mark = self.mark()
        self._tell({"ask": what})
        return self.wait(lambda seen: what in seen, timeout, since=mark)[what]

    # what was seen

    def mark(self) -> int:
        """The place in `observed` from which the next `wait` shall look."""
        with self._changed:
            return len(self.observed)

    def wait(self, wanted: Callable[[Observation], bool], timeout: float = 10.0, since: int = 0) -> Observation:
        """The first observation from `since` on that is wanted; CompanionError after `timeout` seconds."""
        until = time.monotonic() + timeout
        at = since
        with self._changed:
            while True:
                while at < len(self.observed):
                    seen = self.observed[at]
                    at += 1
                    if wanted(seen):
                        return seen
                left = until - time.monotonic()
                if left <= 0:
                    tail = "\n".join(json.dumps(seen) for seen in self.observed[-12:])
                    raise CompanionError(f"nothing within {timeout:g} s; last seen:\n{tail}\n{self._said()}")
                self._changed.wait(left)

    @property
    def opens(self) -> int:
        """How often the bolt was pulsed."""
        with self._changed:
            return sum(1 for seen in self.observed if seen.get("bolt") == 1)

    @property
    def verdicts(self) -> list[str]:
        """Every verdict, in order."""
        with self._changed:
            return [seen["verdict"] for seen in self.observed if "verdict" in seen]

    # inside

    def _launch(self) -> None:
        if self._server is None:
            return
        loader = firmware.loader(self.word)
        port = self._server.getsockname()[1]
        command = [
            str(firmware.binary(self.word)), "-X", f"heapsize={self.heap}", "-m", "on_board_rom",
            "--rom", str(self._built or firmware.image(self.word)),
            "--flash", str(self.flash), "--world", f"127.0.0.1:{port}", *self._options,
        ]  # fmt: skip
        self._drained.clear()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self._output or subprocess.DEVNULL, stderr=subprocess.STDOUT,
            env={"MICROPYPATH": ":".join([str(loader), ".frozen", *map(str, self._path)]), "PATH": "/usr/bin:/bin"},
            cwd=loader,
        )  # fmt: skip
        self._process = process
        threading.Thread(target=self._attend, args=(process,), daemon=True).start()

    def _attend(self, process: subprocess.Popen[bytes]) -> None:
        """Wait for the process; give it power again if it asked for that."""
        code = process.wait()
        if process is self._process:
            self._drained.wait(2)  # its last words come before its end
        if process is not self._process:
            return
        again = self._wanted and code in (RESTART, _WATCHDOG) and self.restarts < _RESTARTS_MAX
        self._see({"process": "ended", "code": code, "restart": again})
        if again:
            self.restarts += 1
            self._hang_up()
            self._launch()

    def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                channel, _address = server.accept()
            except OSError:
                return
            lines = channel.makefile("rb")
            name = lines.readline(32).decode("ascii", "replace").strip()
            with self._changed:
                former = self._channels.pop(name, None)  # of a process that was killed while it connected
                wanted = self._wanted
                if wanted:
                    self._channels[name] = channel
                self._changed.notify_all()
            if former is not None:
                former.close()
            if not wanted:
                lines.close()
                channel.close()
            elif name == "board":
                with contextlib.suppress(CompanionError):  # it went at once: its end is told by `_attend`
                    self._send(channel, {"levels": self._levels, "memory": self._memory})
                threading.Thread(target=self._read, args=(lines,), daemon=True).start()
            else:
                lines.close()  # the socket stays open: the file was a view of it

    def _read(self, lines: IO[bytes]) -> None:
        try:
            for line in lines:
                try:
                    seen = json.loads(line)
                except ValueError:
                    seen = {"garbled": line.decode("utf-8", "replace")}
                self._see(seen)
        except OSError:
            return
        finally:
            lines.close()
            self._drained.set()

    def _see(self, seen: Observation) -> None:
        with self._changed:
            self.observed.append(seen)
            self._changed.notify_all()
            self._memory = seen.get("memory", self._memory)
            if "bolt" in seen or "process" in seen:
                self._one_shot(seen)

    def _one_shot(self, seen: Observation) -> None:
        """The bolt's driver: it ends a pulse by itself, whatever the firmware does; without power there is none."""
        if self._pulse is not None:
            self._pulse.cancel()
            self._pulse = None
        if seen.get("bolt") == 1:
            self._pulse = threading.Timer(seen["for"] / 1000, self._see, [{"bolt": 0}])
            self._pulse.daemon = True
            self._pulse.start()
            if self.bolt_is_felt:
                self.sense("bolt", 1)

    def _channel(self, name: str, timeout: float = 10.0) -> socket.socket:
        with self._changed:
            if not self._changed.wait_for(lambda: name in self._channels, timeout):
                raise CompanionError(f"the board did not open its {name} channel\n{self._said()}")
            return self._channels[name]

    def _tell(self, facts: Observation) -> None:
        if self._wanted:
            self._send(self._channel("board"), facts)

    def _send(self, channel: socket.socket, facts: Observation) -> None:
        try:
            channel.sendall(json.dumps(facts).encode() + b"\n")
        except OSError as gone:
            raise CompanionError(f"the board is gone\n{self._said()}") from gone

    def _hang_up(self) -> None:
        with self._changed:
            if self._pulse is not None:
                self._pulse.cancel()  # the power is gone, and the pulse with it
            channels, self._channels = self._channels, {}
        for channel in channels.values():
            with contextlib.suppress(OSError):
                channel.shutdown(socket.SHUT_RDWR)
            channel.close()

    def _end(self, timeout: float) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _said(self) -> str:
        """The end of the firmware's console, where it is kept."""
        if self.log is None or not self.log.exists():
            return ""
        return self.log.read_bytes()[-2000:].decode("utf-8", "replace")
