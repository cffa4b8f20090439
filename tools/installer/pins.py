"""MicroPython images: one that the user gives, or one that a list of pins names by chip, version and SHA-256."""

from __future__ import annotations

import hashlib
import tomllib
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tools.installer.trouble import Trouble

OURS = Path(__file__).parent / "micropython.toml"
_MOST = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Pin:
    """One published image."""

    chip: str
    version: str
    url: str
    sha256: str


def read(path: Path = OURS) -> list[Pin]:
    """The pins of a list. Raises Trouble `file_wrong`."""
    try:
        entries = tomllib.loads(path.read_text("utf-8")).get("image", [])
        return [Pin(str(one["chip"]), str(one["version"]), str(one["url"]), str(one["sha256"])) for one in entries]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise Trouble("file_wrong", file=path, why=error) from error


def fetch(pins: list[Pin], chip: str, version: str, kept: Path) -> bytes:
    """The image for a chip: from the folder where it was kept, else from its address. Raises Trouble.

    Nothing is used whose SHA-256 is not the pin's.
    """
    pin = next((pin for pin in pins if pin.chip == chip and version in ("", pin.version)), None)
    if pin is None:
        raise Trouble("no_image", chip=chip, version=version or "–")
    place = kept / f"{pin.sha256}.bin"
    if place.exists():
        content = place.read_bytes()
        if hashlib.sha256(content).hexdigest() == pin.sha256:
            return content
    try:
        with urllib.request.urlopen(pin.url, timeout=60) as answer:
            fetched: bytes = answer.read(_MOST)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise Trouble("no_image", chip=chip, version=pin.version, why=error) from error
    found = hashlib.sha256(fetched).hexdigest()
    if found != pin.sha256:
        raise Trouble("image_wrong", why=f"SHA-256 {found[:16]}… ≠ {pin.sha256[:16]}…")
    kept.mkdir(parents=True, exist_ok=True)
    fresh = place.with_suffix(".new")
    fresh.write_bytes(fetched)
    fresh.replace(place)
    return fetched
