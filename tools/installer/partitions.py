"""The flash's partition table (`layout.toml`): two slots for MicroPython and two for our firmware.

So the first boards can be updated over the air.

Format: ESP-IDF, "Partition Tables" (32-byte entries `AA 50 type subtype offset size label flags`, an MD5 entry at the
end), at 0x8000. An image for one slot is everything from 0x10000 on; the loader's own place differs by chip.
"""

from __future__ import annotations

import hashlib
import re
import struct
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tools.installer.trouble import Trouble

TABLE_AT, APP_AT, TABLE_SIZE = 0x8000, 0x10000, 0xC00
LOADER_AT = {"ESP32": 0x1000, "ESP32-S3": 0, "ESP32-C3": 0, "ESP32-C6": 0}
OTADATA_AT, OTADATA_SIZE = 0xD000, 0x2000
ROMFS, ROMFS_SUB = "romfs", 0x8F  # as MicroPython's ESP32 port looks for it
_ENTRY = "<2sBBII16sI"
_MAGIC, _MD5_MAGIC, _IMAGE_MAGIC = b"\xaa\x50", b"\xeb\xeb", 0xE9
_CHIP_IDS = {0: "ESP32", 5: "ESP32-C3", 9: "ESP32-S3", 13: "ESP32-C6"}
_CHIP_ID_AT = 12  # in an image's extended header (ESP-IDF, esp_image_header_t)
_BANNER = re.compile(rb"v(\d+\.\d+[\w.-]*) on \d{4}-\d\d-\d\d\0")  # what MicroPython greets with
_KNOWS_ROMFS = b"rom_ioctl"  # the name of the function, among all names that a MicroPython has built in
_LAYOUT = Path(__file__).parent / "layout.toml"


@dataclass(frozen=True, slots=True)
class Partition:
    """kind and sub as ESP-IDF numbers them (0: application, 1: data)."""

    label: str
    kind: int
    sub: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes of a flash and of its parts; `app` and `firmware` are there twice."""

    size: int
    app: int
    firmware: int
    store: int


@cache
def known() -> tuple[Sizes, ...]:
    """What `layout.toml` lists, the smallest flash first."""
    listed = tomllib.loads(_LAYOUT.read_text("utf-8"))["flash"]
    return tuple(sorted((Sizes(**one) for one in listed), key=lambda sizes: sizes.size))


def layout(flash_size: int, *, romfs: bool) -> list[Partition]:
    """The partitions of a flash of so many bytes; what is left at the end is the file system's. Raises Trouble.

    romfs: whether the MicroPython that comes with it can run code from a ROMFS.
    """
    fitting = [sizes for sizes in known() if sizes.size <= flash_size]
    if not fitting:
        raise Trouble("flash_small", size=flash_size // 1024, least=known()[0].size // 1024)
    sizes = fitting[-1]
    parts = [
        Partition("nvs", 1, 0x02, 0x9000, 0x4000),
        Partition("otadata", 1, 0x00, OTADATA_AT, OTADATA_SIZE),
        Partition("phy_init", 1, 0x01, 0xF000, 0x1000),
    ]
    at = APP_AT
    for label, kind, sub, size in (
        ("ota_0", 0, 0x10, sizes.app), ("ota_1", 0, 0x11, sizes.app),
        (ROMFS, 1, ROMFS_SUB, 2 * sizes.firmware if romfs else 0), ("store", 1, 0x40, sizes.store),
    ):  # fmt: skip
        if size:
            parts.append(Partition(label, kind, sub, at, size))
        at += size
    return [*parts, Partition("vfs", 1, 0x81, at, flash_size - at)]


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

    @property
    def version(self) -> str:
        """MicroPython's, as it greets with it; "" if it does not say."""
        told = _BANNER.search(self.app)
        return told[1].decode() if told else ""

    @property
    def knows_romfs(self) -> bool:
        """Whether it was built with `MICROPY_VFS_ROM`: images for download are not, as of 1.25."""
        return _KNOWS_ROMFS in self.app


def read_image(content: bytes) -> MicropythonImage:
    """Take an image apart. Raises Trouble `image_wrong`."""
    if len(content) <= _CHIP_ID_AT + 2 or content[0] != _IMAGE_MAGIC:
        raise Trouble("image_wrong", why="magic")
    chip = _CHIP_IDS.get(struct.unpack_from("<H", content, _CHIP_ID_AT)[0])
    if chip is None:
        raise Trouble("image_wrong", why="chip")
    start = LOADER_AT[chip]
    loader, app = content[: TABLE_AT - start], content[APP_AT - start :]
    if len(app) <= _CHIP_ID_AT or app[0] != _IMAGE_MAGIC:
        raise Trouble("image_wrong", why="application")
    return MicropythonImage(chip, loader, app)
