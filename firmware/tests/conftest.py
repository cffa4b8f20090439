"""Collects each firmware test script once per interpreter: MicroPython with 32- and with 64-bit words, and CPython.

A script is a plain program: it prints what failed, closes with the line `N passed, M failed`, and exits non-zero
if anything failed. A comment line near its top narrows where it runs, or gives it more time:

    # runs on: micropython32 cpython
    # time limit: 120
    # heap: 128K

`# runs on: pytest` leaves a file to pytest itself: a test that drives MicroPython from outside.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

INTERPRETERS = ("micropython32", "micropython", "cpython")
# More than a board has, since tests carry vectors; a script that is about memory asks for less.
HEAP = "4M"
TIME_LIMIT = 120
CLOSING = re.compile(r"^(\d+) passed, (\d+) failed$")
HEADER_LINES = 12


def header(text: str, name: str) -> str | None:
    """The value of a `# name: value` comment among a script's first lines."""
    for line in text.splitlines()[:HEADER_LINES]:
        found = re.match(rf"#\s*{name}:\s*(.+?)\s*$", line)
        if found:
            return found[1]
    return None


def program(interpreter: str) -> str | None:
    """The path of an interpreter: what `make setup` made, else what is on the PATH."""
    if interpreter == "cpython":
        return sys.executable
    beside = Path(sys.executable).with_name(interpreter)
    return str(beside) if beside.exists() else shutil.which(interpreter)


class ScriptFailed(Exception):
    """A script failed or ended without its closing line; the message is its output."""


class Script(pytest.File):
    """One `test_*.py` of the firmware."""

    def collect(self) -> Iterator[ScriptRun]:
        """One item for each interpreter the script runs on."""
        text = self.path.read_text(encoding="utf-8")
        wanted = (header(text, "runs on") or " ".join(INTERPRETERS)).split()
        unknown = set(wanted) - set(INTERPRETERS)
        if unknown:
            raise pytest.UsageError(f"{self.path.name}: '# runs on:' names unknown interpreters: {sorted(unknown)}")
        for interpreter in INTERPRETERS:
            if interpreter in wanted:
                yield ScriptRun.from_parent(
                    self,
                    name=interpreter,
                    interpreter=interpreter,
                    heap=header(text, "heap") or HEAP,
                    limit=int(header(text, "time limit") or TIME_LIMIT),
                )


class ScriptRun(pytest.Item):
    """One script in one interpreter, in a process of its own."""

    def __init__(self, *, interpreter: str, heap: str, limit: int, **rest: object) -> None:
        super().__init__(**rest)
        self.interpreter = interpreter
        self.heap = heap
        self.limit = limit

    def runtest(self) -> None:
        """Runs the script from the root with `firmware/` importable."""
        found = program(self.interpreter)
        if found is None:
            raise ScriptFailed(f"{self.interpreter} is not installed: run `make setup`")
        root = self.config.rootpath
        # `.frozen` keeps MicroPython's own asyncio in reach; the tests' folder gives check.py.
        firmware, tests = root / "firmware", root / "firmware" / "tests"
        environment = {
            **os.environ,
            "MICROPYPATH": f"{firmware}:{tests}:.frozen",
            "PYTHONPATH": f"{firmware}{os.pathsep}{tests}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        options = ["-W", "error"] if self.interpreter == "cpython" else ["-X", f"heapsize={self.heap}"]
        try:
            done = subprocess.run(
                [found, *options, str(self.path.relative_to(root))],
                cwd=root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=self.limit,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            said = (late.stdout or b"").decode("utf-8", "replace")
            raise ScriptFailed(f"not finished after {self.limit} s\n{said}") from None
        said = done.stdout.decode("utf-8", "replace")
        lines = said.strip().splitlines()
        closing = CLOSING.match(lines[-1]) if lines else None
        if done.returncode != 0:
            raise ScriptFailed(f"exit code {done.returncode}\n{said}")
        if closing is None:
            raise ScriptFailed(f"no closing line 'N passed, M failed'\n{said}")
        if closing[1] == "0" or closing[2] != "0":
            raise ScriptFailed(f"exit code 0 does not fit the closing line\n{said}")
        self.add_report_section("call", "counts", lines[-1])

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: str | None = None) -> str:
        """What the script said, without our own traceback."""
        if isinstance(excinfo.value, ScriptFailed):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo, style=style))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where a failure is shown."""
        return self.path, 0, f"{self.path.name} in {self.interpreter}"


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> Script | None:
    """Takes the firmware's scripts out of pytest's hands: they are programs, not modules of this interpreter."""
    if module_path.parent == Path(__file__).parent and header(module_path.read_text("utf-8"), "runs on") != "pytest":
        return Script.from_parent(parent, path=module_path)
    return None
