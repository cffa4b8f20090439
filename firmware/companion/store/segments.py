"""The journal's blocks of raw flash: each holds lines from one seq on, and says so in its head.

A line is on flash when it was programmed behind the last one; no erase is needed for that while there is a block ready.
Lines end with LF and hold no 0xFF, which is what erased flash reads.
"""

import binascii
import struct

from companion.store.raw import BLOCK, PAGE, START, Area, after_a_cut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

AHEAD = 3  # blocks kept erased
COPY = 255  # kind of a block that is being put together from others, and does not count yet
_COUNTS = 1  # of one that does; 0: any other
_HEAD = ">I8sBI"  # first seq, log, kind, CRC-32 of those
_HEAD_SIZE = 17
_KIND = START + 12
_LINES = START + _HEAD_SIZE  # where the first line begins
ROOM = BLOCK - _LINES
_LF = b"\n"
_NO_SPACE = 28
_BLANK = b"\xff" * _HEAD_SIZE


class Segment:
    """One block in use: its lines' seqs begin at `first`; `end` is where the next line goes, BLOCK if none may."""

    kind = 0
    after = 0  # its lines up to this seq are in the segment before, too
    last = 0  # seq of its newest line; 0: not looked at
    end = BLOCK
    heavy = -1  # bytes that are not given up first; -1: not looked at

    def __init__(self, block: int, first: int, log: bytes) -> None:
        self.block = block
        self.first = first
        self.log = log


class Segments:
    """All blocks of an area: `live` in the order of their seqs, the others ready or to be erased."""

    def __init__(self, area: Area) -> None:
        self._area = area
        self.live: list[Segment] = []
        self._ready: list[int] = []
        self._dirty: list[int] = []
        for n in range(area.count):
            self._look(n)
        self.live.sort(key=lambda segment: (segment.first, segment.kind))
        self._in_turn(self.live[-1].block if self.live else 0)

    def _look(self, n: int) -> None:
        head = bytearray(_HEAD_SIZE)
        self._area.read(n, START, head)
        if not self._area.marked(n):
            self._dirty.append(n)
        elif head == _BLANK:
            self._ready.append(n)
        else:
            first, log, kind, _crc = struct.unpack(_HEAD, head)
            if kind != COPY and head == _head(first, log, kind):
                self.live.append(self._segment(n, first, log, kind))
            else:
                self._dirty.append(n)

    def _segment(self, n: int, first: int, log: bytes, kind: int) -> Segment:
        """A segment; there are up to 28 in the heap, so that what most have alike they have together."""
        if self.live and self.live[-1].log == log:
            log = self.live[-1].log
        segment = Segment(n, first, log)
        if kind:
            segment.kind = kind
        return segment

    def _in_turn(self, newest: int) -> None:
        """Blocks are used round and round, so that all wear alike."""
        for blocks in (self._ready, self._dirty):
            blocks.sort(key=lambda n: (n - newest) % self._area.count)

    @property
    def free(self) -> int:
        """How many blocks hold nothing that counts."""
        return len(self._ready) + len(self._dirty)

    def open(self, first: int, log: bytes, line: bytes, kind: int = 0) -> Segment:
        """A new segment that begins with this line, not yet among `live`. Raises OSError if there is none to be had."""
        while self.free:
            if not self._ready:
                self.tend()
                continue
            n = self._ready.pop(0)
            segment = self._segment(n, first, log, kind)
            segment.end = START
            try:
                self._program(segment, _head(first, log, kind) + line)
                return segment
            except OSError:
                self._leave(n)
                if not self.free:
                    raise
        raise OSError(_NO_SPACE)

    def append(self, segment: Segment, line: bytes) -> None:
        """Add a line. Raises OSError if the block does not take it: then it takes no other either."""
        self._program(segment, line)

    def count(self, segment: Segment) -> None:
        """A copy is whole: from now on it counts, and the blocks it was made of need not. Raises OSError."""
        self._area.program(segment.block, _KIND, bytes([_COUNTS]))
        segment.kind = _COUNTS

    def _program(self, segment: Segment, data: bytes) -> None:
        end, segment.end = segment.end, BLOCK
        self._area.program(segment.block, end, data)
        segment.end = end + len(data)

    def drop(self, segment: Segment) -> bool:
        """The segment's lines count no more. False if the flash keeps them, until the next boot finds them again."""
        if segment in self.live:
            self.live.remove(segment)
        if not self._leave(segment.block):
            return False
        self._dirty.append(segment.block)
        return True

    def _leave(self, n: int) -> bool:
        """Take a block's mark away; False if it stays: then it is left alone until the next boot."""
        try:
            self._area.drop(n)
        except OSError:
            pass
        return not self._area.marked(n)

    def tend(self) -> bool:
        """Erase one block ahead, if fewer than three are; True if it did. One that can't be erased is used no more."""
        if len(self._ready) >= AHEAD or not self._dirty:
            return False
        n = self._dirty.pop(0)
        try:
            self._area.prepare(n)
            self._ready.append(n)
        except OSError:
            pass
        return True

    def lines(self, segment: Segment, at: int = _LINES) -> "Generator[tuple[int, bytes], None, None]":
        """(where it ends, line without its LF), and (0, what is there) for the rest of one that was cut."""
        page = bytearray(PAGE)
        end = segment.end
        line = b""
        while at < end:
            size = min(PAGE - at % PAGE, BLOCK - at)
            part = memoryview(page)[:size]
            self._area.read(segment.block, at, part)
            data = bytes(part)
            blank = data.find(b"\xff")
            if blank >= 0:
                data = data[:blank]
            begin = 0
            found = data.find(_LF)
            while found >= 0:
                yield at + found + 1, line + data[begin:found]
                line = b""
                begin = found + 1
                found = data.find(_LF, begin)
            line += data[begin:]
            if line and (blank >= 0 or len(line) > BLOCK // 4):
                yield 0, line
                line = b""
            at += size
        if line:
            yield 0, line

    def seal(self, segment: Segment, whole: int) -> None:
        """Find where the next line goes. whole: where the last sound line ends."""
        end = max(self._area.end(segment.block), _LINES)
        segment.end = end if end == whole else min(after_a_cut(end), BLOCK)


def _head(first: int, log: bytes, kind: int) -> bytes:
    crc = binascii.crc32(struct.pack(">I8sB", first, log, min(kind, _COUNTS))) & 0xFFFFFFFF
    return struct.pack(_HEAD, first, log, kind, crc)
