"""Ends a process whose work stands still, so that its supervisor starts it anew; tells systemd while it moves."""

from __future__ import annotations

import faulthandler
import logging
import os
import socket
import sys
import threading
import time

STILL_SECONDS = 120.0  # above every bounded wait of the work itself: TLS, a lock, the broker's answer
_LOOK_SECONDS = 5.0
_STUCK = 70  # exit code: EX_SOFTWARE of sysexits.h
_LOG = logging.getLogger("lockmate.watchdog")


class Watchdog:
    """The work calls `beat` at each of its turns; a thread ends the process if none came for `still` seconds.

    A thread beside it, since what hangs (a lock, a socket of a library) can't look at itself. Under systemd with
    WatchdogSec each look that finds the work alive is told there, too (sd_notify(3)).
    """

    def __init__(self, still: float = STILL_SECONDS, look: float = _LOOK_SECONDS) -> None:
        self._still = still
        self._look = look
        self._beaten = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self.beat()
        self._thread.start()

    def beat(self) -> None:
        """The work moves."""
        self._beaten = time.monotonic()

    def _run(self) -> None:
        while True:
            time.sleep(self._look)
            still = time.monotonic() - self._beaten
            if still > self._still:
                _LOG.critical("event=stuck seconds=%d", still)
                faulthandler.dump_traceback(sys.stderr, all_threads=True)
                sys.stderr.flush()
                os._exit(_STUCK)
            notify("WATCHDOG=1")


def notify(word: str) -> None:
    """Tell systemd, if it started us and asked for it."""
    place = os.environ.get("NOTIFY_SOCKET", "")
    if not place:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        try:
            told.sendto(word.encode(), "\0" + place[1:] if place.startswith("@") else place)
        except OSError as error:
            _LOG.warning("event=not_notified why=%r", str(error))
