"""What an installer would do to a companion's flash image: write it once, and tell it another way to the broker."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tools.virtual.image import ImageError, read_image, replace_files
from tools.virtual.store import journal_lines

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = "/config.json"
_LINE = re.compile(rb'([0-9a-f]{16}) (\{"log":"[0-9a-f]{16}".*\})')


def config_of(flash: Path) -> dict[str, Any]:
    """The configuration on an image. Raises ImageError."""
    files = read_image(flash)
    if CONFIG not in files:
        raise ImageError(f"{flash.name} holds no {CONFIG}")
    config = json.loads(files[CONFIG])
    if not isinstance(config, dict):
        raise ImageError(f"{CONFIG} of {flash.name} is no JSON object")
    return config


def set_broker(flash: Path, host: str, port: int) -> None:
    """Write the broker's address into an image's configuration, if it is another one; every other file stays."""
    files = read_image(flash)
    config = json.loads(files[CONFIG])
    broker = config["broker"]
    if (broker["host"], broker["port"]) == (host, port):
        return
    broker["host"], broker["port"] = host, port
    files[CONFIG] = json.dumps(config, separators=(",", ":")).encode()
    replace_files(flash, files)


def journal_of(flash: Path) -> list[tuple[str, bytes]]:
    """The journal's lines as they lie on the image: (tag, exact JSON bytes), in the order of their seq."""
    found = {}
    for line in journal_lines(flash.read_bytes()):
        whole = _LINE.fullmatch(line)
        if whole:
            facts = json.loads(whole[2])
            found[facts["log"], facts["seq"]] = (whole[1].decode(), whole[2])
    return [found[key] for key in sorted(found)]
