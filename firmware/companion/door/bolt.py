"""The bolt: a timed pulse that always ends."""

import asyncio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Driver(Protocol):
        """What the board gives: the pin that moves the lock."""

        def on(self) -> None:
            """Drive it open."""

        def off(self) -> None:
            """Let it go."""


_GRACE_MS = 1_000  # the lock's own motor line moves with our pulse, and a little after it
_PULSE_MAX_MS = 10_000


class Bolt:
    """Pulses the lock. Off from the first moment; a pulse asked for during another one prolongs it."""

    def __init__(self, driver: "Driver", monotonic_ms: "Callable[[], int]") -> None:
        self._driver = driver
        self._now = monotonic_ms
        self._until_ms = -_GRACE_MS
        self._on = False
        self._task: asyncio.Task | None = None
        driver.off()

    def pulse(self, ms: int) -> None:
        """Open now; close by itself `ms` later (at most 10 s)."""
        ms = min(ms, _PULSE_MAX_MS)
        self._until_ms = self._now() + ms
        self._on = True
        try:
            self._driver.on()
        except BaseException:
            self.release()
            raise
        if self._task is None:
            self._task = asyncio.create_task(self._end(ms))

    def release(self) -> None:
        """Close now."""
        self._on = False
        self._until_ms = min(self._until_ms, self._now())
        self._driver.off()

    def tick(self) -> None:
        """Close if the pulse is over; asked now and then by the supervisor, should the pulse's own task have died."""
        if self._on and self._now() >= self._until_ms:
            self.release()

    @property
    def idle(self) -> bool:
        """Whether our pulse can't be what moves the lock now."""
        return self._now() - self._until_ms >= _GRACE_MS

    @property
    def active(self) -> bool:
        """Whether the pulse is on."""
        return self._on

    async def _end(self, ms: int) -> None:
        try:
            while ms > 0:
                await asyncio.sleep(ms / 1000)
                ms = self._until_ms - self._now()
        finally:
            self._task = None
            self.release()
