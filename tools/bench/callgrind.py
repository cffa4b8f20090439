"""Exact instruction counts of 32-bit MicroPython, by callgrind: the same at every run, however busy the machine is.

What it needs is fetched when it is first asked for, pinned as the set-up's own files are: a valgrind that knows the
instructions of newer C libraries (Debian 12's does not), of which only the statically linked 32-bit tool is used, and
the 32-bit libsodium to compare with. A count is the difference of two runs, so start-up and imports fall away.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

from tools.hotel.house import ROOT
from tools.setup.micropython import first_had
from tools.setup.mirrors import Cache, NotHad, mirrors, proxies
from tools.setup.pins import Pin
from tools.setup.say import Stop
from tools.virtual import firmware

HOME = ROOT / "build" / "callgrind"
CACHE = Path("~/.cache/lockmate/debian").expanduser()
HEAP = "128K"
PINS = {
    "valgrind": [
        Pin("pool/main/v/valgrind/valgrind_3.24.0-3_amd64.deb",
            "0359e30820ccee7ee5c8d4c951ca276e3978b18f157d71bd77981de05b344907"),
        Pin("pool/main/v/valgrind/valgrind_3.27.1-0.2_amd64.deb",
            "cf3a594ffd254a43934089bba36bdfc51026e0d7016a9bf1015d97cf91ce44c7"),
    ],
    "libsodium": [
        Pin("pool/main/libs/libsodium/libsodium23_1.0.18-1+deb12u1_i386.deb",
            "ab317aa4cc74ccedf1cfdec4bbc3445c6f47825300dd046d410d6fca04359f6e"),
        Pin("pool/main/libs/libsodium/libsodium26_1.0.22-2_i386.deb",
            "4d218ba5e8303ac82e22dbb5f147bcc91fd64396a12c465aed782e63517cb50a"),
    ],
}  # fmt: skip


class NotThere(Exception):
    """Nothing can be counted here; the text says what is missing."""


def _unpacked(name: str) -> Path:
    """The folder of a package, fetched and unpacked if it is not there."""
    folder = HOME / name
    if not folder.exists():
        try:
            file = first_had(PINS[name], Cache(CACHE, mirrors(), proxies()))
        except (NotHad, Stop) as why:
            raise NotThere(f"{name} cannot be had: {why}") from None
        fresh = HOME / f"{name}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        subprocess.run(["dpkg-deb", "--extract", str(file), str(fresh)], check=True)
        fresh.rename(folder)
    return folder


def libsodium() -> Path:
    """The 32-bit libsodium. Raises NotThere."""
    found = sorted(_unpacked("libsodium").glob("usr/lib/*/libsodium.so.*.*"))
    if not found:
        raise NotThere("the libsodium package holds no library")
    return found[0]


def _interpreter() -> list[str]:
    """The words that start the 32-bit MicroPython itself: its wrapper is a script, which callgrind would count."""
    program = firmware.binary()
    for line in program.read_text("utf-8", "replace").splitlines():
        if line.startswith("exec "):
            return shlex.split(line)[1:-1]
    raise NotThere(f"{program} is no wrapper of the set-up's making")


def _collected(words: list[str], path: str) -> int:
    """Instructions of one run."""
    tools = _unpacked("valgrind") / "usr" / "libexec" / "valgrind"
    command = [str(tools / "callgrind-x86-linux"), "--tool=callgrind", "--callgrind-out-file=/dev/null",
               *_interpreter(), "-X", f"heapsize={HEAP}", *words]  # fmt: skip
    environment = {**os.environ, "VALGRIND_LIB": str(tools), "VALGRIND_LAUNCHER": command[0], "MICROPYPATH": path}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    found = re.search(r"Collected : (\d+)", done.stdout + done.stderr)
    if done.returncode or found is None:
        raise NotThere(f"callgrind does not run here: {(done.stderr or done.stdout).strip()[-300:]}")
    return int(found[1])


def instructions(module: str, *words: str, path: str, few: int = 5, many: int = 25) -> float:
    """Instructions of one turn of `module`, which does as many as its first argument says. Raises NotThere."""
    less, more = (_collected(["-m", module, str(turns), *words], path) for turns in (few, many))
    return (more - less) / (many - few)
