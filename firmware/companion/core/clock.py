"""The clock's interval [lo, hi] that surely holds the true time (protocol section 5).

Pure: it is told the monotonic milliseconds, it reads no clock. Times are Unix seconds, UTC.
`hi` is None while the time is lost.
"""

FRESH_MS = 60_000  # an ack older than this gives no time


class Clock:
    """Bounds on the true time, widened by the drift since each was last set."""

    def __init__(self, floor: int, drift_ppm: int = 100, now_ms: int = 0) -> None:
        """Time lost, not before `floor`."""
        self._lo = floor
        self._lo_ms = now_ms
        self._hi: int | None = None
        self._hi_ms = now_ms
        self._drift = drift_ppm

    def interval(self, now_ms: int) -> tuple[int, int | None]:
        """(lo, hi) at `now_ms`: lo rounded down, hi rounded up, hi None while the time is lost."""
        lo = self._lo + (now_ms - self._lo_ms) * (1_000_000 - self._drift) // 1_000_000_000
        if self._hi is None:
            return lo, None
        hi = self._hi - (self._hi_ms - now_ms) * (1_000_000 + self._drift) // 1_000_000_000
        return lo, max(lo, hi)

    def synchronise(self, at: int, t0_ms: int, now_ms: int) -> bool:
        """Take the time from a fresh ack: answered at `at` to an event first handed out at `t0_ms`.

        True if the floor won, that is if the cloud's time lies wholly before it. An ack that is not
        fresh is the caller's to drop; ValueError here, so that a slip never moves the clock.
        """
        age_ms = now_ms - t0_ms
        if not 0 <= age_ms < FRESH_MS:
            raise ValueError("not_fresh")
        lo, _ = self.interval(now_ms)
        latest = at + 1 + (age_ms + 999) // 1000
        self._set(max(lo, at), max(lo, latest), now_ms)
        return latest < lo

    def raise_floor(self, time: int, now_ms: int) -> None:
        """Learn from a signed time that it is not earlier; believed at most up to hi."""
        lo, hi = self.interval(now_ms)
        if hi is not None:
            time = min(time, hi)
        if time > lo:
            self._lo, self._lo_ms = time, now_ms

    def set_back(self, issued_at: int, now_ms: int) -> None:
        """A policy with a higher clock_epoch: start again from `issued_at`, time lost."""
        self._lo, self._lo_ms = issued_at, now_ms
        self._hi = None

    def drift(self, ppm: int, now_ms: int) -> None:
        """From now on, widen by `ppm` parts in a million."""
        lo, hi = self.interval(now_ms)
        self._set(lo, hi, now_ms)
        self._drift = ppm

    def floor(self, now_ms: int) -> int:
        """What to keep on flash, so that a power cut never brings the door back before it."""
        return self.interval(now_ms)[0]

    def _set(self, lo: int, hi: int | None, now_ms: int) -> None:
        self._lo, self._hi = lo, hi
        self._lo_ms = self._hi_ms = now_ms
