"""Lays out MicroPython's type stubs as mypy wants them: a typeshed of its own, apart from CPython's."""

from __future__ import annotations

import importlib.metadata
import shutil
from pathlib import Path

from tools.checks.tree import ROOT

HERE = ROOT / "build" / "typings"
OURS = Path(__file__).with_name("typings")
DISTRIBUTIONS = ("micropython-esp32-stubs", "micropython-stdlib-stubs")


def lay_out() -> Path:
    """Copies the stubs of the ESP32 port, then our corrections over them; returns the folder."""
    versions = " ".join(f"{name}={importlib.metadata.version(name)}" for name in DISTRIBUTIONS)
    own = sorted(OURS.glob("*.pyi"))
    note = HERE / "made-of"
    fresh = versions + "".join(path.read_text(encoding="utf-8") for path in own)
    if note.exists() and note.read_text(encoding="utf-8") == fresh:
        return HERE
    shutil.rmtree(HERE, ignore_errors=True)
    for name in DISTRIBUTIONS:
        for file in importlib.metadata.files(name) or []:
            if file.suffix == ".pyi" or file.name == "VERSIONS":
                target = HERE / str(file)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(str(file.locate()), target)
    for path in own:
        shutil.copyfile(path, HERE / path.name)
    note.write_text(fresh, encoding="utf-8")
    return HERE
