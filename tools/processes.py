"""Starts, watches and ends the processes of a run: each in a session of its own, ended by its own id."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType

LOOPBACK = "127.0.0.1"
_PACE = 0.02  # s between two looks at a condition
_OURS = (15_000, 32_000)  # ports below those of outgoing connections (ip_local_port_range, from 32,768 by default)


class ProcessError(Exception):
    """A process did not start, ended early or did not do in time what was waited for; with its last lines."""


def wait_until(condition: Callable[[], object], timeout: float, what: str, *, pace: float = _PACE) -> object:
    """Look at `condition` until it gives something true and return that; ProcessError after `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() >= end:
            raise ProcessError(f"waited {timeout:g} s in vain for {what}")
        time.sleep(pace)


def port_is_open(port: int, host: str = LOOPBACK) -> bool:
    """Whether somebody listens on this port."""
    with contextlib.closing(socket.socket()) as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def free_port() -> int:
    """A loopback port that was free a moment ago, and that the system gives to nobody by itself meanwhile.

    Those it would choose are also those of outgoing connections: one of them could be taken before we listen.
    By chance, so that two runs beside each other do not meet.
    """
    for port in random.sample(range(*_OURS), k=100):
        with contextlib.closing(socket.socket()) as probe, contextlib.suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port
    raise ProcessError(f"no port is free from {_OURS[0]} to {_OURS[1]}")


def version_of(argv: Sequence[str]) -> str:
    """The first line a program says about its version; "not found" if there is no such program.

    Some programs (mosquitto -h) tell it with an exit code other than 0: the code is not looked at.
    """
    if shutil.which(argv[0]) is None:
        return "not found"
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=20, check=False)
    lines = done.stdout.decode(errors="replace").splitlines()
    return next((line.strip() for line in lines if line.strip()), "says nothing")


class Process:
    """One process that we started.

    name: for people; argv: what to run; env: added to our own environment; log: file that takes both outputs
    (appended; None drops them); version: the words that make the program tell its version.
    It gets a session of its own, so that Ctrl-C in our terminal reaches it only through us.
    """

    def __init__(self, name: str, argv: Sequence[str | Path], env: Mapping[str, str] | None = None,
                 log: Path | None = None, *, cwd: Path | None = None, version: Sequence[str] = ()) -> None:
        self.name = name
        self.argv = [str(word) for word in argv]
        self.env = dict(env or {})
        self.log = log
        self.cwd = cwd
        self._version_argv = list(version)
        self._version: str | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._mark = 0
        self._swept = False

    # --- what it is

    @property
    def pid(self) -> int:
        """Its process id; ProcessError before the first start."""
        return self._started().pid

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._child is not None and self._child.poll() is None

    @property
    def returncode(self) -> int | None:
        """Its exit code (negative: the signal that ended it); None while it runs or before its first start."""
        return None if self._child is None else self._child.poll()

    @property
    def version(self) -> str:
        """What the program says about its version, asked once."""
        if self._version is None:
            self._version = version_of(self._version_argv) if self._version_argv else ""
        return self._version

    # --- start and end

    def start(self) -> Process:
        """Start it (again); returns itself. Nothing happens if it runs already."""
        if self.running:
            return self
        out: IO[bytes] | int = subprocess.DEVNULL
        if self.log is not None:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            out = self.log.open("ab")
            self._mark = self.log.stat().st_size
        try:
            self._child = subprocess.Popen(
                self.argv, env={**os.environ, **self.env}, cwd=self.cwd, stdin=subprocess.DEVNULL,
                stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
        except OSError as error:
            raise ProcessError(f"{self.name} can't be started: {error}") from error
        finally:
            if not isinstance(out, int):
                out.close()
        self._swept = False
        return self

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def stop(self, timeout: float = 10) -> int | None:
        """Ask it to end (SIGTERM), make it end after `timeout` seconds; its exit code, None if it never started."""
        if self._child is None:
            return None
        self.signal(signal.SIGTERM)
        try:
            self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
        self._sweep()
        return self._child.returncode

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL), with all of its session, and wait for that."""
        if self._child is not None:
            self._sweep()
            self._child.wait()

    def wait(self, timeout: float = 30) -> int:
        """Wait for it to end by itself; its exit code."""
        try:
            return self._started().wait(timeout)
        except subprocess.TimeoutExpired:
            raise ProcessError(f"{self.name} still runs after {timeout:g} s\n{self.tail()}") from None

    # --- wait for what it does

    def wait_for_port(self, port: int, timeout: float = 15, host: str = LOOPBACK) -> None:
        """Wait until it listens; ProcessError with its last lines if it ends or is too late."""
        self._wait(lambda: port_is_open(port, host), timeout, f"port {port}")

    def wait_for_line(self, text: str, timeout: float = 15) -> str:
        """Wait until a line with `text` is in the log of this start; that line."""
        return str(self._wait(lambda: self._line_with(text), timeout, f"a line with {text!r}"))

    def tail(self, lines: int = 15) -> str:
        """The last lines of the log of this start."""
        return "\n".join(self._text().splitlines()[-lines:])

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.stop()

    # --- inside

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            raise ProcessError(f"{self.name} was never started")
        return self._child

    def _sweep(self) -> None:
        """Kill what is left of its session, once: workers that outlived their parent. Its id is that group's.

        A process of that id, once ours is gone, is somebody else's: the system gives it anew when the group is empty.
        """
        if self._swept:
            return
        self._swept = True
        if not self.running and Path(f"/proc/{self.pid}").exists():
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _wait(self, condition: Callable[[], object], timeout: float, what: str) -> object:
        def look() -> object:
            found = condition()
            if not found and not self.running:
                raise ProcessError(f"{self.name} ended with {self.returncode} before {what}\n{self.tail()}")
            return found

        try:
            return wait_until(look, timeout, what)
        except ProcessError as error:
            if "waited" not in str(error):
                raise
            raise ProcessError(f"{self.name}: {error}\n{self.tail()}") from None

    def _text(self) -> str:
        if self.log is None or not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(self._mark)
            return file.read().decode(errors="replace")

    def _line_with(self, text: str) -> str | None:
        return next((line for line in self._text().splitlines() if text in line), None)


class Processes:
    """The processes of one run, ended in the reverse order of their start; as a context manager always ended."""

    def __init__(self) -> None:
        self._all: list[Process] = []
        self._lock = threading.Lock()

    def add(self, process: Process) -> Process:
        """Take a process in (started or not); returns it."""
        with self._lock:
            self._all.append(process)
        return process

    def start(self, process: Process) -> Process:
        """Take it in and start it."""
        return self.add(process).start()

    def ended(self) -> list[Process]:
        """Those that were started and no longer run."""
        return [process for process in self._all if process.returncode is not None]

    def versions(self) -> dict[str, str]:
        """What runs, with the versions the programs tell."""
        return {process.name: process.version for process in self._all if process.version}

    def stop(self, timeout: float = 10) -> None:
        """End all of them, the last started first."""
        with self._lock:
            for process in reversed(self._all):
                process.stop(timeout)

    def __iter__(self) -> Iterator[Process]:
        return iter(list(self._all))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.stop()
