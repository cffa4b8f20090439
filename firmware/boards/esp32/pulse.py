"""The bolt's driver: its whole movement is handed to the chip's RMT unit at once, which ends it without the program.

RMT: Espressif, *ESP32 Technical Reference Manual*, chapter "Remote Control Peripheral": 80 MHz by a divider of 255, one
duration is at most 32,767 ticks, a channel's memory holds 64 pairs of them, an ESP32-S3's 48; one pair is the end mark.
A course is kept so short that it fits, or it would have to be filled in on the way: ten seconds and a motor's way back
on an ESP32, on an S3 9.8 s in all. A channel that sends must not be taken down on the ESP32: the chip panics (esp-idf
issue 17692). To end early the pin is taken away from it instead, and it runs out unheard.
"""

import esp32
import machine
import wiring

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_DIVIDER = 255
_TICKS_A_SECOND = 80_000_000 // _DIVIDER
_TICKS_MAX = 32_767
_DURATIONS = {"esp32s3": 94}  # that a channel's memory holds beside the end mark
_DURATIONS_ELSE = 126
_BUSY = 16
_LATE_MS = 2  # it began a little after the clock was read, and so ends a little later
_APART_MS = 50  # between a motor's way there and its way back


class _Channel:
    """One pin and the RMT channel that moves it."""

    def __init__(self, number: int, pin: int, rest: int) -> None:
        self._number = number
        self._pin = pin
        self._rest = rest
        self._cut = False
        self._rmt = self._make()

    def _make(self) -> esp32.RMT:
        return esp32.RMT(self._number, pin=machine.Pin(self._pin), clock_div=_DIVIDER, idle_level=bool(self._rest))

    def ready(self) -> bool:
        """Whether it can move the pin now. After a cut it takes the pin back once it has run out."""
        if not self._rmt.wait_done(timeout=_LATE_MS):
            return False
        if self._cut:
            self._rmt.deinit()
            self._rmt = self._make()
            self._cut = False
        return True

    def move(self, wait_ms: int, on_ms: int) -> None:
        """Rest, then active, then rest again for good."""
        durations: list[int] = []
        levels: list[bool] = []
        for ms, level in ((wait_ms, self._rest), (on_ms, 1 - self._rest)):
            for ticks in _parts(ms * _TICKS_A_SECOND // 1000):
                durations.append(ticks)
                levels.append(bool(level))
        self._rmt.write_pulses(durations, levels)

    def off(self) -> None:
        """At rest at once."""
        if not self._rmt.wait_done():
            machine.Pin(self._pin, machine.Pin.OUT, value=self._rest)
            self._cut = True


def _parts(ticks: int) -> "list[int]":
    """A time in pieces that RMT takes, about equal."""
    if ticks <= 0:
        return []
    n = -(-ticks // _TICKS_MAX)
    return [ticks // n + (1 if at < ticks % n else 0) for at in range(n)]


class Bolt:
    """A strike or relay (one pin, on for the pulse), or a motor (there, and after the pulse back)."""

    retriggers = False

    def __init__(self, wired: "dict[str, Any]", chip: str) -> None:
        """wired: the pin-out's `bolt`; chip: its `chip`."""
        channels = [_Channel(n, pin, level) for n, (pin, level) in enumerate(wiring.rest(wired))]
        self._there = channels[0]
        self._back = channels[1] if len(channels) > 1 else None
        self._run_ms: int = wired.get("run_ms", 0)
        self.after_ms = self._run_ms
        left = _DURATIONS.get(chip, _DURATIONS_ELSE) - len(_parts(self._run_ms * _TICKS_A_SECOND // 1000))
        self._most_ms = left * _TICKS_MAX * 1000 // _TICKS_A_SECOND

    def pulse(self, ms: int) -> None:
        """Open for `ms`, or as long as the chip can. OSError (EBUSY) while one cut short still runs out inside it."""
        if not self._there.ready() or not (self._back is None or self._back.ready()):
            raise OSError(_BUSY)
        ms = min(ms, self._most_ms)
        if self._back is None:
            self._there.move(0, ms)
            return
        # The way back goes first: should the program die between these two, the lock is driven shut.
        self._back.move(max(ms, self._run_ms + _APART_MS), self._run_ms)
        self._there.move(0, self._run_ms)

    def off(self) -> None:
        """At rest at once; but a motor's way back is run, at its time, or the lock would stay open."""
        self._there.off()
