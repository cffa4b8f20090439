"""`make lint`: runs every check of the tree, prints one line for each, and fails if any failed.

Names of checks as arguments run only those: `python -m tools.checks firmware-types`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tools import firmware_archive, pinout
from tools.checks import firmware, native, packages, tree, typings
from tools.checks.tree import ROOT

BIN = Path(sys.executable).parent


def program(name: str, *words: str, path: str = "") -> Callable[[], tuple[bool, str]]:
    """A check that is a program of the venv: passes if its exit code is 0. path: a folder more for mypy."""

    def check() -> tuple[bool, str]:
        done = subprocess.run(
            [str(BIN / name), *words],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            env={**os.environ, **({"MYPYPATH": str(ROOT / path)} if path else {})},
        )
        return done.returncode == 0, done.stdout

    return check


def ours(faults: Callable[[], list[str]]) -> Callable[[], tuple[bool, str]]:
    """A check of our own: passes if it finds no fault."""

    def check() -> tuple[bool, str]:
        found = faults()
        return not found, "\n".join(found)

    return check


def firmware_types() -> tuple[bool, str]:
    """mypy over the firmware with each of its boards, with MicroPython's stubs instead of CPython's."""
    typings.lay_out()
    said = ""
    for board in ("sim", "esp32"):
        place = f"firmware/boards/{board}"
        words = ["--config-file", "tools/checks/mypy-firmware.ini", "--cache-dir", f"build/mypy-{board}"]
        passed, found = program("mypy", *words, "firmware/companion", "firmware/boards/both", place, path=place)()
        said += found
        if not passed:
            return False, f"with the board {board}:\n{said}"
    return True, said


def esp32_build() -> list[str]:
    """The whole firmware for an ESP32 goes through the compiler for its code."""
    try:
        firmware_archive.build("xtensawin", "esp32")
    except firmware_archive.BuildError as error:
        return [str(error)]
    return []


def pin_outs() -> list[str]:
    """Every fault of the tree's pin-outs."""
    return [f"firmware/boards/esp32/pins/{name}.json: {fault}"
            for name in pinout.names() for fault in pinout.faults(pinout.text_of(name))]  # fmt: skip


CHECKS: dict[str, Callable[[], tuple[bool, str]]] = {
    "style": program("ruff", "check", "--quiet", "--output-format", "concise", "."),
    "types": program("mypy", "cloud/lockmate", "tools"),
    "firmware-types": firmware_types,
    "arrows": program("lint-imports", "--no-cache"),
    "firmware-arrows": ours(firmware.faults),
    "native-code": ours(native.faults),
    "esp32-build": ours(esp32_build),
    "pin-outs": ours(pin_outs),
    "packages": ours(packages.faults),
    "tree": ours(tree.faults),
}


def main(names: list[str]) -> int:
    """Exit code 0 if all passed, 1 if not, 2 for a check that does not exist."""
    unknown = sorted(set(names) - set(CHECKS))
    if unknown:
        print(f"No such check: {', '.join(unknown)}. There are: {', '.join(CHECKS)}.")
        return 2
    failed = []
    for name in names or CHECKS:
        began = time.monotonic()
        passed, said = CHECKS[name]()
        print(f"{name:<16} {'passed' if passed else 'FAILED':<7} {time.monotonic() - began:5.1f} s", flush=True)
        if not passed:
            failed.append(name)
            print(said.rstrip() + "\n", flush=True)
    if failed:
        print(f"Failed: {', '.join(failed)}.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
