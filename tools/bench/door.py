"""The door as a whole, on the simulated board with 32-bit words and a board's heap: on a real broker, by TLS.

What the flash itself would take is told apart from what the processor takes: a file answers at once. A chip's times
(CHIP_MS) times the operations between scan and bolt give door.scan_to_bolt_flash_ms.

A verification made by itself finds cold caches, one of many in a row does not, and a guest's code is always one by
itself. So each scan is set beside one frozen verification by itself, made by a process that slept meanwhile; how the
two differ is door.alone_p99_ratio. Beside the same verification made many times in a row stand the figures in_a_row.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockmate.delivery.broker import DELIVERY
from lockmate.mqtt import Broker, Connection
from tools.bench import wear
from tools.bench.figures import Figure, figure, size_of
from tools.bench.meter import HERE, MACHINE_CODE, Frozen, compiled
from tools.faults.rig import Rig, rig
from tools.hotel.trial import TrialDoor
from tools.processes import LOOPBACK
from tools.virtual import firmware
from tools.virtual.companion import CompanionError, VirtualCompanion

if TYPE_CHECKING:
    from typing import Self

CHIP_MS = {"erase": 45.0, "program": 0.7}  # a block of 4 KB, a page of 256 bytes
_BOOTS = 9
_FILL = 200  # events between two looks whether the journal is full
_FILL_MOST = size_of("DOOR_FILL", 6000)
_SCANS = size_of("DOOR_SCANS", 1000)
_CHUNK = 50  # scans between two looks at what a verification takes
_HEAPS = range(124, 84, -4)  # KiB
_FEW = 40
_PACE_S = 0.05
_MOST_S = 0.1
_PIECE = 8  # bytes; a token's text and its CR are 19 of them
_BAUD = 57_600


def measure() -> dict[str, Figure]:
    """The measures by name."""
    with tempfile.TemporaryDirectory(prefix="lockmate-bench-") as name:
        folder = Path(name)
        found = _boots(folder) | wear.measure(folder / "wear")
        with rig(options=("--device", "on_board_door"), built=_image(folder)) as hotel:
            found |= _busy(hotel)
            found |= _least_heap(hotel)
    return found


def _image(folder: Path) -> Path:
    """The firmware's image, and in it the code that looks on: it lies in flash as the rest does, not in the heap."""
    files = firmware.compiled(firmware.build())
    files["on_board_door.mpy"] = compiled(HERE / "on_board_door.py", MACHINE_CODE, folder)
    image = folder / "rom"
    image.write_bytes(firmware.pack(files))
    return image


def _boots(folder: Path) -> dict[str, Figure]:
    """door.boot_ms: power to first scan accepted, without network; each boot on the flash the last one left."""
    boots = []
    trial = TrialDoor()
    companion = VirtualCompanion(trial.flash(folder / "door.img"), log=folder / "door.log")
    try:
        companion.start()  # the build, and what only the first boot does, are not measured
        for _ in range(_BOOTS):
            companion.kill()
            boots.append(_boot(companion, trial.token()))
    finally:
        companion.stop()
    return {"door.boot_ms": figure(boots, "ms")}


def _boot(companion: VirtualCompanion, token: str) -> float:
    mark = companion.mark()
    begun = time.monotonic()
    companion.start()
    companion.scan(token)
    companion.wait(lambda seen: seen.get("verdict") == "open", 10, since=mark)
    return (time.monotonic() - begun) * 1000


class _Noise:
    """Messages that come down the door's line without a pause: acks that are none, remote opens that are none."""

    def __init__(self, hotel: Rig) -> None:
        house, topic = hotel.house, f"lm/1/{hotel.door.companion_id}/down/"
        files = house.data / "broker"
        self._place = Broker(LOOPBACK, house.broker_port, "localhost", files / "ca.pem", files / f"{DELIVERY}.pem",
                             files / f"{DELIVERY}.key")
        self._messages = [(topic + "ack", b'{"log":"' + b"0" * 300 + b'"}'), (topic + "open", b"HK1:" + b"0" * 147)]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.sent = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_reason: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        connection = Connection(self._place, DELIVERY)
        connection.open()
        try:
            while not self._over.wait(_PACE_S):
                connection.publish(*self._messages[self.sent % 2])
                connection.turn(0)
                self.sent += 1
        finally:
            connection.close()


def _busy(hotel: Rig) -> dict[str, Figure]:
    """Scan to bolt while nothing is acknowledged, the journal is full and the line is never quiet."""
    hotel.ingest.stop()
    hotel.delivery.stop()  # its certificate is one client of the broker
    _fill(hotel)
    hotel.door.companion.ask("heap")  # from now on it is looked at seldom: times count
    ratios: list[float] = []
    in_a_row: list[float] = []
    alone: list[float] = []
    stops: list[float] = []
    flash: list[float] = []
    read: list[float] = []
    with _Noise(hotel), Frozen() as frozen:
        for _ in range(_SCANS // _CHUNK):
            pairs = [(_scan(hotel), frozen.alone_ns() / 1000) for _ in range(_CHUNK)]
            scans = [took for took, _ in pairs]
            verification_us = frozen.ns() / 1000
            ratios += [took["us"] / beside_us for took, beside_us in pairs]
            read += [took["read_us"] / beside_us for took, beside_us in pairs]
            in_a_row += [took["us"] / verification_us for took in scans]
            alone += [beside_us / verification_us for _, beside_us in pairs]
            stops.append(max(took["stop_us"] for took in scans) / verification_us)
            flash += [took["flash_ms"] for took in scans]
    if hotel.door.companion.restarts:
        raise RuntimeError("the door started again")
    live = hotel.door.companion.ask("heap")["used"]
    peak = max(seen.get("heap_peak", 0) for seen in hotel.door.companion.observed)
    against = f"one verification by the frozen d4 8/1 by itself, after each of {len(ratios)} scans"
    hot = "one by the frozen d4 8/1 of many in a row, same run"
    return {
        "door.scan_to_bolt_p99_ratio": figure([_p99(ratios)], "x", against),
        "door.scan_to_bolt_median_ratio": figure([statistics.median(ratios)], "x", against),
        "door.scan_to_answer_p99_ratio": figure([_p99(read)], "x", "until the code was read; same"),
        "door.scan_to_answer_median_ratio": figure([statistics.median(read)], "x", "same"),
        "door.scan_to_bolt_in_a_row_p99_ratio": figure([_p99(in_a_row)], "x", hot),
        "door.scan_to_bolt_in_a_row_median_ratio": figure([statistics.median(in_a_row)], "x", hot),
        "door.alone_p99_ratio": figure([_p99(alone)], "x", "the frozen d4 8/1, one by itself / one of many in a row"),
        "door.scan_to_bolt_flash_ms": figure([_p99(flash)], "ms", f"p99; a chip's {CHIP_MS} for what was done"),
        "door.longest_stop_ratio": figure([max(stops)], "x", "the longest that tasks waited for another; in a row"),
        "door.heap_live_bytes": figure([float(live)], "B", "in use after a collection, at the end, on line"),
        "door.heap_peak_bytes": figure([float(peak)], "B", "in use at any look, what waits to be collected included"),
    }


def _fill(hotel: Rig) -> None:
    """Open until the journal is full: it gave something up, and says so."""
    for _ in range(_FILL_MOST // _FILL):
        hotel.scan_many(_FILL)
        if any(event["kind"] == "log_lost" for event in hotel.door.journal()):
            return
    raise RuntimeError("the journal did not fill up")


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


def _scan(hotel: Rig) -> dict[str, float]:
    """Processor time from the scanner's last byte to the bolt, us, the longest stop meanwhile, and flash's part."""
    companion = hotel.door.companion
    pid = companion.pid
    if pid is None:
        raise RuntimeError("the door is gone")
    mark = companion.mark()
    text = hotel.token().encode() + b"\r"
    for at in range(0, len(text) - _PIECE, _PIECE):  # as a barcode module sends it, at 57,600 baud
        companion.scanner_bytes(text[at : at + _PIECE])
        time.sleep(_PIECE * 10 / _BAUD)
    begun_ns = time.clock_gettime_ns(~pid << 3 | 2)  # the process's own clock, as clock_getcpuclockid(3) names it
    companion.scanner_bytes(text[-_PIECE:])
    bolt = companion.wait(lambda seen: seen.get("bolt") == 1, 10, since=mark)
    verdict = companion.wait(lambda seen: seen.get("verdict") == "open", 10, since=mark)
    companion.wait(lambda seen: "rest" in seen, 10, since=mark)
    time.sleep(random.uniform(0, _MOST_S))  # the next guest comes at any moment of what goes on
    erases, programs = bolt["flash"]
    return {
        "us": bolt["cpu_us"] - begun_ns / 1000,
        "read_us": bolt["came_us"] - begun_ns / 1000,
        "stop_us": verdict["stop_us"],
        "flash_ms": erases * CHIP_MS["erase"] + programs * CHIP_MS["program"],
    }


def _least_heap(hotel: Rig) -> dict[str, Figure]:
    """door.heap_least_bytes: the smallest heap in which the door boots, comes on line and opens."""
    least = 128
    for size in _HEAPS:
        if not _works(hotel, f"{size}K"):
            break
        least = size
    return {"door.heap_least_bytes": figure([least * 1024.0], "B", "boot, TLS and scans without a fault, by 4 KiB")}


def _works(hotel: Rig, heap: str) -> bool:
    """Whether the door works in a heap of this size."""
    companion = hotel.door.companion
    companion.kill()
    companion.heap = heap
    mark = companion.mark()
    try:
        companion.start()
        companion.wait(lambda seen: seen.get("link") == "up", 10, since=mark)
        opened = [hotel.door.scan(hotel.token()) == "open" for _ in range(_FEW)]
    except CompanionError:
        return False
    told: list[dict[str, Any]] = companion.observed[mark:]
    return all(opened) and not any("fault" in seen or seen.get("link") == "down" for seen in told)
