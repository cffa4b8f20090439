"""The ESP32 that the stand-ins for `machine`, `esp32` and `network` share: its pins, its clock, and what it forbids.

Strict: what the data sheet or the port's documentation forbids raises Misuse, which no firmware catches.
"""

PINS = tuple(n for n in range(40) if n not in (20, 24, 28, 29, 30, 31))
FLASH = tuple(range(6, 12))
INPUT_ONLY = tuple(range(34, 40))
STRAPPING = (0, 2, 5, 12, 15)
ADC1 = tuple(range(32, 40))


class Misuse(BaseException):
    """Something that no real chip would do, or that would harm it."""


class Pins:
    """Who drives each pin, and what levels come from outside."""

    def __init__(self):
        self.us = 0
        self.drivers = {}  # pin: an object with level(us)
        self.inputs = set()
        self.outside = {}
        self.pulls = {}
        self.watchers = {}
        self.wifi_on = False
        self.volts = {}

    def check(self, pin, output):
        if pin not in PINS or pin in FLASH:
            raise Misuse("pin %s is the flash's or is not there" % pin)
        if pin in STRAPPING:
            raise Misuse("pin %s chooses how the chip starts" % pin)
        if output and pin in INPUT_ONLY:
            raise Misuse("pin %s has no driver" % pin)

    def drive(self, pin, driver):
        self.check(pin, True)
        if pin in self.inputs:
            raise Misuse("pin %s is an input" % pin)
        self.drivers[pin] = driver

    def listen(self, pin, pull):
        self.check(pin, False)
        if pin in self.drivers:
            raise Misuse("pin %s is an output" % pin)
        if pull is not None and pin in INPUT_ONLY:
            raise Misuse("pin %s has no pull" % pin)
        self.inputs.add(pin)
        self.pulls[pin] = pull

    def level(self, pin):
        """0 or 1, None if nobody drives it: the resistor outside decides."""
        if pin in self.drivers:
            return self.drivers[pin].level(self.us)
        if pin in self.outside:
            return self.outside[pin]
        pull = self.pulls.get(pin)
        if pull is None:
            raise Misuse("pin %s floats" % pin)
        return pull

    def falls(self, pin):
        """A short pulse to ground from outside."""
        self.watchers[pin](None)

    def advance(self, ms):
        self.us += ms * 1_000


class Level:
    """A pin that was set to a level."""

    def __init__(self, value):
        self.value = value

    def level(self, _us):
        return self.value


pins = Pins()
