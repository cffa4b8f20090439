"""Work beside the doors' own channel, each in a thread of its own, so that none can stall what goes to the doors."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from lockmate.db import ERRORS, SchemaDiffers, database, require_away
from lockmate.mqtt import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable

    from lockmate.mqtt import Stop

_LOG = logging.getLogger("lockmate.delivery")


class Beside:
    """Calls `work` again and again, `every` seconds apart, until the end is asked for; a fault costs one pause only."""

    def __init__(
        self, name: str, work: Callable[[], object], stop: Stop, *, every: float, backoff: Backoff | None = None
    ) -> None:
        self.name = name
        self._work = work
        self._stop = stop
        self._every = every
        self._backoff = backoff or Backoff()
        self.failure: SchemaDiffers | None = None
        self._thread = threading.Thread(target=self.run, name=name, daemon=True)

    def start(self) -> None:
        """Begin; the thread ends when the process was asked to."""
        self._thread.start()

    def join(self, seconds: float) -> bool:
        """Wait for the work in hand; whether it ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def run(self) -> None:
        """The thread's own run."""
        pause = 0.0
        while not self._stop.wait(pause):
            pause = self._every if self._once() else max(self._every, self._backoff.next())

    def _once(self) -> bool:
        try:
            done = self._work()
        except ERRORS as error:
            self._note(error)
        except SchemaDiffers as error:
            self._give_up(error)
        except OSError as error:  # a server that is away
            _LOG.warning("event=away work=%s why=%r", self.name, str(error))
        except Exception:  # noqa: BLE001  no fault may end it without a word
            _LOG.exception("event=fault work=%s", self.name)
        else:
            if done:
                _LOG.info("event=done work=%s count=%s", self.name, done)
            self._backoff.reset()
            return True
        finally:
            database.close()
        return False

    def _note(self, error: Exception) -> None:
        try:
            _LOG.warning("event=%s work=%s why=%r", require_away(error), self.name, str(error))
        except SchemaDiffers as differs:
            self._give_up(differs)

    def _give_up(self, error: SchemaDiffers) -> None:
        """Nothing would mend it but a migration: the process ends, and its root tells why."""
        _LOG.error("event=%s work=%s why=%r", error.code, self.name, str(error))
        self.failure = error
        self._stop.request()
