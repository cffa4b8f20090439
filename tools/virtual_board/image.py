"""Stand-ins for MicroPython's published images: of the right form for esptool, with nothing to run in them.

What answers on a virtual board after flashing is the host's own MicroPython; these bytes only have to arrive.
"""

from __future__ import annotations

import struct

CHIP_IDS = {"esp32": 0, "esp32c3": 5, "esp32s3": 9, "esp32c6": 13}
_BANNER = b"v1.25.0 on 2025-04-15\0"
_HEADER = "<BBBBIB3sHBHH4sB"  # esp_image_header_t of ESP-IDF, 24 bytes


def image(chip: str, size: int = 20_000, *, romfs: bool = True) -> bytes:
    """Loader, an empty table and an application of about `size` bytes, in one file as micropython.org has it.

    romfs: with the name of the function that a MicroPython built with ROMFS has.
    """
    start = 0x1000 if chip == "esp32" else 0
    loader = _part(chip, 1_000).ljust(0x8000 - start, b"\xff")
    return (loader + b"\xff" * 0x8000).ljust(0x10000 - start, b"\xff") + _part(
        chip, size, _BANNER + (b"\0rom_ioctl\0" if romfs else b""))


def _part(chip: str, size: int, names: bytes = b"") -> bytes:
    """An image of one segment, with its checksum."""
    size = -(-size // 4) * 4
    body = names + bytes(n * 7 % 251 for n in range(len(names), size))
    head = struct.pack(_HEADER, 0xE9, 1, 2, 0x20, 0x40080000, 0xEE, bytes(3), CHIP_IDS[chip], 0, 0, 0xFFFF, bytes(4), 0)
    whole = head + struct.pack("<II", 0x3FFB0000, size) + body
    check = 0xEF
    for byte in body:
        check ^= byte
    return whole.ljust(len(whole) // 16 * 16 + 15, b"\0") + bytes([check])
