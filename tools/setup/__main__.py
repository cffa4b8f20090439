"""`make setup`: brings in everything the project needs, does nothing that is done already, and says what runs here."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from tools.setup import micropython, packages, pages, system
from tools.setup.mirrors import Cache, mirrors, proxies
from tools.setup.say import Stop, say

RUNTIMES = packages.VENV / "micropython"


def cache_folder() -> Path:
    """Where verified downloads are kept between set-ups."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "lockmate" / "debian"


def set_up() -> None:
    """All steps in order; each raises Stop with the sentence to print."""
    version = system.release()
    system.install(system.missing(version))
    packages.make_venv()
    packages.install_locked()
    packages.install_project()
    pages.install_and_copy()
    cache = Cache(cache_folder(), mirrors(), proxies())
    wide = (
        micropython.from_system(packages.BIN)
        if version == "13"
        else micropython.from_archive("amd64", cache, RUNTIMES, packages.BIN)
    )
    narrow = micropython.from_archive("i386", cache, RUNTIMES, packages.BIN)
    say(f"MicroPython: {wide} with 64-bit words (micropython), {narrow} with 32-bit words (micropython32)")


def main() -> int:
    """Exit code 0 if everything is there, 1 if not."""
    began = time.monotonic()
    try:
        set_up()
    except Stop as reason:
        say(f"make setup stopped: {reason}")
        return 1
    say(f"Set up in {time.monotonic() - began:.1f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
