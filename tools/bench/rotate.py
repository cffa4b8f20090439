"""From a stay's change to the door's word that it applies: 500 doors, one change after the other, on real parts."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from lockmate.doors import Companion, policies
from lockmate.mqtt import Broker, Connection
from lockmate.properties import door_of
from tools.bench.figures import Figure, figure, size_of
from tools.fleet.fleet import NAME, Fleet, Hall
from tools.processes import LOOPBACK, wait_until

DOORS = size_of("ROTATE_DOORS", 500)
CHANGES = size_of("ROTATE_CHANGES", 200)
_PATIENCE = 120.0


def measure() -> dict[str, Figure]:
    """rotate.p50_ms, rotate.p99_ms, rotate.p99_over_roundtrip."""
    with tempfile.TemporaryDirectory(prefix="lockmate-bench-") as name, Hall(Path(name)) as hall:
        roll = hall.roll(DOORS + 1)  # the last one has no door: it is who asks for the round trip
        hall.start_broker()
        hall.worker("ingest")
        hall.worker("delivery")
        with Fleet(roll, DOORS, 1) as fleet:
            fleet.ask(do="connect", a_second=300.0)
            fleet.until(fleet.in_step, _PATIENCE)
            trips = _trips(hall, f"fleet-{10_000 + DOORS:06}")
            took = [_change(hall, 10_000 + n * 7 % DOORS) for n in range(CHANGES)]
    took.sort()
    p99 = took[int(len(took) * 0.99)]
    trip = statistics.median(trips)
    return {
        "rotate.p50_ms": figure([statistics.median(took)], "ms") | {"runs": CHANGES},
        "rotate.p99_ms": figure([p99], "ms") | {"runs": CHANGES},
        "rotate.p99_over_roundtrip": figure([p99 / trip], "x", f"{len(trips)} bare round trips: {trip:.3g} ms"),
    }


def _change(hall: Hall, number: int) -> float:
    """Commit a door's new policy, wait until the cloud has the door's word for it; ms."""
    door = door_of(hall.property, number)
    policy = policies.publish(door)
    begun = time.perf_counter()
    query = Companion.select(Companion.policy_version).where(Companion.door == door)
    wait_until(lambda: query.scalar() == policy.version, _PATIENCE, "the door's word", pace=0.002)
    return (time.perf_counter() - begun) * 1000


def _trips(hall: Hall, companion_id: str) -> list[float]:
    """ms from a publish to its acknowledgement by the broker, one after the other."""
    folder = hall.folder / "roll"
    pem = folder / f"{companion_id}.pem"
    answered: list[int] = []
    place = Broker(LOOPBACK, hall.port, NAME, folder / "ca.pem", pem, pem)
    connection = Connection(place, companion_id, on_answer=lambda mid, _error: answered.append(mid))
    connection.open()
    trips = []
    for _ in range(CHANGES):
        begun = time.perf_counter()
        connection.publish(f"lm/1/{companion_id}/up/events", b"")
        before = len(answered)
        while len(answered) == before:
            connection.turn(1.0)
        trips.append((time.perf_counter() - begun) * 1000)
    connection.close()
    return trips
