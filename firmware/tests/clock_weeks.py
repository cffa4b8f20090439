"""Runs in MicroPython: random weeks of a door's clock among liars, against the true time that only this script knows.

    micropython32 clock_weeks.py ROUNDS SEED

Prints what did not hold, one line each, and last `steps checks faults`. The clock, the battery clock and its files are
the firmware's own; a step is an hour or a power cut, an ack, a lie. A lie by whom the door must not believe changes
nothing that counts; the cloud's own wrong year lasts until its clock epoch.
"""

import random
import sys

import flash_ram

from companion.core.clock import Clock
from companion.store.battery import BatteryClock

BEGIN = 2_147_483_648 - 40 * 86_400  # the weeks run over 2038-01-19
DRIFT = 100
YEAR = 31_536_000


class Quartz:
    """True time and the board's two clocks; times in ms."""

    def __init__(self):
        self.true = BEGIN * 1000
        self.mono = 0
        self.ppm = random.randint(-DRIFT, DRIFT)
        self.rtc = None  # offset of the battery clock to the truth, ms
        self.rtc_ppm = random.randint(-5, 5)
        self.lied = False  # the battery clock moved without us, and that was not found out

    def passes(self, ms):
        self.true += ms
        self.mono += ms - ms * self.ppm // 1_000_000
        if self.rtc is not None:
            self.rtc += ms * self.rtc_ppm // 1_000_000

    def utc_hint(self):
        return None if self.rtc is None else max(0, (self.true + self.rtc) // 1000)

    def keep_utc(self, seconds):
        self.lied = False
        self.rtc = seconds * 1000 - self.true

    def seconds(self):
        return self.true // 1000


class Week:
    """One door's life for some hundred steps."""

    def __init__(self):
        self.quartz = Quartz()
        self.root = flash_ram.fresh()
        self.floor = BEGIN - random.randint(0, 86_400)
        self.epoch = 0
        self.boots()

    def boots(self):
        self.quartz.mono = 0
        self.synchronised = None
        self.clock = Clock(self.floor, DRIFT)
        self.battery = BatteryClock(self.quartz, self.root + "/battery", 5)
        if not self.battery.lend(self.clock, self.epoch, 0):
            self.quartz.lied = False

    def acked(self, error_s=0):
        """A fresh ack; error_s: how wrong the cloud's clock is."""
        age = random.randint(0, 59_000)
        t0 = self.quartz.mono
        at = self.quartz.seconds() + error_s
        self.quartz.passes(age)
        self.clock.synchronise(at, t0, self.quartz.mono)
        self.synchronised = self.quartz.mono

    def minute(self):
        self.quartz.passes(60_000)
        if not self.battery.tick(self.clock, self.epoch, self.synchronised, self.quartz.mono):
            self.quartz.lied = False
        self.floor = max(self.floor, self.clock.floor(self.quartz.mono))


def holds(week, tally):
    """What must be true of an honest cloud's door, whatever the battery clock says."""
    now = week.quartz.mono
    true = week.quartz.seconds()
    lo, hi = week.clock.known(now)
    tally.check(lo <= true, "lo %d is beyond the truth %d" % (lo, true))
    tally.check(hi is None or hi >= true, "hi %s is before the truth %d" % (hi, true))
    tally.check(week.floor <= true, "the floor %d is beyond the truth %d" % (week.floor, true))
    if not week.quartz.lied:
        lo, hi = week.clock.interval(now)
        tally.check(lo <= true and (hi is None or true <= hi), "[%d, %s] without %d" % (lo, hi, true))


class Tally:
    steps = checks = faults = 0

    def check(self, fact, sentence):
        self.checks += 1
        if not fact:
            print("VIOLATION", sentence)


def honest_week(tally):
    week = Week()
    for _ in range(60):
        tally.steps += 1
        what = random.randint(0, 9)
        if what < 4:
            for _ in range(random.randint(1, 30)):
                week.minute()
        elif what < 6:
            week.acked()
            week.minute()
        elif what == 6:
            week.quartz.passes(random.randint(0, 40 * 86_400) * 1000)  # the power is away
            week.boots()
            tally.faults += 1
        elif what == 7 and week.quartz.rtc is not None:
            week.quartz.rtc += random.choice((-1, 1)) * random.choice((5, 3600, 86_400, YEAR, 9 * YEAR)) * 1000
            week.quartz.lied = True
            tally.faults += 1
        elif what == 8:
            week.quartz.passes(random.randint(1, 12) * 3_600_000)
            week.minute()
        else:
            week.clock.raise_floor(week.quartz.seconds() - random.randint(0, 3600), week.quartz.mono)
        holds(week, tally)


def wrong_year(tally):
    """The cloud's clock is ahead, then put right by a clock epoch: from then on all is as ever."""
    week = Week()
    week.acked()
    week.minute()
    week.acked(random.randint(1, 2 * YEAR))
    week.minute()
    tally.faults += 1
    if random.randint(0, 1):
        week.boots()
    week.epoch += 1
    week.floor = week.quartz.seconds()
    week.clock.set_back(week.floor, week.quartz.mono)
    tally.steps += 1
    if random.randint(0, 1):
        week.quartz.passes(random.randint(0, 86_400) * 1000)
        week.boots()  # the battery clock was set by the wrong year
    holds(week, tally)
    week.acked()
    week.minute()
    holds(week, tally)
    lo, hi = week.clock.known(week.quartz.mono)
    tally.check(hi is not None and hi - lo <= 62, "[%d, %s] after the repair" % (lo, hi))


def main():
    rounds, seed = int(sys.argv[1]), int(sys.argv[2])
    random.seed(seed)
    tally = Tally()
    while tally.faults < rounds:
        honest_week(tally)
        wrong_year(tally)
    print(tally.steps, tally.checks, tally.faults)


main()
