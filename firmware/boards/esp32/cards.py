"""The line from the lock's card reader: pulses on two pins, or a serial line."""

import machine

from companion.door.card import Text, Wiegand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Pulses:
    """Wiegand: every falling edge is a bit. One that a busy chip misses spoils the parity: the card is unknown then."""

    def __init__(self, wired: "dict[str, Any]", now_ms: "Callable[[], int]") -> None:
        """wired: the pin-out's `card`."""
        self._now = now_ms
        self._bits = Wiegand()
        self._pins = [machine.Pin(wired[name], machine.Pin.IN, machine.Pin.PULL_UP) for name in ("d0", "d1")]
        for pin, bit in zip(self._pins, (self._zero, self._one)):
            pin.irq(bit, machine.Pin.IRQ_FALLING)

    def poll(self, now_ms: int) -> str | None:
        """The number of a card that was just read."""
        return self._bits.poll(now_ms)

    def _zero(self, _pin: machine.Pin) -> None:
        self._bits.bit(0, self._now())

    def _one(self, _pin: machine.Pin) -> None:
        self._bits.bit(1, self._now())


class Serial:
    """A line of text for each card."""

    def __init__(self, wired: "dict[str, Any]") -> None:
        """wired: the pin-out's `card`."""
        self._text = Text()
        self._uart = machine.UART(wired["uart"], baudrate=wired["baud"], rx=machine.Pin(wired["rx"]), rxbuf=256)

    def poll(self, _now_ms: int) -> str | None:
        """The number of a card that was just read."""
        waiting = self._uart.any()
        return self._text.came(self._uart.read(waiting) or b"") if waiting else None
