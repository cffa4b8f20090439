"""The chip itself, by esptool, a program of its own: which chip it is, and MicroPython written to its flash.

Always with the ROM's own loader (`--no-stub`): no code of others runs on the board, and what the tests speak to is
what a board speaks. At 460,800 baud that costs half a minute for MicroPython, once in a board's life.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tools.installer import partitions
from tools.installer.board import check_port
from tools.installer.trouble import Trouble

_BAUD = "460800"
_LONG_S = 300
_TYPE = re.compile(r"^Connected to (ESP32(?:-\w+)?) on ", re.MULTILINE)
_MAC = re.compile(r"^MAC:\s+([0-9a-f:]{17})", re.MULTILINE)
_SIZE = re.compile(r"^Detected flash size:\s+(\d+)MB", re.MULTILINE)
_FATAL = re.compile(r"fatal error occurred: (.*)")


@dataclass(frozen=True, slots=True)
class Chip:
    """A chip in its loader: its name as Espressif writes it, its MAC in hex, its flash in bytes."""

    name: str
    serial: str
    flash_size: int


def look(port: str) -> Chip:
    """Which chip is on this port; it stays in its loader. Raises Trouble."""
    said = _esptool(port, ["--after", "no-reset"], ["flash-id"])
    name, mac, size = _TYPE.search(said), _MAC.search(said), _SIZE.search(said)
    if name is None or mac is None or size is None:
        raise Trouble("esptool", port=port, said="flash-id")
    return Chip(name[1], mac[1].replace(":", ""), int(size[1]) * 1024 * 1024)


def write_micropython(port: str, chip: Chip, content: bytes) -> None:
    """Write MicroPython, our partition table and an empty choice of slots; esptool reads back the hash of each.

    Raises Trouble before a byte is written: `wrong_chip` if the image is another's, `image_too_large`, `flash_small`.
    """
    image = partitions.read_image(content)
    if image.chip != chip.name:
        raise Trouble("wrong_chip", image=image.chip, chip=chip.name)
    places = partitions.layout(chip.flash_size, romfs=image.knows_romfs)
    most = next(one.size for one in places if one.label == "ota_0")
    if len(image.app) > most:
        raise Trouble("image_too_large", size=len(image.app) // 1024, most=most // 1024)
    parts = {
        partitions.LOADER_AT[chip.name]: image.loader,
        partitions.TABLE_AT: partitions.table(places),
        partitions.OTADATA_AT: b"\xff" * partitions.OTADATA_SIZE,
        partitions.APP_AT: image.app,
    }
    with tempfile.TemporaryDirectory() as folder:
        # the loader believes its own header: one for 4 MB starts nothing whose table reaches beyond that
        words = ["write-flash", "--flash-size", f"{chip.flash_size >> 20}MB"]
        for place, body in parts.items():
            file = Path(folder) / f"{place:x}.bin"
            file.write_bytes(body)
            words += [f"{place:#x}", str(file)]
        said = _esptool(port, ["--chip", chip.name.lower().replace("-", ""), "--after", "hard-reset"], words)
    if said.count("Hash of data verified") != len(parts):
        raise Trouble("read_back", file="MicroPython")


def command_line(port: str, options: list[str], words: list[str]) -> list[str]:
    """Exactly what is run."""
    return [sys.executable, "-m", "esptool", "--port", port, "--baud", _BAUD, "--no-stub", *options, *words]


def _esptool(port: str, options: list[str], words: list[str]) -> str:
    check_port(port)
    try:
        done = subprocess.run(
            command_line(port, options, words), capture_output=True, text=True, check=False, timeout=_LONG_S,
            stdin=subprocess.DEVNULL, env={**os.environ, "NO_COLOR": "1", "COLUMNS": "200"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Trouble("esptool", port=port, said="timeout") from None
    said = done.stdout + done.stderr
    if done.returncode:
        if port.startswith("/") and not Path(port).exists():
            raise Trouble("unplugged", port=port)
        check_port(port)
        fatal = _FATAL.search(said)
        lines = said.strip().splitlines()
        raise Trouble("esptool", port=port, said=fatal[1] if fatal else lines[-1] if lines else "?")
    return said
