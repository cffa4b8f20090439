"""Raw flash beside the file system: whole blocks, erased ahead while nobody waits, so that no write waits for an erase.

A block that was erased whole carries a mark; one without it (never used, done with, or an erase that was cut) is erased
before it is used. A program that was cut leaves bytes that may read one way now and another later: what comes after
begins a page further on.
"""

import binascii

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Flash(Protocol):
        """What a board gives: blocks of 4,096 bytes, programmed without erasing when an offset is named."""

        def readblocks(self, block: int, buffer: bytearray | memoryview, offset: int = 0) -> object:
            """Fill the buffer."""

        def writeblocks(self, block: int, buffer: bytes | bytearray, offset: int) -> object:
            """Program: ones become zeros."""

        def ioctl(self, operation: int, argument: int) -> int | None:
            """4: how many blocks; 6: erase one."""


BLOCK = 4096
PAGE = 256
START = 4  # of what a block holds, after its mark
_MARK = b"LMR1"
_ERASE = 6
_COUNT = 4
_EIO = 5
_page = bytearray(PAGE)


class Area:
    """A run of blocks, numbered from 0. Every method raises OSError if the flash fails."""

    def __init__(self, flash: "Flash", first: int = 0, count: int | None = None) -> None:
        """count: None for all that the flash has from `first` on."""
        self._flash = flash
        self._first = first
        self.count: int = (flash.ioctl(_COUNT, 0) or 0) - first if count is None else count

    def part(self, first: int, count: int) -> "Area":
        """Some of these blocks."""
        return Area(self._flash, self._first + first, count)

    def read(self, n: int, at: int, buffer: "bytearray | memoryview") -> None:
        """Fill the buffer from there."""
        self._flash.readblocks(self._first + n, buffer, at)

    def program(self, n: int, at: int, data: bytes | bytearray) -> None:
        """Put bytes where ones are. Raises OSError if they don't read back then; what the flash says does not count."""
        try:
            self._flash.writeblocks(self._first + n, data, at)
        except OSError:
            pass
        for begin in range(0, len(data), PAGE):
            part = memoryview(data)[begin : begin + PAGE]
            seen = memoryview(_page)[: len(part)]
            self.read(n, at + begin, seen)
            if seen != part:
                raise OSError(_EIO)

    def prepare(self, n: int) -> None:
        """Erase a block and mark it as ready."""
        self.clear(n)
        self.program(n, 0, _MARK)

    def clear(self, n: int) -> None:
        """Erase a block that goes on from the one before it, and carries no mark."""
        self._flash.ioctl(_ERASE, self._first + n)

    def drop(self, n: int) -> None:
        """What the block holds counts no more; to be erased when there is time."""
        self._flash.writeblocks(self._first + n, bytes(len(_MARK)), 0)

    def marked(self, n: int) -> bool:
        """Whether the block was erased whole, and not dropped since."""
        mark = memoryview(_page)[: len(_MARK)]
        self.read(n, 0, mark)
        return bytes(mark) == _MARK

    def end(self, n: int) -> int:
        """Where the ones begin that go on to the block's end."""
        for at in range(BLOCK - PAGE, -1, -PAGE):
            self.read(n, at, _page)
            used = len(bytes(_page).rstrip(b"\xff"))
            if used:
                return at + used
        return 0

    def crc(self, n: int, at: int, length: int, crc: int = 0) -> int:
        """The CRC-32 of bytes of a block, going on from `crc`; they may go on into the blocks that follow."""
        while length:
            n, at = n + at // BLOCK, at % BLOCK
            part = memoryview(_page)[: min(length, PAGE, BLOCK - at)]
            self.read(n, at, part)
            crc = binascii.crc32(part, crc)
            at += len(part)
            length -= len(part)
        return crc & 0xFFFFFFFF


def after_a_cut(end: int) -> int:
    """Where to go on in a block whose last bytes, before `end`, are those of a program that was cut."""
    return (end + PAGE - 1) // PAGE * PAGE + PAGE
