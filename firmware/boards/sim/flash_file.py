"""The simulated board's flash: a NOR part in a file, every read, program and erase a real one on that file.

Another device with the same methods can take its place (`--device MODULE` names a module with a class `Device`):
that is how cuts and worn blocks come in.
"""

import os

_BLOCK = 4096
_ERASED = bytes([255]) * 512


class Device:
    """A block device as `vfs.VfsLfs2` wants it (extended interface: offsets inside a block)."""

    def __init__(self, path: str) -> None:
        """path: the image, whole 4,096-byte blocks. OSError if it can't be opened, ValueError if it is none."""
        size = os.stat(path)[6]
        if size == 0 or size % _BLOCK:
            raise ValueError("flash image size")
        self.blocks = size // _BLOCK
        self.reads = 0
        self.programs = 0
        self.programmed = 0  # bytes
        self.erases = 0
        self._file = open(path, "r+b")

    def counts(self) -> dict:
        """Operations since power came, and the bytes programmed."""
        return {
            "reads": self.reads,
            "programs": self.programs,
            "programmed": self.programmed,
            "erases": self.erases,
        }

    def readblocks(self, block: int, buffer: bytearray, offset: int = 0) -> None:
        """Fill `buffer` from that place."""
        self.reads += 1
        self._file.seek(block * _BLOCK + offset)
        self._file.readinto(buffer)

    def writeblocks(self, block: int, buffer: bytes, offset: int | None = None) -> None:
        """Program `buffer` there. Without an offset the block is erased first, as the simple interface asks."""
        if offset is None:
            for n in range(len(buffer) // _BLOCK):
                self.erase(block + n)
            offset = 0
        self.programs += 1
        self.programmed += len(buffer)
        self._file.seek(block * _BLOCK + offset)
        self._file.write(buffer)

    def erase(self, block: int) -> None:
        """Set a block to ones."""
        self.erases += 1
        self._file.seek(block * _BLOCK)
        for _ in range(_BLOCK // len(_ERASED)):
            self._file.write(_ERASED)

    def ioctl(self, operation: int, argument: int) -> int:
        """4: number of blocks, 5: their size, 6: erase one; the rest needs nothing here."""
        if operation == 4:
            return self.blocks
        if operation == 5:
            return _BLOCK
        if operation == 6:
            self.erase(argument)
        return 0
