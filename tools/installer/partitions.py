"""The flash's partition table: two slots for MicroPython itself, so that the first boards can be updated over the air.

Format: ESP-IDF, "Partition Tables" (32-byte entries `AA 50 type subtype offset size label flags`, an MD5 entry at the
end), at 0x8000. An image for one slot is everything from 0x10000 on; the loader's own place differs by chip.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

from tools.installer.trouble import Trouble

TABLE_AT, APP_AT, TABLE_SIZE = 0x8000, 0x10000, 0xC00
LOADER_AT = {"ESP32": 0x1000, "ESP32-S3": 0, "ESP32-C3": 0, "ESP32-C6": 0}
OTADATA_AT, OTADATA_SIZE = 0xD000, 0x2000
SLOT = 0x1A0000  # of MicroPython: what ESP32_GENERIC of 1.25 needs, with a little room
STORE = 0x40000  # what the firmware learns and its journal: a raw partition
FLASH_LEAST = 4 * 1024 * 1024
_ENTRY = "<2sBBII16sI"
_MAGIC, _MD5_MAGIC, _IMAGE_MAGIC = b"\xaa\x50", b"\xeb\xeb", 0xE9
_CHIP_IDS = {0: "ESP32", 5: "ESP32-C3", 9: "ESP32-S3", 13: "ESP32-C6"}
_CHIP_ID_AT = 12  # in an image's extended header (ESP-IDF, esp_image_header_t)


@dataclass(frozen=True, slots=True)
class Partition:
    """kind and sub as ESP-IDF numbers them (0: application, 1: data)."""

    label: str
    kind: int
    sub: int
    offset: int
    size: int


def layout(flash_size: int) -> list[Partition]:
    """The partitions of a flash of so many bytes; what is left at the end is the file system's. Raises Trouble."""
    if flash_size < FLASH_LEAST:
        raise Trouble("flash_small", size=flash_size // 1024, least=FLASH_LEAST // 1024)
    files_at = APP_AT + 2 * SLOT + STORE
    return [
        Partition("nvs", 1, 0x02, 0x9000, 0x4000),
        Partition("otadata", 1, 0x00, OTADATA_AT, OTADATA_SIZE),
        Partition("phy_init", 1, 0x01, 0xF000, 0x1000),
        Partition("ota_0", 0, 0x10, APP_AT, SLOT),
        Partition("ota_1", 0, 0x11, APP_AT + SLOT, SLOT),
        Partition("store", 1, 0x40, APP_AT + 2 * SLOT, STORE),
        Partition("vfs", 1, 0x81, files_at, flash_size - files_at),
    ]


def table(partitions: list[Partition]) -> bytes:
    """The table as it lies in the flash: entries, their MD5, and ones."""
    entries = b"".join(
        struct.pack(_ENTRY, _MAGIC, one.kind, one.sub, one.offset, one.size, one.label.encode(), 0)
        for one in partitions
    )
    digest = hashlib.md5(entries, usedforsecurity=False).digest()
    return (entries + _MD5_MAGIC + b"\xff" * 14 + digest).ljust(TABLE_SIZE, b"\xff")


@dataclass(frozen=True, slots=True)
class MicropythonImage:
    """An image as MicroPython publishes it: loader, table and application in one file, for one chip."""

    chip: str
    loader: bytes
    app: bytes


def read_image(content: bytes) -> MicropythonImage:
    """Take an image apart. Raises Trouble `image_wrong` or `image_too_large`."""
    if len(content) <= _CHIP_ID_AT + 2 or content[0] != _IMAGE_MAGIC:
        raise Trouble("image_wrong", why="magic")
    chip = _CHIP_IDS.get(struct.unpack_from("<H", content, _CHIP_ID_AT)[0])
    if chip is None:
        raise Trouble("image_wrong", why="chip")
    start = LOADER_AT[chip]
    loader, app = content[: TABLE_AT - start], content[APP_AT - start :]
    if len(app) <= _CHIP_ID_AT or app[0] != _IMAGE_MAGIC:
        raise Trouble("image_wrong", why="application")
    if len(app) > SLOT:
        raise Trouble("image_too_large", size=len(app) // 1024, most=SLOT // 1024)
    return MicropythonImage(chip, loader, app)
