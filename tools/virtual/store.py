"""Reads the raw store of a flash image with the firmware's own code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tools.firmware_folder import FIRMWARE
from tools.virtual.image import BLOCK, STORE

if TYPE_CHECKING:
    from collections.abc import Iterator

if str(FIRMWARE) not in sys.path:
    sys.path.append(str(FIRMWARE))

from companion.store.layout import Store
from companion.store.places import Cell, Log
from companion.store.segments import Segments
from companion.store.slots import Slots
from companion.store.squeeze import stretch


class RawFlash:
    """Raw flash as the firmware sees it; what is written goes to this copy of its content."""

    def __init__(self, content: bytes) -> None:
        self.content = bytearray(content)

    def readblocks(self, block: int, buffer: bytearray | memoryview, offset: int = 0) -> None:
        """Fill the buffer."""
        at = block * BLOCK + offset
        buffer[:] = self.content[at : at + len(buffer)]

    def writeblocks(self, block: int, buffer: bytes | bytearray, offset: int) -> None:
        """Ones become zeros."""
        for n, byte in enumerate(buffer, block * BLOCK + offset):
            self.content[n] &= byte

    def ioctl(self, operation: int, argument: int) -> int:
        """4: how many blocks; 6: erase one."""
        if operation == 6:
            self.content[argument * BLOCK : (argument + 1) * BLOCK] = b"\xff" * BLOCK
        return len(self.content) // BLOCK


def journal_lines(image: bytes) -> Iterator[bytes]:
    """Every line that the journal of an image holds, whole or not, whatever its tag says."""
    return lines_of(image[-STORE:])


def lines_of(store: bytes) -> Iterator[bytes]:
    """The same of a store's raw content, whatever its size."""
    segments = Segments(Store(RawFlash(store)).journal)
    for segment in segments.live:
        for at, packed in segments.lines(segment):
            if at:
                yield stretch(packed, segment.log.hex())


def learned(image: bytes) -> bytes | None:
    """The record of what the door learned, as store/beliefs.py packs it."""
    store = Store(RawFlash(image[-STORE:]))
    body: bytes | None = Slots(Log(store.learned[0]), Log(store.learned[1])).read()
    return body


def rescue_age(image: bytes) -> int:
    """How often the copy of the installer's files was written."""
    age: int = Cell(Store(RawFlash(image[-STORE:])).rescue).age
    return age
