"""The simulated board's flash: a NOR part in a file, every read, program and erase a real one on that file.

The file system has its first blocks, the raw store its last 40: one part, two partitions, as on a board.

Another device with the same methods can take its place (`--device MODULE` names a module with a class `Device`):
that is how cuts and worn blocks come in.
"""

import os

STORE = 40  # blocks
_BLOCK = 4096
_ONES = (
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    b"\xff\xff\xff\xff"
)


class Device:
    """A block device as `vfs.VfsLfs2` wants it (extended interface: offsets inside a block)."""

    def __init__(self, path: str) -> None:
        """path: the image, whole 4,096-byte blocks. OSError if it can't be opened, ValueError if it is none."""
        size = os.stat(path)[6]
        self.blocks = size // _BLOCK - STORE  # the file system's
        if self.blocks <= 0 or size % _BLOCK:
            raise ValueError("flash image size")
        self.reads = 0
        self.programs = 0
        self.programmed = 0  # bytes
        self.erases = 0
        self._file = open(path, "r+b")
        self._page = bytearray(256)

    def counts(self) -> dict:
        """Operations since power came, and the bytes programmed."""
        return {
            "reads": self.reads,
            "programs": self.programs,
            "programmed": self.programmed,
            "erases": self.erases,
        }

    def readblocks(self, block: int, buffer: "bytearray | memoryview", offset: int = 0) -> None:
        """Fill `buffer` from that place."""
        self.reads += 1
        self._file.seek(block * _BLOCK + offset)
        self._file.readinto(buffer)

    def writeblocks(self, block: int, buffer: bytes | bytearray, offset: int | None = None) -> None:
        """Program `buffer` there. Without an offset the block is erased first, as the simple interface asks."""
        if offset is None:
            for n in range(len(buffer) // _BLOCK):
                self.erase(block + n)
            offset = 0
        self.programs += 1
        self.programmed += len(buffer)
        self._put(block * _BLOCK + offset, buffer)

    def _put(self, at: int, data: bytes | bytearray) -> None:
        """As NOR flash does: ones become zeros, nothing else."""
        held = self._read(at, len(data))
        if held != memoryview(_ONES)[: len(data)]:
            data = (int.from_bytes(held, "big") & int.from_bytes(data, "big")).to_bytes(len(data), "big")
        self._file.seek(at)
        self._file.write(data)

    def _read(self, at: int, size: int) -> "bytes | memoryview":
        """What is there; a page's worth without taking anything from the heap, which no chip's driver would."""
        self._file.seek(at)
        if size > len(self._page):
            return self._file.read(size)
        held = memoryview(self._page)[:size]
        self._file.readinto(held)
        return held

    def erase(self, block: int) -> None:
        """Set a block to ones."""
        self.erases += 1
        self._file.seek(block * _BLOCK)
        for _ in range(_BLOCK // len(_ONES)):
            self._file.write(_ONES)

    def ioctl(self, operation: int, argument: int) -> int:
        """4: number of blocks, 5: their size, 6: erase one; the rest needs nothing here."""
        if operation == 4:
            return self.blocks
        if operation == 5:
            return _BLOCK
        if operation == 6:
            self.erase(argument)
        return 0


class Store:
    """The raw blocks behind the file system's, as a device of their own."""

    def __init__(self, device: Device) -> None:
        self._device = device

    def readblocks(self, block: int, buffer: "bytearray | memoryview", offset: int = 0) -> None:
        """Fill `buffer` from that place."""
        self._device.readblocks(self._device.blocks + block, buffer, offset)

    def writeblocks(self, block: int, buffer: bytes | bytearray, offset: int) -> None:
        """Program `buffer` there."""
        self._device.writeblocks(self._device.blocks + block, buffer, offset)

    def ioctl(self, operation: int, argument: int) -> int:
        """4: number of blocks, 5: their size, 6: erase one."""
        if operation == 4:
            return STORE
        return self._device.ioctl(operation, self._device.blocks + argument)
