"""Stand-in for `esp32` of MicroPython's ESP32 port: RMT and partitions, with the limits of the chip; see chip.py."""

from chip import Misuse, pins



class RMT:
    taken = {}
    pairs = 64  # of a channel's memory, one of them the end mark; 48 on an ESP32-S3

    def __init__(self, channel, *, pin, clock_div, idle_level):
        if channel not in range(8) or channel in RMT.taken:
            raise OSError(-259)
        if not 1 <= clock_div <= 255:
            raise ValueError("clock_div")
        self._channel = channel
        self._pin = pin.number
        self._tick_us = clock_div / 80
        self._idle = int(idle_level)
        self._plan = []  # (until, level), us
        RMT.taken[channel] = self
        pins.drive(self._pin, self)

    def level(self, us):
        for until, level in self._plan:
            if us < until:
                return level
        return self._idle

    def wait_done(self, *, timeout=0):
        if self._plan and 0 < self._plan[-1][0] - pins.us <= timeout * 1_000:
            pins.us = self._plan[-1][0]
        return not self._plan or pins.us >= self._plan[-1][0]

    def write_pulses(self, durations, levels):
        if self._channel not in RMT.taken:
            raise Misuse("the channel was given back")
        if not self.wait_done():
            raise Misuse("it would wait for the former sequence, and the door with it")
        if len(durations) != len(levels) or not durations:
            raise ValueError("pulses")
        if (len(durations) + 1) // 2 > RMT.pairs - 1:
            raise Misuse("it would have to be filled in on the way")
        at = pins.us
        self._plan = []
        for ticks, level in zip(durations, levels):
            if not 1 <= ticks <= 32_767:
                raise ValueError("duration")
            if level is not True and level is not False:
                raise Misuse("a level is a bool")
            at += ticks * self._tick_us
            self._plan.append((at, int(level)))

    def deinit(self):
        if not self.wait_done():
            raise Misuse("the chip panics (esp-idf issue 17692)")
        del RMT.taken[self._channel]


class Partition:
    """A data partition of NOR flash. Without an offset a write erases first, as the port does."""

    TYPE_APP = 0
    TYPE_DATA = 1
    BLOCK = 4096
    table = {}  # label -> Partition

    def __init__(self, blocks):
        self.content = bytearray(b"\xff" * (blocks * self.BLOCK))

    @staticmethod
    def find(type=TYPE_APP, subtype=0xFF, label=None, block_size=None):
        if type != Partition.TYPE_DATA or label not in Partition.table:
            return []
        return [Partition.table[label]]

    def readblocks(self, block, buffer, offset=0):
        at = self._place(block, offset, len(buffer))
        buffer[:] = memoryview(self.content)[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=None):
        if offset is None:
            raise Misuse("it would erase first")
        at = self._place(block, offset, len(buffer))
        for n in range(len(buffer)):
            self.content[at + n] &= buffer[n]

    def ioctl(self, operation, argument):
        if operation == 4:
            return len(self.content) // self.BLOCK
        if operation == 6:
            at = self._place(argument, 0, self.BLOCK)
            self.content[at : at + self.BLOCK] = b"\xff" * self.BLOCK
        return 0

    def _place(self, block, offset, length):
        at = block * self.BLOCK + offset
        if offset + length > self.BLOCK or at + length > len(self.content):
            raise Misuse("beyond the block")
        return at
