"""Somebody stands before the door: while a code comes, and until its bolt, all that has time is put off.

A barcode module takes 10 ms for the last third of a code. That is when garbage is collected; from then on none is, and
the line to the cloud begins nothing.
"""

import asyncio
import gc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_TIDY = 1_024  # bytes of garbage that may wait for a moment when nobody does
_MOST = 4_096  # as many in a row are collected at once: a busy line may take so much
_MOST_OPENING = 14_336  # the same while a code comes and is answered, which leaves 8 KB, and takes more in all
_COMING_MS = 60  # what a code takes at a barcode module's speed, twice
_TURN_MS = 3


class Attention:
    """Who knows whether a code is on its way."""

    def __init__(self, now_ms: "Callable[[], int]") -> None:
        self._now = now_ms
        self._since_ms: int | None = None  # a code is on its way since then
        self._live = 0  # bytes in use after the last collection of ours

    @property
    def busy(self) -> bool:
        """Whether a code is on its way; one whose rest does not come is none."""
        return self._since_ms is not None and self._now() - self._since_ms < _COMING_MS

    def comes(self) -> None:
        """A code begins to come: now is the time to collect, and to see that nothing is until it is answered."""
        self._since_ms = self._now()
        gc.threshold(_MOST_OPENING)
        self._collect()

    def over(self) -> None:
        """It was answered."""
        self._since_ms = None
        self.tidy()
        gc.threshold(_MOST)

    def tick(self) -> None:
        """What time brings: a code whose rest did not come is over, and garbage goes."""
        if self._since_ms is not None and not self.busy:
            self.over()
        else:
            self.tidy()

    def tidy(self) -> None:
        """Collect what is not used any more, if it is worth it."""
        if gc.mem_alloc() - self._live > _TIDY:
            self._collect()

    def _collect(self) -> None:
        gc.collect()
        self._live = gc.mem_alloc()

    async def quiet(self) -> None:
        """Let others have their turn; while a code is on its way, until it is answered, but not for long."""
        await asyncio.sleep_ms(0)
        for _ in range(_COMING_MS // _TURN_MS):
            if not self.busy:
                return
            await asyncio.sleep_ms(_TURN_MS)
