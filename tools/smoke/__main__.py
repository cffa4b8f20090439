"""`make smoke`: starts every part on ports and data of its own, walks through every journey, and sums up."""

from __future__ import annotations

import argparse
import contextlib
import platform
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from tools.hotel.house import House
from tools.processes import Processes, free_port, version_of
from tools.smoke.journey import STEPS, Journey
from tools.smoke.report import Halt, Report
from tools.virtual.firmware import binary


class Ended(BaseException):
    """Somebody asked us to end."""


def _asked(_number: int, _frame: object) -> None:
    raise Ended


def main(argv: list[str] | None = None) -> int:
    """0 if every step is well."""
    parser = argparse.ArgumentParser(prog="python -m tools.smoke", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="keep the folder with data and logs")
    words = parser.parse_args(argv)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _asked)
    begun = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="lockmate-smoke-"))
    house = House(folder, free_port(), free_port(), clock=folder / "clock", mail_port=free_port())
    (folder / "clock").write_text("0", "ascii")
    report = Report(STEPS)
    processes = Processes()
    journey = Journey(house, processes, report)
    asked = False
    try:
        with contextlib.suppress(Halt):
            journey.walk()
    except Ended:
        asked = True
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        if not report.ok and not asked:
            _say_more(processes)
        versions = _versions(journey, processes)
        journey.close()
        processes.stop()
        if words.keep:
            print(f"Kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"\n{time.monotonic() - begun:.1f} s")
    return report.finish(versions)


def _say_more(processes: Processes) -> None:
    """The last lines of every process, to see why a step failed."""
    for process in processes:
        state = "runs" if process.running else f"ended with {process.returncode}"
        print(f"--- {process.name} ({state})\n{process.tail(8)}")


def _versions(journey: Journey, processes: Processes) -> dict[str, str]:
    """What ran, with versions."""
    found = dict(processes.versions())
    micropython = version_of([str(binary(32)), "-c", "import sys; print(sys.version)"])
    for door in journey.companions:
        ready = next((seen for seen in door.companion.observed if "ready" in seen), {})
        found[door.companion_id] = f"{micropython}; Ed25519 engine {ready.get('engine', 'unknown')}"
    found["python"] = platform.python_version()
    return found


if __name__ == "__main__":
    sys.exit(main())
