"""Stand-in for `machine` of MicroPython's ESP32 port; see chip.py."""

import io

import chip
from chip import Level, Misuse, pins

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3

cause = [PWRON_RESET]
memory = [b""]
resets = []
uarts = {}
i2c = {}
rtc = []


def reset_cause():
    return cause[0]


def reset():
    resets.append(pins.us)


class Pin:
    IN = 1
    OUT = 3
    PULL_UP = 2
    PULL_DOWN = 1
    IRQ_FALLING = 2

    def __init__(self, number, mode=None, pull=None, *, value=None):
        if type(number) is not int:
            raise Misuse("a pin is a number")
        self.number = number
        if mode == self.OUT:
            if value is None:
                raise Misuse("an output without a level moves by chance")
            pins.drive(number, Level(value))
        elif mode == self.IN:
            pins.listen(number, None if pull is None else 1 if pull == self.PULL_UP else 0)
        else:
            pins.check(number, False)

    def value(self):
        if self.number not in pins.inputs:
            raise Misuse("pin %d is no input" % self.number)
        return pins.level(self.number)

    def irq(self, handler, trigger):
        if trigger != self.IRQ_FALLING:
            raise Misuse("trigger")
        pins.watchers[self.number] = handler


class PWM:
    def __init__(self, pin, *, freq, duty_u16):
        self._pin = pin.number
        self.freq(freq)
        self.duty_u16(duty_u16)
        pins.drive(self._pin, self)

    def freq(self, hertz):
        if not 1 <= hertz <= 40_000_000:
            raise ValueError("frequency")
        self.hertz = hertz

    def duty_u16(self, duty):
        if not 0 <= duty <= 65_535:
            raise ValueError("duty")
        self.duty = duty

    def level(self, _us):
        return self.duty / 65_535


class WDT:
    running = None

    def __init__(self, *, timeout):
        if timeout < 1_000:
            raise ValueError("timeout")
        self.timeout = timeout
        self.feed()
        WDT.running = self

    def feed(self):
        self.fed_us = pins.us

    def bites(self):
        return pins.us - self.fed_us > self.timeout * 1_000


class ADC:
    ATTN_11DB = 3

    def __init__(self, pin, *, atten):
        if pin.number not in chip.ADC1:
            raise Misuse("ADC2 is the radio's")
        pins.check(pin.number, False)
        self._pin = pin.number

    def read_uv(self):
        return pins.volts.get(self._pin, 0)


class RTC:
    def memory(self, data=None):
        if data is None:
            return memory[0]
        if len(data) > 2_048:
            raise ValueError("buffer too long")
        memory[0] = bytes(data)
        return None

    def datetime(self, now):
        year, month, day, weekday, hour, minute, second, _ = now
        if not (year >= 2000 and 1 <= month <= 12 and 1 <= day <= 31 and 0 <= weekday < 7):
            raise ValueError("date")
        if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60):
            raise ValueError("time")
        rtc.append(now)


class UART(io.IOBase):
    """A stream that asyncio can poll, with the test at its far end."""

    def __init__(self, number, **settings):
        if number not in (1, 2):
            raise Misuse("UART 0 is the console")
        self.sent = b""
        self.come = bytearray()
        self.settings = {}
        uarts[number] = self
        if settings:
            self.init(**settings)

    def init(self, *, baudrate, rx, rxbuf, tx=None, bits=8, parity=None, stop=1):
        if rxbuf <= 128:
            raise ValueError("rxbuf")
        former = self.settings
        self.settings = {"baudrate": baudrate, "rx": rx.number, "tx": tx.number if tx else None, "rxbuf": rxbuf}
        if not former:
            pins.listen(rx.number, 1)
            if tx:
                pins.drive(tx.number, Level(1))

    def ioctl(self, request, flags):
        """As asyncio polls a stream: readable when something came, always writable."""
        if request != 3:
            return -22  # above all no number of a file
        return flags & (4 | (1 if self.come else 0))

    def readinto(self, buffer):
        if not self.come:
            return None
        n = min(len(buffer), len(self.come))
        buffer[:n] = self.come[:n]
        self.come = self.come[n:]
        return n

    def write(self, data):
        self.sent += data
        return len(data)

    def any(self):
        return len(self.come)

    def read(self, n):
        data = bytes(self.come[:n])
        self.come = self.come[n:]
        return data or None


class I2C:
    def __init__(self, number, *, sda, scl, freq):
        if freq > 400_000:
            raise Misuse("the DS3231 takes 400 kHz")
        for pin in (sda, scl):
            pins.drive(pin.number, Level(1))
        self._devices = i2c

    def readfrom_mem(self, address, register, count):
        return self._device(address).read(register, count)

    def writeto_mem(self, address, register, data):
        self._device(address).write(register, data)

    def _device(self, address):
        if address not in self._devices:
            raise OSError(19)
        return self._devices[address]
