"""The wish to end, and the pauses that it cuts short."""

from __future__ import annotations

import os
import random
import select
import signal


class Stop:
    """Set once by a signal or a test; a pipe makes every wait end at once.

    Not threading.Event: its `set` in a signal handler can deadlock with a `wait` of the same thread.
    """

    def __init__(self) -> None:
        self.requested = False
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)

    def install(self) -> None:
        """SIGTERM and SIGINT ask for the end; main thread only."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.request())

    def request(self) -> None:
        """Ask for the end; safe in a signal handler and from another thread."""
        if not self.requested:
            self.requested = True
            os.write(self._writer, b"x")

    def wait(self, seconds: float) -> bool:
        """Pause, at most until the end is asked for; whether it was."""
        if not self.requested:
            select.select([self], [], [], max(0.0, seconds))
        return self.requested

    def fileno(self) -> int:
        """Readable from the moment the end is asked for."""
        return self._reader

    def close(self) -> None:
        """Give the pipe back."""
        os.close(self._reader)
        os.close(self._writer)


class Backoff:
    """Growing pauses with jitter, so that many workers don't come back in step."""

    def __init__(self, first: float = 0.25, longest: float = 15.0) -> None:
        self._first = first
        self._longest = longest
        self.failures = 0

    def next(self) -> float:
        """Seconds to wait after one more failure."""
        full = min(self._longest, self._first * float(1 << min(self.failures, 16)))
        self.failures += 1
        return full * random.uniform(0.5, 1.0)  # noqa: S311  spreads load, guards nothing

    def reset(self) -> None:
        """It worked again."""
        self.failures = 0
