"""The bolt: a timed pulse that the board's hardware ends, whatever the program does."""

import asyncio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Driver(Protocol):
        """What the board gives: what moves the lock, as a one-shot in hardware."""

        retriggers: bool  # whether a pulse during a pulse begins anew at once; else it is asked for when that is over
        after_ms: int  # how long it still moves the lock after a pulse (a motor that runs back), ms

        def pulse(self, ms: int) -> None:
            """Drive it open, and after `ms` let it go: without us, should we hang or die by then.
            OSError if it can't be done; nothing has moved then.
            """

        def off(self) -> None:
            """At rest at once, an unfinished pulse included."""


_GRACE_MS = 1_000  # the lock's own motor line moves with our pulse, and a little after it
_PULSE_MAX_MS = 10_000
_TURN_MS = 60  # a motor's pulse is no shorter than its way there and this; see boards/esp32/pulse.py


class Bolt:
    """Pulses the lock. At rest from the first moment; a pulse asked for during another one prolongs it."""

    def __init__(self, driver: "Driver", monotonic_ms: "Callable[[], int]") -> None:
        self._driver = driver
        self._now = monotonic_ms
        self._until_ms = -_PULSE_MAX_MS  # when it is shut again
        self._over_ms = 0  # when the hardware's pulse is over
        self._on = False
        self._task: asyncio.Task | None = None
        driver.off()

    def pulse(self, ms: int) -> None:
        """Open now; it closes by itself `ms` later (at most 10 s). Raises OSError; it is shut then."""
        ms = min(ms, _PULSE_MAX_MS)
        now_ms = self._now()
        self._until_ms = now_ms + ms
        if self._on and now_ms < self._over_ms and not self._driver.retriggers:
            if self._driver.after_ms:
                self._until_ms = self._over_ms + ms  # it runs back first, and then there again
            return  # it is open, and is driven on when the hardware's pulse ends
        self._drive(ms, now_ms)
        if self._task is None:
            self._task = asyncio.create_task(self._go_on())

    def release(self) -> None:
        """Close now."""
        self._on = False
        self._until_ms = min(self._until_ms, self._now())
        self._driver.off()

    def tick(self) -> None:
        """Note that the pulse is over, or drive on; asked now and then, should the pulse's own task have died."""
        now_ms = self._now()
        if self._on and now_ms >= self._over_ms:
            if self._until_ms > now_ms:
                self._drive(self._until_ms - now_ms, now_ms)
            else:
                self._on = False

    @property
    def idle(self) -> bool:
        """Whether our pulse can't be what moves the lock now."""
        return self._now() - self._until_ms >= _GRACE_MS + self._driver.after_ms

    @property
    def active(self) -> bool:
        """Whether it is driven open."""
        return self._on

    def _drive(self, ms: int, now_ms: int) -> None:
        self._on = True
        self._over_ms = now_ms + ms
        try:
            self._driver.pulse(ms)
        except BaseException:
            self.release()
            raise
        after_ms = self._driver.after_ms
        self._over_ms = self._now() + (max(ms, after_ms + _TURN_MS) + after_ms if after_ms else ms)

    @property
    def open(self) -> bool:
        """Whether it stands open, or will once its motor has run back: another pulse would let nobody more in."""
        return self._on and self._now() < self._until_ms

    async def _go_on(self) -> None:
        try:
            while self._on:
                await asyncio.sleep(max(1, self._over_ms - self._now()) / 1000)
                self.tick()
        finally:
            self._task = None
