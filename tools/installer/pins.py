"""MicroPython images by a list of pins that names them by chip, version and SHA-256: ours, or the laptop's own."""

from __future__ import annotations

import hashlib
import json
import tomllib
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tools.installer import partitions
from tools.installer.cloud import write_private
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


def own(kept: Path) -> Path:
    """The laptop's own list, beside the folder of the images that are kept."""
    return kept.parent / "micropython.toml"


def known(kept: Path) -> list[Pin]:
    """The laptop's own pins, the newest first, and then ours. Raises Trouble."""
    mine = own(kept)
    return [*(reversed(read(mine)) if mine.exists() else []), *read()]


def add(content: bytes, source: Path, kept: Path) -> str:
    """Pin an image for this laptop, and keep it; the lines of its pin, for other lists. Raises Trouble."""
    image = partitions.read_image(content)
    digest = hashlib.sha256(content).hexdigest()
    facts: dict[str, object] = {
        "chip": image.chip, "version": image.version or "?", "url": source.resolve().as_uri(), "sha256": digest,
        "romfs": image.knows_romfs,  # for people: without, only boards with PSRAM run the firmware
    }  # fmt: skip
    lines = "\n".join(["[[image]]", *(f"{name} = {json.dumps(fact)}" for name, fact in facts.items())])
    place, mine = kept / f"{digest}.bin", own(kept)
    write_private(place, content)
    former = mine.read_text("utf-8") if mine.exists() else "# MicroPython images that this laptop trusts.\n"
    if not any(pin.sha256 == digest for pin in known(kept)):
        write_private(mine, f"{former}\n{lines}\n".encode())
    return lines


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
    write_private(place, fetched)
    return fetched
