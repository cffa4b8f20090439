"""A flash for tests: the real VfsLfs2 over RAM in MicroPython, a temporary folder in CPython."""

import os
import sys

import check  # noqa: F401 - puts the firmware on the path
from companion.store.raw import Area

_BLOCK = 4096
_mounted = []


class Ram:
    """A block device that forgets; `erases` and `programs` count."""

    def __init__(self, blocks):
        self.blocks = [bytearray(b"\xff" * _BLOCK) for _ in range(blocks)]
        self.erases = 0
        self.programs = 0

    def copy(self):
        """Another part that holds the same."""
        other = Ram(0)
        other.blocks = [bytearray(block) for block in self.blocks]
        return other

    def readblocks(self, block, buffer, offset=0):
        buffer[:] = memoryview(self.blocks[block])[offset : offset + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        """As NOR flash does: ones become zeros, nothing else."""
        self.programs += 1
        end = offset + len(buffer)
        held = int.from_bytes(self.blocks[block][offset:end], "big")
        self.blocks[block][offset:end] = (held & int.from_bytes(buffer, "big")).to_bytes(len(buffer), "big")

    def ioctl(self, operation, argument):
        if operation == 4:
            return len(self.blocks)
        if operation == 5:
            return _BLOCK
        if operation == 6:
            self.erases += 1
            block = self.blocks[argument]
            for n in range(_BLOCK):
                block[n] = 255
        return 0


def area(blocks=24):
    """Raw flash for a journal, erased as from the factory."""
    return Area(Ram(blocks))


STORE = 40  # blocks, as the simulated board has


def fresh(blocks=64):
    """The path of an empty file system."""
    if sys.implementation.name != "micropython":
        import tempfile

        return tempfile.mkdtemp()
    import vfs

    while _mounted:
        vfs.umount(_mounted.pop())
    device = Ram(blocks)
    vfs.VfsLfs2.mkfs(device)
    vfs.mount(vfs.VfsLfs2(device, mtime=False), "/ram")
    _mounted.append("/ram")
    return "/ram"


def copy(folder, into):
    """Copy the files of a folder into another one, made if it is not there; what else is there goes."""
    if into.rsplit("/", 1)[-1] not in os.listdir(into.rsplit("/", 1)[0]):
        os.mkdir(into)
    for name in os.listdir(into):
        os.remove(into + "/" + name)
    for name in os.listdir(folder):
        put(into + "/" + name, get(folder + "/" + name))


def get(path):
    with open(path, "rb") as source:
        return source.read()


def put(path, data):
    with open(path, "wb") as target:
        target.write(data)
