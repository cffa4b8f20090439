"""`make bench`: runs the measures that exist, writes build/bench.json and prints the same as a table."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tools.hotel.house import ROOT

if TYPE_CHECKING:
    from tools.bench.figures import Figure

# every part that a measure belongs to, in the order they run; one whose module is not there yet is named and left out
PARTS = ("verify", "gate", "door", "mint", "ingest", "rotate", "fleet", "pages")
OUT = ROOT / "build" / "bench.json"


def machine() -> str:
    """What this ran on, in a few words."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name)
    except OSError:
        pass  # not Linux
    system = f"{platform.system()} {platform.release()}"
    return f"{name}, {os.cpu_count()} cores, {system}, Python {platform.python_version()}"


def commit() -> str:
    """The commit that is checked out, with + if the tree differs from it; empty outside a repository."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    head = git("rev-parse", "--short=12", "HEAD")
    return head + ("+" if head and git("status", "--porcelain") else "")


def run(parts: list[str]) -> dict[str, Figure]:
    """The measures of these parts; what one took is written before the next begins."""
    found: dict[str, Figure] = {}
    for part in parts:
        if importlib.util.find_spec(f"tools.bench.{part}") is None:
            print(f"{part}: nothing to measure yet", flush=True)
            continue
        begun = time.monotonic()
        print(f"{part}: …", flush=True)
        measured: dict[str, Figure] = importlib.import_module(f"tools.bench.{part}").measure()
        found |= measured
        _write(found)
        print(f"{part}: {len(measured)} measures in {time.monotonic() - begun:.0f} s", flush=True)
    return found


def _write(measures: dict[str, Figure]) -> None:
    OUT.parent.mkdir(parents=True, exist_ok=True)
    facts = {"commit": commit(), "machine": machine(), "measures": measures}
    OUT.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", "utf-8")


def table(measures: dict[str, Figure]) -> str:
    """For people."""
    rows = [("measure", "value", "unit", "runs", "spread", "against")]
    for name, each in measures.items():
        spread = " – ".join(f"{end:g}" for end in each["spread"])
        rows.append((name, f"{each['value']:g}", each["unit"], str(each["runs"]), spread, each["baseline"]))
    widths = [max(len(row[n]) for row in rows) for n in range(6)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def main(argv: list[str] | None = None) -> int:
    """0 if all that was asked for was measured."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("--only", choices=PARTS, action="append", help="only this part; may be repeated")
    words = parser.parse_args(argv)
    measures = run(words.only or list(PARTS))
    print("\n" + machine() + "\n" + table(measures))
    print(f"\nWritten to {OUT.relative_to(ROOT)}")
    return 0 if measures else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what a part has started ends with it
    sys.exit(main())
