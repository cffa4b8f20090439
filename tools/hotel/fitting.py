"""What an installer would do to a companion's flash image: write it once, and tell it another way to the broker."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tools.virtual.image import ImageError, make_image, read_image

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
    make_image(flash, files, size=flash.stat().st_size)


def journal_of(flash: Path, tries: int = 20) -> list[tuple[str, bytes]]:
    """The journal's lines as they lie on the image: (tag, exact JSON bytes), in the order of their seq.

    The companion may be writing meanwhile: a snapshot that can't be read is taken again.
    """
    while True:
        try:
            files = read_image(flash)
            break
        except ImageError:
            tries -= 1
            if not tries:
                raise
    found: dict[tuple[str, int], tuple[str, bytes]] = {}
    for content in files.values():
        for line in content.split(b"\n"):
            whole = _LINE.fullmatch(line)
            if whole:
                body = whole[2]
                facts = json.loads(body)
                found[facts["log"], facts["seq"]] = (whole[1].decode(), body)
    return [found[key] for key in sorted(found)]
