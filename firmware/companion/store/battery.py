"""A battery clock (RTC) that lends the time over a power cut, and is believed no further than it can be checked.

It is set only from a fresh ack. Its word raises no floor and gives way to the next ack, so one that jumped locks nobody
out for longer than until the line is back, and opens to nobody what the floor has closed.
"""

import struct

from companion.store.places import FilePlace
from companion.store.slots import Slots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from companion.core.clock import Clock

_RECORD = ">IHI"  # set to, half width, clock epoch
_TRUST_S = 63_072_000  # two years: a board that lay about longer asks the network
_AGAIN_S = 2_592_000  # set anew each month, and when it is off
_LOOK_MS = 60_000
_LEND_MS = 3_600_000
_JUMP_S = 2


class BatteryClock:
    """The board's battery clock. board: `utc_hint()` seconds or None, `keep_utc(seconds)`; ppm: its drift bound."""

    def __init__(self, board: "Any", path: str, ppm: int) -> None:
        self._board = board
        self._ppm = ppm
        self._slots = Slots(FilePlace(path + ".a"), FilePlace(path + ".b"))
        self._seen: tuple[int, int] | None = None  # its time, ours in ms
        self._looked_ms = 0
        self._lent_ms = 0
        self._kept_ms: int | None = None

    def lend(self, clock: "Clock", clock_epoch: int | None, now_ms: int) -> bool:
        """Let it lend the time, at boot and each hour. False if its word is wrong; nothing is believed then."""
        hint = self._board.utc_hint()
        body = self._slots.read()
        self._lent_ms = now_ms
        if hint is None or body is None or len(body) != struct.calcsize(_RECORD):
            return True
        set_at, half, epoch = struct.unpack(_RECORD, body)
        if epoch != (clock_epoch or 0):
            return True  # set when the cloud's own clock was wrong
        self._seen = hint, now_ms
        ago = hint - set_at
        error = half + 1 + ago * self._ppm // 1_000_000
        if not -1 <= ago <= _TRUST_S or not clock.lend(hint - error, hint + 1 + error, now_ms):
            self.forget()
            return False
        return True

    def tick(self, clock: "Clock", clock_epoch: int | None, synchronised_ms: int | None, now_ms: int) -> bool:
        """Now and then: watch it, set it after a synchronisation. False if it jumped. Raises OSError (flash)."""
        if now_ms - self._looked_ms < _LOOK_MS:
            return True
        self._looked_ms = now_ms
        sound = self._steady(now_ms)
        if not sound:
            clock.take_back()
            self.forget()
        lo, hi = clock.known(now_ms)
        if hi is None:
            if sound and now_ms - self._lent_ms >= _LEND_MS:
                sound = self.lend(clock, clock_epoch, now_ms)
        elif synchronised_ms is not None and synchronised_ms != self._kept_ms:
            self._kept_ms = synchronised_ms
            self._keep(lo, hi, clock_epoch or 0)
        return sound

    def forget(self) -> None:
        """Believe it no more until it is set again."""
        self._slots.erase()
        self._seen = None

    def _steady(self, now_ms: int) -> bool:
        """Whether it moved since the last look as our own quartz did."""
        hint = self._board.utc_hint()
        if hint is None or self._seen is None:
            self._seen = None
            return True
        then, then_ms = self._seen
        self._seen = hint, now_ms
        passed_ms = now_ms - then_ms
        return bool(abs((hint - then) * 1000 - passed_ms) <= _JUMP_S * 1000 + passed_ms // 1000)

    def _keep(self, lo: int, hi: int, epoch: int) -> None:
        hint = self._board.utc_hint()
        body = self._slots.read()
        if hint is not None and body is not None and len(body) == struct.calcsize(_RECORD):
            set_at, _, held = struct.unpack(_RECORD, body)
            if held == epoch and lo - _JUMP_S <= hint <= hi + _JUMP_S and hint - set_at < _AGAIN_S:
                return
        middle = (lo + hi) // 2
        self._slots.erase()  # a cut in between leaves a clock that lends nothing
        try:
            self._board.keep_utc(middle)
        except OSError:
            return  # it does not answer: as if there were none
        self._slots.write(struct.pack(_RECORD, middle, min(65535, (hi - lo + 1) // 2 + 1), epoch))
        self._slots.settle()
        self._seen = None
