"""Barcode modules for tests, as their makers' manuals describe them, at the far end of a serial line with a speed."""

import asyncio


class Line:
    """The companion's UART with a module at its other end: at a wrong speed neither understands the other."""

    def __init__(self, module):
        self.module = module
        self.rate = 0
        self.sent = []
        self._come = bytearray()
        self._event = asyncio.Event()
        module.line = self

    async def readinto(self, buffer):
        while not self._come:
            self._event.clear()
            await self._event.wait()
        n = min(len(buffer), len(self._come))
        buffer[:n] = self._come[:n]
        self._come[:] = self._come[n:]
        return n

    def write(self, data):
        self.sent.append(bytes(data))
        if self.rate == self.module.rate:
            self.module.heard(bytes(data))

    def baud(self, rate):
        self.rate = rate
        self._come[:] = b""

    def come(self, data, rate=None):
        """Bytes of the module, sent at its speed."""
        if (rate or self.module.rate) != self.rate:
            data = bytes([(byte * 7 + 129) & 255 for byte in data])
        self._come += data
        self._event.set()


def crc(body):
    """CRC-CCITT by the bit, as the manual has it."""
    value = 0
    for byte in body:
        for n in range(7, -1, -1):
            top = value >> 15 & 1
            value = value << 1 & 0xFFFF
            if top ^ (byte >> n & 1):
                value ^= 0x1021
    return bytes([value >> 8, value & 255])


class Gm65:
    """Zone bits. `saved` is what a power cut leaves."""

    SPEEDS = {b"\x39\x01": 9_600, b"\x34\x00": 57_600, b"\x1a\x00": 115_200}

    def __init__(self, rate=9_600, deaf=False):
        self.rate = self.saved_rate = rate
        self.zones = {0x0000: 0xD6, 0x0003: 0x01, 0x000D: 0x00, 0x0060: 0x00, 0x00B0: 0x00}  # a factory's, about
        self.saved = dict(self.zones)
        self.saves = 0
        self.deaf = deaf
        self.line = None

    def power_cut(self):
        self.rate = self.saved_rate
        self.zones = dict(self.saved)

    def heard(self, data):
        if self.deaf or data[:2] != b"\x7e\x00" or crc(data[2:-2]) != data[-2:]:
            return
        kind, count, address = data[2], data[3], data[4] << 8 | data[5]
        if kind == 7:
            self._answer(bytes([self.zones.get(address, 0)]))
        elif kind == 8:
            self._write(address, data[6 : 6 + count])
        elif kind == 9:
            self.saves += 1
            self.saved = dict(self.zones)
            self.saved_rate = self.rate
            self._answer(b"\0")

    def _write(self, address, data):
        if address == 0x2A:
            former, self.rate = self.rate, self.SPEEDS[data]
            self._answer(b"\0", former)
        else:
            self.zones[address] = data[0]
            self._answer(b"\0")

    def _answer(self, data, rate=None):
        body = bytes([0, len(data)]) + data
        self.line.come(b"\x02\x00" + body + crc(body), rate)

    def shown(self, code):
        """What it sends for a code."""
        self.line.come(code + (b"\r" if self.zones[0x60] & 0x61 == 1 else b""))


class Gm67:
    """Parameters, told and never asked."""

    SPEEDS = {6: 9_600, 9: 57_600, 10: 115_200}

    def __init__(self, rate=115_200):
        self.rate = rate
        self.awake = False
        self.told = {}
        self.stored = 0
        self.line = None

    def heard(self, data):
        if data == b"\0":
            self.awake = True
            return
        if not self.awake or data[0] != len(data) - 2 or data[1:3] != b"\xc6\x04":
            return
        total = sum(data[:-2]) + (data[-2] << 8 | data[-1])
        if total & 0xFFFF:
            return
        self.stored += data[3] & 8
        parameter = data[5:-2]
        self.told[parameter[:-1]] = parameter[-1]
        if parameter[:-1] == b"\x9c":
            self.rate = self.SPEEDS[parameter[-1]]
        self.line.come(b"\x04\xd0\x00\x00\xff\x2c")


class M5:
    """The M14 engine: settings by two bytes."""

    rate = 115_200

    def __init__(self):
        self.held = {b"\x61\x41": 0, b"\x51\x43": 0, b"\x51\x48": 0}
        self.writes = 0
        self.line = None

    def heard(self, data):
        name = data[1:3]
        if data[0] == 0x23 and name in self.held:
            self.line.come(b"\x24" + name + bytes([self.held[name]]))
        elif data[0] == 0x21 and name in self.held:
            self.held[name] = data[3]
            self.writes += 1
            self.line.come(b"\x22" + name + bytes([data[3], 0]))
