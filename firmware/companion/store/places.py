"""Where a record is kept: in a file, in a log of raw flash that is only added to, or in a cell of raw flash.

Each place knows the age of what it holds (0: nothing good), is either old or new after a power cut, and is `damaged` if
something was there that was not right. A record on flash is a head (magic, age, length, CRC-32) and its body.
"""

import binascii
import os
import struct

from companion.store import files
from companion.store.raw import BLOCK, PAGE, START, Area, after_a_cut

_HEAD = ">4sIHI"  # magic, age, length, CRC-32 of age, length and body
_HEAD_SIZE = 14
_MAGIC = b"LMS1"
_BLANK = b"\xff" * _HEAD_SIZE


def _crc(age: int, length: int) -> int:
    return binascii.crc32(struct.pack(">IH", age, length))


def _head(age: int, body: bytes | bytearray) -> bytes:
    crc = binascii.crc32(body, _crc(age, len(body))) & 0xFFFFFFFF
    return struct.pack(_HEAD, _MAGIC, age, len(body), crc)


def _is_right(head: bytes | bytearray, body: bytes | bytearray) -> bool:
    """Whether a record's head is that of its body."""
    return len(head) == _HEAD_SIZE and head == _head(struct.unpack(_HEAD, head)[1], body)


class FilePlace:
    """A file of its own, replaced whole."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.age, body = self._load()
        self.damaged = body is not None and self.age == 0

    def read(self) -> bytes | None:
        """The body."""
        age, body = self._load()
        return body if age else None

    def _load(self) -> tuple[int, bytes | None]:
        """(age, body), age 0 if the record is not right, no body if there is none. A policy has 4 KB: never twice."""
        try:
            with open(self._path, "rb") as source:
                head = source.read(_HEAD_SIZE)
                body = source.read(os.stat(self._path)[6] - len(head))
        except OSError:
            return 0, None
        return (struct.unpack(_HEAD, head)[1] if _is_right(head, body) else 0), body

    def put(self, age: int, body: bytes) -> None:
        """Replace the record. Raises OSError; what was there then stands."""
        files.write(self._path, _head(age, body), body)
        self.age = age

    def erase(self) -> None:
        """Forget it."""
        files.remove(self._path)
        self.age = 0

    def tend(self) -> bool:
        """Nothing to do ahead."""
        return False


class Log:
    """Records one after the other over an area's blocks; the newest sound one counts. No record waits for an erase.

    When less than half a block is left, `tend` erases the next one.
    """

    def __init__(self, area: Area) -> None:
        self._area = area
        self._block = area.count - 1  # where the newest record is, or was to be
        self._at = 0  # of the newest record
        self._length = 0
        self._end = BLOCK  # where the next one goes
        self.age = 0
        self.damaged = False
        self._stuck = False  # a block could not be erased ahead: it is left alone until it is needed
        self._ready = [area.marked(n) for n in range(area.count)]
        for n in range(area.count):
            if self._ready[n]:
                self._find(n)
        if self.age:
            end = area.end(self._block)
            whole = self._at + _HEAD_SIZE + self._length
            self._end = whole if end <= whole else after_a_cut(end)

    def _find(self, n: int) -> None:
        """Look for the newest record in a block."""
        head = bytearray(_HEAD_SIZE)
        at = START
        while at + _HEAD_SIZE <= BLOCK:
            self._area.read(n, at, head)
            magic, age, length, crc = struct.unpack(_HEAD, head)
            if magic == _MAGIC and at + _HEAD_SIZE + length <= BLOCK:
                self._ready[n] = False
                if age and self._area.crc(n, at + _HEAD_SIZE, length, _crc(age, length)) == crc:
                    if age > self.age:
                        self.age, self._block, self._at, self._length = age, n, at, length
                    at += _HEAD_SIZE + length
                    continue
            elif head != _BLANK:
                self._ready[n] = False
            at = self._next(n, at)

    def _next(self, n: int, at: int) -> int:
        """Where a record may stand behind one that went bad or was cut: at the next magic, else at the next page."""
        window = bytearray(min(PAGE + len(_MAGIC) - 1, BLOCK - at - 1))  # one that begins in this page ends in the next
        self._area.read(n, at + 1, window)
        found = bytes(window).find(_MAGIC)
        return at + 1 + found if found >= 0 else at // PAGE * PAGE + PAGE

    def read(self) -> bytes | None:
        """The newest record's body; None if it is not right any more."""
        head, body = bytearray(_HEAD_SIZE), bytearray(self._length)
        self._area.read(self._block, self._at, head)
        self._area.read(self._block, self._at + _HEAD_SIZE, body)
        return bytes(body) if _is_right(head, body) else None

    def put(self, age: int, body: bytes) -> None:
        """Add a record. Raises OSError; what was there then stands."""
        raw = _head(age, body) + body
        if self._end + len(raw) <= BLOCK:
            try:
                self._add(self._block, self._end, raw)
                self.age = age
                return
            except OSError:
                pass  # the block is no good: once more in the next one
        n = (self._block + 1) % self._area.count
        if not self._ready[n]:
            self._area.prepare(n)
        self._ready[n] = False
        self._add(n, START, raw)
        self.age = age

    def _add(self, n: int, at: int, raw: bytes) -> None:
        self._end = BLOCK
        self._area.program(n, at, raw)
        self._block, self._at, self._length = n, at, len(raw) - _HEAD_SIZE
        self._end = at + len(raw)

    def erase(self) -> None:
        """Forget all records."""
        for n in range(self._area.count):
            self._area.drop(n)
            self._ready[n] = False
        self.age, self._end = 0, BLOCK

    def tend(self) -> bool:
        """Erase ahead if it is time; True if it did. Nobody may be waiting."""
        n = (self._block + 1) % self._area.count
        if self._ready[n] or self._stuck or self._end < BLOCK // 2:
            return False
        try:
            self._area.prepare(n)
        except OSError:
            self._stuck = True
            return False
        self._ready[n] = True
        return True


class Cell:
    """A record of up to half an area, in the half without the newest one. Writing erases: for rare things."""

    def __init__(self, area: Area) -> None:
        self._area = area
        self._half = area.count // 2
        self._newest = 0  # block
        self._length = 0
        self.age = 0
        self.damaged = False
        head = bytearray(_HEAD_SIZE)
        for n in (0, self._half):
            if not area.marked(n):
                continue
            area.read(n, START, head)
            magic, age, length, crc = struct.unpack(_HEAD, head)
            if magic != _MAGIC or START + _HEAD_SIZE + length > self._half * BLOCK:
                continue
            if age > self.age and area.crc(n, START + _HEAD_SIZE, length, _crc(age, length)) == crc:
                self.age, self._newest, self._length = age, n, length

    def read(self) -> bytes | None:
        """The record's body; None if it is not right any more."""
        head, body = bytearray(_HEAD_SIZE), bytearray(self._length)
        at = START
        for part in (head, body):
            done = 0
            while done < len(part):
                size = min(len(part) - done, BLOCK - at % BLOCK)
                self._area.read(self._newest + at // BLOCK, at % BLOCK, memoryview(part)[done : done + size])
                done += size
                at += size
        return bytes(body) if _is_right(head, body) else None

    def put(self, age: int, body: bytes | bytearray) -> None:
        """Replace the record. Raises OSError; what was there then stands."""
        if START + _HEAD_SIZE + len(body) > self._half * BLOCK:
            raise OSError(28)
        n = self._half - self._newest
        for each in range(n + 1, n + (START + _HEAD_SIZE + len(body) - 1) // BLOCK + 1):
            self._area.clear(each)
        self._area.prepare(n)
        at = START
        for data in (_head(age, body), body):
            for begin in range(0, len(data), PAGE):
                at = self._fill(n, at, data[begin : begin + PAGE])
        self.age, self._newest, self._length = age, n, len(body)

    def _fill(self, n: int, at: int, data: bytes | bytearray) -> int:
        """Program at most a page, over a block's end too; where it ended."""
        here = min(len(data), BLOCK - at % BLOCK)
        self._area.program(n + at // BLOCK, at % BLOCK, data[:here])
        if here < len(data):
            self._area.program(n + at // BLOCK + 1, 0, data[here:])
        return at + len(data)

    def holds(self, body: bytes | bytearray) -> bool:
        """Whether this is the record's body, told by its head alone."""
        head = bytearray(_HEAD_SIZE)
        if self.age:
            self._area.read(self._newest, START, head)
        return self.age > 0 and head == _head(self.age, body)

    def erase(self) -> None:
        """Forget it."""
        for n in (0, self._half):
            self._area.drop(n)
        self.age = 0

    def tend(self) -> bool:
        """Nothing to do ahead."""
        return False
