"""Brings the bolt's pins to rest: the first thing that runs after a reset.

Until then they are inputs, and the resistor at the driver's gate keeps it shut (docs/install.md).
"""

import machine
import wiring


def shut() -> None:
    """Pins at rest; a board that has no configuration yet has nothing wired that it knows of."""
    try:
        for pin, level in wiring.rest(wiring.read()["bolt"]):
            machine.Pin(pin, machine.Pin.OUT, value=level)
    except (OSError, ValueError, KeyError, TypeError):
        pass


shut()
