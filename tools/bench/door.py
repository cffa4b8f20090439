"""The door as a whole, on the simulated board with 32-bit words: from power to the first code that opens."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tools.bench.figures import Figure, figure
from tools.hotel.trial import TrialDoor
from tools.virtual.companion import VirtualCompanion

_BOOTS = 9


def measure() -> dict[str, Figure]:
    """door.boot_ms: power to first scan accepted, without network; each boot on the flash the last one left."""
    boots = []
    with tempfile.TemporaryDirectory(prefix="lockmate-bench-") as folder:
        trial = TrialDoor()
        companion = VirtualCompanion(trial.flash(Path(folder) / "door.img"), log=Path(folder) / "door.log")
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
