"""What thousands of doors cost the cloud, and how long all need after the broker restarted.

Each door has a TLS connection with its own certificate and speaks as the firmware does (tools.fleet). The fleet grows
step by step; at each size memory and processor time of broker, ingest and delivery are read from the system. The points
go to build/fleet.json, of which `python -m tools.fleet.plot` draws the picture in the docs.
"""

from __future__ import annotations

import json
import math
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tools.bench.figures import Figure, figure, size_of
from tools.fleet.fleet import Fleet, Hall, cpu_of, memory_of
from tools.hotel.house import ROOT

if TYPE_CHECKING:
    from tools.processes import Process

DOORS = size_of("FLEET_DOORS", 10_000)
WINDOW = size_of("FLEET_WINDOW", 30)  # s of steady life that are watched at each size
OPENS_AN_HOUR = 4  # lines of each door
OUT = ROOT / "build" / "fleet.json"
_STEPS = (0.1, 0.25, 0.5, 1.0)
_PATIENCE = 600.0
_CONNECTS_A_SECOND = 150.0


def measure() -> dict[str, Figure]:
    """fleet.kib_per_door, cpu_ms_per_door_hour, their slopes, connect_s and recovery_s."""
    points: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(prefix="lockmate-bench-") as name, Hall(Path(name)) as hall:
        roll = hall.roll(DOORS, _told)
        hall.start_broker()
        parts = [hall.broker, hall.worker("ingest"), hall.worker("delivery")]
        idle = _memory(parts)
        fleets: list[Fleet] = []
        try:
            for share in _STEPS:
                count = int(DOORS * share)
                points.append(_grow(roll, fleets, count, parts, idle))
                print(f"  {points[-1]}", flush=True)
            recovery = _herd(hall, fleets)
        finally:
            for fleet in fleets:
                fleet.end()
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({"points": points, "recovery_s": recovery}, indent=1) + "\n", "utf-8")
    first, last = points[0], points[-1]
    return {
        "fleet.kib_per_door": figure([last["kib"] / last["doors"]], "KiB", f"{DOORS} doors; broker, ingest, delivery"),
        "fleet.cpu_ms_per_door_hour": figure([last["cpu_ms_hour"] / last["doors"]], "ms",
                                             f"{DOORS} doors, {OPENS_AN_HOUR} opens an hour each"),
        "fleet.memory_slope": figure([_slope(first, last, "kib")], "", f"log-log, {first['doors']:g} to {DOORS} doors"),
        "fleet.cpu_slope": figure([_slope(first, last, "cpu_ms_hour")], "",
                                  f"log-log, {first['doors']:g} to {DOORS} doors"),
        "fleet.recovery_s": figure([recovery], "s", f"broker restarted under {DOORS} doors, until all are in step"),
    }


def _told(done: int) -> None:
    if done % 1_000 == 0:
        print(f"  {done} doors enrolled", flush=True)


def _grow(roll: Path, fleets: list[Fleet], count: int, parts: list[Process], idle: int) -> dict[str, float]:
    """Add doors up to `count`, wait until all are in step, then watch a while."""
    before = sum(fleet.count for fleet in fleets)
    begun = time.monotonic()
    fleet = Fleet(roll, count - before, 1 if count - before < 2_000 else 2, first=before)
    fleets.append(fleet)
    fleet.ask(do="connect", a_second=_CONNECTS_A_SECOND)
    fleet.until(fleet.in_step, _PATIENCE)
    connected = time.monotonic() - begun
    memory = _memory(parts)
    cpu, begun = _cpu(parts), time.monotonic()
    lines = max(1, count * OPENS_AN_HOUR * WINDOW // 3_600)
    while (gone := time.monotonic() - begun) < WINDOW:
        fleets[int(gone) % len(fleets)].ask(do="some", lines=max(1, lines // WINDOW))
        time.sleep(1.0)
    took = time.monotonic() - begun
    used = _cpu(parts) - cpu
    return {"doors": float(count), "connect_s": round(connected, 1), "kib": (memory - idle) / 1024,
            "cpu_ms_hour": used * 1000 * 3_600 / took}


def _herd(hall: Hall, fleets: list[Fleet]) -> float:
    """Restart the broker under all of them; s from when it listens again until every door is in step."""
    hall.broker.stop(60)
    hall.start_broker()
    begun = time.monotonic()
    for fleet in fleets:
        fleet.until(fleet.in_step, _PATIENCE, pace=0.5)
    return time.monotonic() - begun


def _memory(parts: list[Process]) -> int:
    return sum(memory_of(part.pid) for part in parts)


def _cpu(parts: list[Process]) -> float:
    return sum(cpu_of(part.pid) for part in parts)


def _slope(first: dict[str, float], last: dict[str, float], name: str) -> float:
    """1 is linear; below 1, a door more costs less than the one before."""
    return math.log(last[name] / first[name]) / math.log(last["doors"] / first["doors"])
