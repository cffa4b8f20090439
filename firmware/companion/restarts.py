"""Counts the machine's own restarts: three within ten minutes, and it runs in safe mode, with gate and journal only.

The count lies in the board's memory that a restart leaves and a power cut empties: no flash wears, and a guest who
plays with the room's power switch does not count. Power off and on ends safe mode.
"""

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Board(Protocol):
        """What the board gives."""

        def memory(self) -> bytes:
            """What was remembered before the last restart; empty after power came."""

        def remember(self, data: bytes) -> None:
            """Keep these few bytes until power goes."""


_FORM = ">BI"  # restarts, ms since the boot before the first of them
_MOST = 3
_WINDOW_MS = 600_000
_NOTE_MS = 30_000
_SAFE_MS = 3_600_000  # then everything is tried again


class Restarts:
    """`count`: restarts in a row so far; `safe`: they are too many."""

    def __init__(self, board: "Board") -> None:
        self._board = board
        self._base_ms = 0
        self._noted_ms = 0
        self.count = 0
        held = board.memory()
        if len(held) == struct.calcsize(_FORM):
            count, self._base_ms = struct.unpack(_FORM, held)
            self.count = min(count + 1, 255)
        self.safe = self.count >= _MOST
        if self._base_ms >= _WINDOW_MS and not self.safe:
            self.count, self._base_ms = 1, 0
        self.note(0)

    def tick(self, now_ms: int) -> None:
        """now_ms: since the boot. Old restarts are forgotten."""
        if self.count and not self.safe and self._base_ms + now_ms >= _WINDOW_MS:
            self.count = 0
            self._base_ms = -now_ms
            self.note(now_ms)
        elif now_ms - self._noted_ms >= _NOTE_MS:
            self.note(now_ms)

    def over(self, now_ms: int) -> bool:
        """Whether safe mode has lasted long enough; the next boot is an ordinary one then."""
        if not self.safe or now_ms < _SAFE_MS:
            return False
        self._board.remember(b"")
        return True

    def note(self, now_ms: int) -> None:
        """Keep how long it has been: before a restart, and now and then, should there be no before."""
        self._noted_ms = now_ms
        self._board.remember(struct.pack(_FORM, self.count, min(max(0, self._base_ms + now_ms), 0xFFFFFFFF)))
