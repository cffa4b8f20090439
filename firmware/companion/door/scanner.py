"""Reads a barcode module in text mode: one line a scan, bounded, and nothing on the glass can hurt it."""

import asyncio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Source(Protocol):
        """What the board gives: bytes as they come."""

        async def readinto(self, buffer: bytearray) -> int | None:
            """Fill some of the buffer; how much. 0 or None: nothing came."""


LINE_MAX = 151
_CHUNK = 160  # a token and its end in one piece: each piece is a turn of the loop
_NEARLY = 96  # bytes
_AWAY_MS = 2_000  # modules read again within a second or so
_HELD_MS = 10_000


class Scanner:
    """Yields one bytes line per scan, without its CR or LF, at most 151 bytes; longer ones are dropped whole."""

    def __init__(self, source: "Source", pause_ms: int = 0, begins: "Callable[[], None] | None" = None) -> None:
        """pause_ms: a silence that ends a line too, for modules that send no CR; 0 for none.

        begins: called when most of a code came and its rest is on its way: about 10 ms, at their speed.
        """
        self._source = source
        self._begins = begins
        self._pause_s = pause_ms / 1000
        self._chunk = bytearray(_CHUNK)
        self._have = 0  # bytes in the chunk
        self._at = 0  # the next one to look at
        self._line = bytearray(LINE_MAX)
        self._length = 0
        self._begun = self._too_long = False
        self.dropped = 0  # lines dropped for their length

    async def line(self) -> bytes:
        """The next line that is not empty. Raises OSError if the module's channel fails."""
        while True:
            while self._at < self._have:
                end = self._end()
                self._add(end)
                self._at = end + 1
                if end < self._have:
                    line = self._take()
                    if line:
                        return line
            self._at = self._have = 0
            if self._length >= _NEARLY and not self._begun and self._begins is not None:
                self._begun = True
                self._begins()
            if self._pause_s and (self._length or self._too_long):
                try:
                    self._have = await asyncio.wait_for(self._source.readinto(self._chunk), self._pause_s) or 0
                except asyncio.TimeoutError:
                    line = self._take()
                    if line:
                        return line
            else:
                self._have = await self._source.readinto(self._chunk) or 0

    def _end(self) -> int:
        """Where the line that goes on at `_at` ends in the chunk; `_have` if it does not."""
        end = self._have
        for mark in (b"\r", b"\n"):
            found = self._chunk.find(mark, self._at, end)
            if found >= 0:
                end = found
        return end

    def _add(self, end: int) -> None:
        """What the chunk holds up to `end` belongs to the line."""
        size = end - self._at
        if self._length + size > LINE_MAX:
            self._too_long = True
        else:
            self._line[self._length : self._length + size] = self._chunk[self._at : end]
            self._length += size

    def _take(self) -> bytes:
        """The line that just ended, empty if there was nothing or too much of it."""
        line = b"" if self._too_long else bytes(self._line[: self._length])
        self.dropped += self._too_long
        self._length = 0
        self._begun = self._too_long = False
        return line


class Repeats:
    """A phone that is held before the module is read again and again: that is one scan, and is answered once."""

    def __init__(self, rereads: bool) -> None:
        """rereads: whether the module reads what is held before it again."""
        self._rereads = rereads
        self._line = b""
        self._seen_ms = 0
        self._answered_ms = 0

    def again(self, line: bytes, now_ms: int) -> bool:
        """Whether this is the code that was just answered, and has not been away since."""
        held = line == self._line and now_ms - self._seen_ms < _AWAY_MS and now_ms - self._answered_ms < _HELD_MS
        self._seen_ms = now_ms
        if not held or not self._rereads:
            self._line = line
            self._answered_ms = now_ms
            return False
        return True

    def forget(self) -> None:
        """The answer was none that stands: what is held shall be answered anew."""
        self._line = b""
