"""The board's flash partition: a part of the flash chip's file, as a block device for VfsLfs2."""

BLOCK = 4096
_ERASED = bytes([255]) * BLOCK


class Partition:
    """size bytes from `base` on of an open file; whole 4,096-byte blocks."""

    def __init__(self, file: object, base: int, size: int) -> None:
        self._file = file
        self._base = base
        self._blocks = size // BLOCK

    def readblocks(self, block: int, buffer: bytearray, offset: int = 0) -> None:
        """Fill `buffer` from that place."""
        self._file.seek(self._base + block * BLOCK + offset)
        self._file.readinto(buffer)

    def writeblocks(self, block: int, buffer: bytes, offset: int | None = None) -> None:
        """Program `buffer` there; without an offset the blocks are erased first, as the simple interface asks."""
        if offset is None:
            for n in range(len(buffer) // BLOCK):
                self.ioctl(6, block + n)
        self._file.seek(self._base + block * BLOCK + (offset or 0))
        self._file.write(buffer)

    def ioctl(self, operation: int, argument: int) -> int:
        """4: number of blocks, 5: their size, 6: erase one; the rest needs nothing here."""
        if operation == 4:
            return self._blocks
        if operation == 5:
            return BLOCK
        if operation == 6:
            self._file.seek(self._base + argument * BLOCK)
            self._file.write(_ERASED)
        return 0
