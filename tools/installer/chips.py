"""The chip itself, over esptool's own programming interface: which it is, and MicroPython written to its flash."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import esptool
import serial
from esptool import cmds
from esptool.loader import ESPLoader

from tools.installer import partitions
from tools.installer.board import check_port
from tools.installer.trouble import Trouble

_RESET = "default-reset"
_SIZES = {f"{n}MB": n * 1024 * 1024 for n in (1, 2, 4, 8, 16, 32, 64, 128)}
_FAST = 460_800


@dataclass(frozen=True, slots=True)
class Chip:
    """A chip in its loader: its name as Espressif writes it, its MAC in hex, its flash in bytes."""

    name: str
    serial: str
    flash_size: int


def look(port: str) -> Chip:
    """Which chip is on this port. Raises Trouble."""
    with _loader(port) as (_esp, chip):
        return chip


def write_micropython(port: str, content: bytes) -> Chip:
    """Write MicroPython, our partition table and an empty choice of slots; every part is read back by its hash.

    Raises Trouble `wrong_chip` before a byte is written if the image is another chip's.
    """
    image = partitions.read_image(content)
    with _loader(port) as (esp, chip):
        if image.chip != chip.name:
            raise Trouble("wrong_chip", image=image.chip, chip=chip.name)
        parts = [
            (partitions.LOADER_AT[chip.name], image.loader),
            (partitions.TABLE_AT, partitions.table(partitions.layout(chip.flash_size))),
            (partitions.OTADATA_AT, b"\xff" * partitions.OTADATA_SIZE),
            (partitions.APP_AT, image.app),
        ]
        cmds.write_flash(esp, parts, flash_size="keep")  # esptool compares the hash of each part with the flash's own
        table = parts[1][1]
        if esp.flash_md5sum(partitions.TABLE_AT, len(table)) != hashlib.md5(table, usedforsecurity=False).hexdigest():
            raise Trouble("read_back", file="partition table")
        cmds.reset_chip(esp, "hard-reset")
        return chip


@contextmanager
def _loader(port: str) -> Iterator[tuple[ESPLoader, Chip]]:
    check_port(port)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            esp = cmds.detect_chip(port, connect_mode=_RESET, connect_attempts=3)
            try:
                name = esp.CHIP_NAME
                if name not in partitions.LOADER_AT:
                    raise Trouble("wrong_chip", image=", ".join(partitions.LOADER_AT), chip=name)
                cmds.attach_flash(esp)
                size = _SIZES.get(cmds.detect_flash_size(esp) or "", 0)
                mac = bytes(esp.read_mac()).hex()
                yield esp, Chip(name, mac, size)
            finally:
                esp._port.close()  # noqa: SLF001 - esptool gives no other way to let the port go
    except esptool.FatalError as error:
        raise Trouble("esptool", port=port, said=str(error).splitlines()[0]) from error
    except (serial.SerialException, OSError) as error:
        raise Trouble("unplugged", port=port) from error
