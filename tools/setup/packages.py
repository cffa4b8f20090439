"""The Python side: finds a Python >= 3.11, makes .venv, installs the locked packages and the project itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.setup.say import ROOT, run, say
from tools.setup.stamps import Stamp
from tools.setup.system import has_ensurepip, install

OLDEST = (3, 11)
CANDIDATES = ("python3.13", "python3.12", "python3.11", "python3", "/usr/bin/python3")
SOURCE_ONLY = ("esptool",)  # published without a wheel; plain Python
LOCK = ROOT / "requirements" / "dev.lock"
VENV = ROOT / ".venv"
BIN = VENV / "bin"


def version_of(python: str) -> tuple[int, ...]:
    """(major, minor) of an interpreter; () if it does not start."""
    code = "import sys; print(*sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        return ()
    return tuple(int(word) for word in done.stdout.split()) if done.returncode == 0 else ()


def find_python() -> str:
    """An interpreter that can make the venv: the one running, else the newest on the PATH, else Debian's."""
    running = [sys.executable] if sys.version_info >= OLDEST else []
    usable = [
        found
        for name in [*running, *CANDIDATES]
        if (found := shutil.which(name)) is not None and OLDEST <= version_of(found) < (4,)
    ]
    for python in usable:
        if has_ensurepip(python):
            return python
    install(["python3-venv"])
    return "/usr/bin/python3"


def make_venv() -> None:
    """Makes .venv, anew if its Python is gone or too old."""
    python = BIN / "python"
    if python.exists() and version_of(str(python)) >= OLDEST:
        return
    chosen = find_python()
    major_minor = ".".join(str(part) for part in version_of(chosen))
    say(f"Python: making .venv with {chosen} ({major_minor})")
    run([chosen, "-m", "venv", "--clear", str(VENV)])


def install_locked() -> bool:
    """Installs exactly what the lock names, each file checked against its hash. True if there was anything to do."""
    pythons = ".".join(str(part) for part in version_of(str(BIN / "python")))
    stamp = Stamp(VENV / "stamps" / "locked", [LOCK, pythons], [BIN / "pytest", BIN / "ruff", BIN / "mypy"])
    if stamp.holds():
        return False
    say("Python: installing the locked packages")
    built = [word for name in SOURCE_ONLY for word in ("--no-binary", name)]
    pip("install", "--require-hashes", "--only-binary", ":all:", *built, "-r", str(LOCK))
    stamp.put()
    return True


def install_project() -> bool:
    """Installs the project in place, so that its commands and entry points are there. True if there was work."""
    inputs: list[Path | str] = [ROOT / "setup.cfg", ROOT / "pyproject.toml", str(ROOT)]
    stamp = Stamp(VENV / "stamps" / "project", inputs, [BIN / "lockmate"])
    if stamp.holds():
        return False
    say("Python: installing the project in place")
    pip("install", "--no-deps", "--no-build-isolation", "--no-index", "--editable", str(ROOT))
    stamp.put()
    return True


def pip(*words: str) -> None:
    """Runs the venv's pip, quietly, without a look for its own updates."""
    run(
        [str(BIN / "python"), "-m", "pip", "-qq", "--disable-pip-version-check", *words],
        env={"PIP_REQUIRE_VIRTUALENV": "1", "PYTHONWARNINGS": os.environ.get("PYTHONWARNINGS", "")},
    )
