"""The ESP32 (and -S3) board: everything that imports the machine, thin enough to be read against the data sheets.

What is wired where is the pin-out's to say (wiring.py). Epochs are converted here and nowhere else.
"""

import asyncio
import json
import os
import time

import esp32
import machine
import tls_dial
import wiring
from dates import date
from lamp import Lamp
from pulse import Bolt
from radio import Radio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_WATCHDOG_MS = 60_000
_RX_BYTES = 1_024  # at 57,600 baud 170 ms: longer than a verification and an erased block of flash
_HALT_MS = 40
_DAY_MS = 86_400_000
_ENODEV = 19


class _Watchdog:
    """The chip's own: it resets when it was not fed for a minute, and can't be stopped once it runs."""

    def __init__(self) -> None:
        self._wdt = machine.WDT(timeout=_WATCHDOG_MS)

    def feed(self) -> None:
        """All is well for another while."""
        self._wdt.feed()


class _Scanner:
    """The barcode module's serial line."""

    def __init__(self, wired: "dict[str, Any]") -> None:
        """wired: the pin-out's `scanner`."""
        self._wired = wired
        self._uart = machine.UART(wired["uart"])
        self.baud(57_600)
        self._stream = asyncio.StreamReader(self._uart)

    async def readinto(self, buffer: bytearray) -> int | None:
        """Fill some of the buffer as bytes come; how much."""
        return await self._stream.readinto(buffer)

    def write(self, data: bytes) -> None:
        """Send these bytes: at most a dozen, which the chip's own queue takes at once."""
        self._uart.write(data)

    def baud(self, rate: int) -> None:
        """Both directions at this speed from now on; what came before is dropped."""
        tx, rx = machine.Pin(self._wired["tx"]), machine.Pin(self._wired["rx"])
        self._uart.init(baudrate=rate, bits=8, parity=None, stop=1, tx=tx, rx=rx, rxbuf=_RX_BYTES)
        while self._uart.any():
            self._uart.read(self._uart.any())


class Board:
    """The pins, clock, flash and network of one companion."""

    name = "esp32"
    files = ""  # the root: MicroPython has mounted it
    rereads = True  # a module reads what is held before it again and again
    holds_open = False  # the bolt is pulsed; it can't be held

    def __init__(self) -> None:
        """Raises OSError or ValueError if there is no pin-out."""
        self._base = (0, time.ticks_ms())  # a moment in ms, and in the chip's ticks
        wired = wiring.read()
        self.bolt = Bolt(wired["bolt"], wired["chip"])
        self.watchdog = _Watchdog()
        self.network = Radio()
        self.scanner = _Scanner(wired["scanner"])
        self.scanner_module: str = wired["scanner"]["module"]
        self._lamp = Lamp(wired["light"], wired.get("buzzer"), self.monotonic_ms)
        self._contacts = {}
        for name, contact in wired.get("inputs", {}).items():
            self._contacts[name] = (_contact(contact), 1 if contact["active"] == "high" else 0)
        self.inputs: tuple[str, ...] = tuple(self._contacts)
        self.card = _card(wired.get("card"), self.monotonic_ms)
        self._supply = wired.get("supply")
        self._adc: machine.ADC | None = None
        self.supply_low_mv = 0
        if self._supply:
            self._adc = machine.ADC(machine.Pin(self._supply["pin"]), atten=machine.ADC.ATTN_11DB)
            self.supply_low_mv = self._supply["low_mv"]
        self._clock = None
        self.battery_ppm = 0
        if "clock" in wired:
            ds3231 = __import__("ds3231")
            self._clock = ds3231.Ds3231(wired["clock"])
            self.battery_ppm = ds3231.DRIFT_PPM

    def store(self) -> "Any":
        """The raw flash beside the file system (tools/installer/partitions.py). Raises OSError if there is none."""
        found = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="store")
        if not found:
            raise OSError(_ENODEV)
        return found[0]

    def mount(self) -> None:
        """MicroPython has mounted the flash. Raises OSError if it could not."""
        os.stat(wiring.CONFIG)

    def format(self) -> None:
        """Never: what runs lies in the file system itself. Raises OSError."""
        raise OSError(_ENODEV)

    # time and chance

    def monotonic_ms(self) -> int:
        """Milliseconds since power came; never wraps, if it is asked once in six days. An interrupt may ask, too."""
        ms, ticks = self._base
        passed = time.ticks_diff(time.ticks_ms(), ticks)
        if passed > _DAY_MS:
            self._base = (ms + passed, time.ticks_add(ticks, passed))
        return ms + passed

    def utc_hint(self) -> int | None:
        """The battery clock's time, Unix seconds; None without one, or if it has stood still."""
        return None if self._clock is None else self._clock.read()

    def keep_utc(self, seconds: int) -> None:
        """Set the battery clock, if there is one. Raises OSError if it does not answer."""
        if self._clock is not None:
            self._clock.write(seconds)

    def tls_date(self, seconds: int) -> None:
        """The date that TLS checks certificates with: the chip's own clock."""
        year, month, day, hour, minute, second, weekday = date(seconds)
        machine.RTC().datetime((year, month, day, weekday, hour, minute, second, 0))

    def random(self, n: int) -> bytes:
        """n random bytes fit for keys and identities: the chip's generator, fed by noise while the radio is on."""
        return os.urandom(n)

    # outputs

    def light(self, colour: str, pattern: str) -> None:
        """Set the light: a colour and how it shows."""
        self._lamp.light(colour, pattern)

    def sound(self, name: str) -> None:
        """Start a short sound."""
        self._lamp.sound(name)

    def trace(self, **facts: object) -> None:
        """One line on the console for whoever has a cable in: verdicts and states, never a secret."""
        facts["ms"] = self.monotonic_ms()
        print("~" + json.dumps(facts))

    # inputs

    def read(self, name: str) -> int:
        """Level of an input, 1 = active."""
        pin, active = self._contacts[name]
        return 1 if pin.value() == active else 0

    def supply_mv(self) -> int | None:
        """The supply's voltage in millivolts, None where it is not measured."""
        if self._adc is None or self._supply is None:
            return None
        upper, lower = self._supply["upper"], self._supply["lower"]
        return self._adc.read_uv() // 1_000 * (upper + lower) // lower

    def rssi(self) -> int | None:
        """The radio's signal in dBm, None without a network."""
        return self.network.rssi()

    def tasks(self) -> list:
        """Endless tasks that this board needs run: (name, coroutine, how long it may stand still in ms)."""
        return [("lamp", self._lamp.run(), 60_000)]

    # power

    def memory(self) -> bytes:
        """What was remembered before the last restart: the clock's memory outlasts a reset, and power cuts empty it."""
        if machine.reset_cause() == machine.PWRON_RESET:
            return b""
        return bytes(machine.RTC().memory())

    def remember(self, data: bytes) -> None:
        """Keep these few bytes until power goes."""
        machine.RTC().memory(data)

    def restart(self) -> None:
        """Start the machine again."""
        machine.reset()

    def halt(self) -> None:
        """Go on showing the light until somebody comes: nothing would get better by starting again."""
        while True:
            self.watchdog.feed()
            self._lamp.tick()
            time.sleep_ms(_HALT_MS)

    # network

    dial = staticmethod(tls_dial.dial)


def _contact(wired: "dict[str, Any]") -> machine.Pin:
    """A contact's pin with its pull."""
    if wired["pull"] == "none":
        return machine.Pin(wired["pin"], machine.Pin.IN)
    pull = machine.Pin.PULL_UP if wired["pull"] == "up" else machine.Pin.PULL_DOWN
    return machine.Pin(wired["pin"], machine.Pin.IN, pull)


def _card(wired: "dict[str, Any] | None", now_ms: "Any") -> "Any":
    """What tells the card's number, None where the lock does not."""
    if wired is None:
        return None
    cards = __import__("cards")
    return cards.Pulses(wired, now_ms) if wired["kind"] == "wiegand" else cards.Serial(wired)
