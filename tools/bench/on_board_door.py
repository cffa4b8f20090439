# mypy: ignore-errors
# (this runs in MicroPython)
"""Runs in MicroPython as the simulated board's flash (`--device`): the same, and what door.py wants to know.

Every line to the harness gets `cpu_us`, the processor time of this process, `came_us`, the same when the last code had
been read, `heap_peak`, the most bytes that were in use at any look, `stop_us`, the longest time that other tasks kept
this one waiting since the last verdict, and `flash`, (erases, programs) since the last code came to be answered. Looked
is every two milliseconds, and at each line. Who looks takes time too, 40 us a look, and leaves hardly any garbage; once
the harness has asked for the heap, only each line and every tenth turn is looked at, so that times are the door's own.
Pulses of the bolt are short, or a thousand scans would take a quarter of an hour; `rest` tells when the firmware knows
that one is over.
"""

import asyncio
import gc
import sys
from array import array

import ffi
import flash_file

_LOOK_MS = 2
_PULSE_MS = 5
_SELDOM = 10
_clock = ffi.open(None).func("i", "clock_gettime", "iP")
_PROCESS = 2  # CLOCK_PROCESS_CPUTIME_ID
_held = array("i", [0, 0])  # seconds, nanoseconds


def cpu_us():
    """Microseconds on a processor since this process began."""
    _clock(_PROCESS, _held)
    return _held[0] * 1000000 + _held[1] // 1000


class Device(flash_file.Device):
    """The flash in a file, with somebody beside it who looks."""

    def __init__(self, path):
        super().__init__(path)
        self.peak = self.stop = self.came_us = 0
        self.seldom = False
        self.board = None
        self.short_pulses(sys.modules["companion.door.bolt"].Bolt)
        board = sys.modules["board"].Board
        plain = board.tell

        def tell(board, facts):
            now_us = cpu_us()
            self.board = board
            self.look()
            facts.update(cpu_us=now_us, came_us=self.came_us, flash=self.spent())
            facts.update(heap_peak=self.peak, stop_us=self.stop)
            self.seldom = self.seldom or "heap" in facts
            if "verdict" in facts:
                self.stop = 0
            plain(board, facts)

        board.tell = tell
        self.began = (0, 0)
        self.mark_scans(sys.modules["companion.door.entry"].Entry)
        self.task = asyncio.create_task(self.watch())

    def short_pulses(self, bolt):
        """Of the class Bolt."""
        pulse, plain = bolt.pulse, bolt.tick
        bolt.pulse = lambda bolt, _ms: pulse(bolt, _PULSE_MS)

        def tick(bolt):
            active = bolt.active
            plain(bolt)
            if active and not bolt.active:
                self.board.tell({"rest": 1})

        bolt.tick = tick

    def mark_scans(self, entry):
        """Of the class Entry: what was done before a code came, nobody waited for."""
        present = entry.present

        def began(entry, text, road):
            self.came_us = cpu_us()
            self.began = (self.erases, self.programs)
            return present(entry, text, road)

        entry.present = began

    def spent(self):
        """(erases, programs) since the last code came."""
        return self.erases - self.began[0], self.programs - self.began[1]

    def look(self):
        """Remember the most that was ever in use."""
        self.peak = max(self.peak, gc.mem_alloc())

    async def watch(self):
        """Sleep a little, again and again: what the processor did meanwhile, others did."""
        turn = 0
        while True:
            begun = cpu_us()
            await asyncio.sleep_ms(_LOOK_MS)
            self.stop = max(self.stop, cpu_us() - begun)
            turn = (turn + 1) % _SELDOM
            if not (self.seldom and turn):
                self.look()
