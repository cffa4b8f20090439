"""The clock's interval [lo, hi] that surely holds the true time (protocol section 5).

Pure: it is told the monotonic milliseconds, it reads no clock. Times are Unix seconds, UTC.
`hi` is None while the time is lost.
"""

FRESH_MS = 60_000  # an ack older than this gives no time
_MEASURE_MS = 21_600_000  # between two synchronisations that tell the drift: their own width is a few ppm of that
_DRIFT_MARGIN = 20  # ppm beyond what was measured: quartz follows the temperature
_DRIFT_MAX = 1_000


class Clock:
    """Bounds on the true time, widened by the drift since each was last set.

    What is known comes from signed times and fresh acks. What a battery clock lends is believed only while nothing
    better bounds the time from above, and never outlives that: it raises no floor.
    """

    def __init__(self, floor: int, drift_ppm: int = 100, now_ms: int = 0) -> None:
        """Time lost, not before `floor`."""
        self._lo = floor
        self._lo_ms = now_ms
        self._hi: int | None = None
        self._hi_ms = now_ms
        self._drift = drift_ppm
        self._lent: tuple[int, int, int] | None = None
        self._told: tuple[int, int, int] | None = None  # the last measure's begin: earliest, latest, monotonic ms
        self.own_drift = 0  # ppm that this board was found to need

    def interval(self, now_ms: int) -> tuple[int, int | None]:
        """(lo, hi) at `now_ms`: lo rounded down, hi rounded up, hi None while the time is lost."""
        lo, hi = self.known(now_ms)
        if hi is not None or self._lent is None:
            return lo, hi
        lent_lo, lent_hi, at_ms = self._lent
        lo = max(lo, lent_lo + (now_ms - at_ms) * (1_000_000 - self._drift) // 1_000_000_000)
        return lo, max(lo, lent_hi - (at_ms - now_ms) * (1_000_000 + self._drift) // 1_000_000_000)

    def known(self, now_ms: int) -> tuple[int, int | None]:
        """The interval without what a battery clock lends: what is told to others, and kept."""
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
        lo, _ = self.known(now_ms)
        latest = at + 1 + (age_ms + 999) // 1000
        self._lent = None
        self._measure(at, latest, now_ms)
        self._set(max(lo, at), max(lo, latest), now_ms)
        return latest < lo

    def lend(self, lo: int, hi: int, now_ms: int) -> bool:
        """A battery clock's word. False, and nothing is believed, if it lies before what is known."""
        self._lent = None
        if hi < self.known(now_ms)[0]:
            return False
        self._lent = lo, hi, now_ms
        return True

    def take_back(self) -> None:
        """Believe the battery clock no longer."""
        self._lent = None

    def raise_floor(self, time: int, now_ms: int) -> None:
        """Learn from a signed time that it is not earlier; believed at most up to hi."""
        if self._lent is not None and time > (self.interval(now_ms)[1] or 0):
            self._lent = None  # it is behind a signed time
        lo, hi = self.known(now_ms)
        if hi is not None:
            time = min(time, hi)
        if time > lo:
            self._lo, self._lo_ms = time, now_ms

    def set_back(self, issued_at: int, now_ms: int) -> None:
        """A policy with a higher clock_epoch: start again from `issued_at`, time lost."""
        self._lo, self._lo_ms = issued_at, now_ms
        self._hi = self._lent = self._told = None

    def drift(self, ppm: int, now_ms: int) -> None:
        """From now on, widen by `ppm` parts in a million."""
        lo, hi = self.known(now_ms)
        self._set(lo, hi, now_ms)
        self._drift = max(ppm, self.own_drift)

    def floor(self, now_ms: int) -> int:
        """What to keep on flash, so that a power cut never brings the door back before it."""
        return self.known(now_ms)[0]

    def _measure(self, earliest: int, latest: int, now_ms: int) -> None:
        """Compare the board's quartz with the cloud between two synchronisations; one that is worse than the bound
        gets a wider one from now on. It is never made narrower: the next hour may be colder."""
        if self._told is None:
            self._told = earliest, latest, now_ms
            return
        early0, late0, at_ms = self._told
        passed = now_ms - at_ms
        if passed < _MEASURE_MS:
            return
        least = ((earliest - late0) * 1000 - passed) * 1_000_000 // passed  # ppm that it lags
        most = ((latest - early0) * 1000 - passed) * 1_000_000 // passed
        self._told = earliest, latest, now_ms
        if least > self._drift or most < -self._drift:
            self.own_drift = self._drift = min(_DRIFT_MAX, max(abs(least), abs(most)) + _DRIFT_MARGIN)

    def _set(self, lo: int, hi: int | None, now_ms: int) -> None:
        self._lo, self._hi = lo, hi
        self._lo_ms = self._hi_ms = now_ms
