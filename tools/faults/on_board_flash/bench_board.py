# mypy: ignore-errors
# (this runs in MicroPython)
"""The board of the power cuts: flash in RAM that tells of every operation, time that passes only when nobody works.

The firmware's own `companion.main` runs on it, whole. `Board.play` is the coroutine that stands before the door.
"""

import asyncio
import os
import time

import board
import ffi
import uctypes
import vfs

BLOCK = 4096
STORE = 24  # blocks: the least there may be, so that the journal goes round more than once a day
_ERASED = b"\xff" * BLOCK

_libc = ffi.open(None)
fork = _libc.func("i", "fork", "")
waitpid = _libc.func("i", "waitpid", "ipi")
leave = _libc.func("v", "_exit", "i")
alarm = _libc.func("I", "alarm", "I")
_malloc = _libc.func("p", "malloc", "I")


def room(size):
    """So many bytes for good, outside the heap: a collection walks all of that, and a flash would be most of it."""
    return uctypes.bytearray_at(_malloc(size), size)


def content_of(path):
    """A file in such room."""
    content = room(os.stat(path)[6])
    with open(path, "rb") as source:
        source.readinto(content)
    return content


class Flash:
    """A NOR part in RAM; `told(kind, block, offset, data)` hears of every operation before it is done."""

    def __init__(self, content, told=None):
        self.content = content
        self.told = told
        self.blocks = len(content) // BLOCK - STORE

    def readblocks(self, block, buffer, offset=0):
        at = block * BLOCK + offset
        buffer[:] = memoryview(self.content)[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        if self.told is not None:
            self.told("p", block, offset, buffer)
        program(self.content, block * BLOCK + offset, buffer)

    def erase(self, block):
        if self.told is not None:
            self.told("e", block, 0, b"")
        self.content[block * BLOCK : (block + 1) * BLOCK] = _ERASED

    def ioctl(self, operation, argument):
        if operation == 4:
            return self.blocks
        if operation == 5:
            return BLOCK
        if operation == 6:
            self.erase(argument)
        return 0


def program(content, at, data):
    """Ones become zeros."""
    held = int.from_bytes(content[at : at + len(data)], "big")
    content[at : at + len(data)] = (held & int.from_bytes(data, "big")).to_bytes(len(data), "big")


class Raw:
    """The blocks behind the file system's."""

    def __init__(self, flash):
        self._flash = flash

    def readblocks(self, block, buffer, offset=0):
        self._flash.readblocks(self._flash.blocks + block, buffer, offset)

    def writeblocks(self, block, buffer, offset):
        self._flash.writeblocks(self._flash.blocks + block, buffer, offset)

    def ioctl(self, operation, argument):
        return STORE if operation == 4 else self._flash.ioctl(operation, self._flash.blocks + argument)


class _Time:
    """Milliseconds that pass while all tasks sleep, and not before."""

    def __init__(self):
        self.begun = self.now = time.ticks_ms()

    def ticks(self):
        return self.now

    def wait(self, ms):
        self.now = time.ticks_add(self.now, max(ms, 0))


clock = _Time()
asyncio.core.ticks = clock.ticks
asyncio.core.IOQueue.wait_io_event = clock.wait


class _Lines:
    """The scanner's channel."""

    def __init__(self):
        self._data = b""
        self._come = asyncio.Event()

    def put(self, data):
        self._data += data
        self._come.set()

    async def readinto(self, buffer):
        await self._come.wait()
        n = min(len(buffer), len(self._data))
        buffer[:n] = self._data[:n]
        self._data = self._data[n:]
        if not self._data:
            self._come.clear()
        return n


class _Bolt:
    after_ms = 0
    retriggers = True

    def __init__(self, wall):
        self._wall = wall

    def pulse(self, _ms):
        self._wall.moved()

    def off(self):
        pass


class _Watchdog:
    def feed(self):
        pass


class Board(board.Board):
    """The simulated board without its harness; its private names are not known here.

    `flash`, `script` and `moved` are set before `companion.main` starts.
    """

    inputs = ()
    flash = None
    script = None
    moved = None

    def __init__(self):
        self.scanner = _Lines()
        self.scanner_module = ""
        self.rereads = False
        self.bolt = _Bolt(self)
        self.card = None
        self.watchdog = _Watchdog()
        self.network = None
        self.verdicts = []

    def store(self):
        return Raw(self.flash)

    def mount(self):
        vfs.mount(vfs.VfsLfs2(self.flash, mtime=False), self.files)

    def format(self):
        vfs.VfsLfs2.mkfs(self.flash)
        self.mount()

    def tasks(self):
        return [("script", self.script(), None)]

    def tell(self, facts):
        if "verdict" in facts:
            self.verdicts.append(facts["verdict"])

    def memory(self):
        return b""

    def remember(self, data):
        pass

    def supply_mv(self):
        return 12_000

    def rssi(self):
        return None

    def read(self, name):
        return 0

    async def scan(self, text):
        """Hold a code before the scanner; the verdict."""
        seen = len(self.verdicts)
        self.scanner.put(text.encode() + b"\r")
        while len(self.verdicts) == seen:
            await asyncio.sleep_ms(10)
        return self.verdicts[seen]

    def monotonic_ms(self):
        return time.ticks_diff(clock.now, clock.begun)

    def restart(self):
        leave(3)

    def halt(self):
        leave(4)


board.Board = Board
