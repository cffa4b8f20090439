"""Reads a barcode module in text mode: one line a scan, bounded, and nothing on the glass can hurt it."""

import asyncio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Source(Protocol):
        """What the board gives: bytes as they come."""

        async def readinto(self, buffer: bytearray) -> int | None:
            """Fill some of the buffer; how much. 0 or None: nothing came."""


LINE_MAX = 151
_CR = 13
_LF = 10
_CHUNK = 64


class Scanner:
    """Yields one bytes line per scan, without its CR or LF, at most 151 bytes; longer ones are dropped whole."""

    def __init__(self, source: "Source", pause_ms: int = 0) -> None:
        """pause_ms: a silence that ends a line too, for modules that send no CR; 0 for none."""
        self._source = source
        self._pause_s = pause_ms / 1000
        self._chunk = bytearray(_CHUNK)
        self._have = 0  # bytes in the chunk
        self._at = 0  # the next one to look at
        self._line = bytearray(LINE_MAX)
        self._length = 0
        self._too_long = False
        self.dropped = 0  # lines dropped for their length

    async def line(self) -> bytes:
        """The next line that is not empty. Raises OSError if the module's channel fails."""
        while True:
            while self._at < self._have:
                byte = self._chunk[self._at]
                self._at += 1
                if byte in (_CR, _LF):
                    line = self._take()
                    if line:
                        return line
                elif self._length < LINE_MAX:
                    self._line[self._length] = byte
                    self._length += 1
                else:
                    self._too_long = True
            self._at = self._have = 0
            if self._pause_s and (self._length or self._too_long):
                try:
                    self._have = await asyncio.wait_for(self._source.readinto(self._chunk), self._pause_s) or 0
                except asyncio.TimeoutError:
                    line = self._take()
                    if line:
                        return line
            else:
                self._have = await self._source.readinto(self._chunk) or 0

    def _take(self) -> bytes:
        """The line that just ended, empty if there was nothing or too much of it."""
        line = b"" if self._too_long else bytes(self._line[: self._length])
        self.dropped += self._too_long
        self._length = 0
        self._too_long = False
        return line
