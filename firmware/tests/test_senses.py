"""What contacts tell: whose open it was, how long the door stands open, force, privacy. A real journal keeps it."""

import asyncio
import json

import check
import flash_ram
from companion.door.bolt import Bolt
from companion.door.senses import Senses
from companion.store.journal import Journal

ALL = ("door", "bolt", "motor", "handle", "privacy", "tamper")


class Beliefs:
    ajar_s = 60

    def __init__(self, privacy=False):
        self.privacy = privacy
        self.latches = []

    def latch(self, on):
        self.privacy = on
        self.latches.append(on)


class Entry:
    opened_ms = -1_000_000


class Wall:
    """A door's contacts in the test's hand, and the companion that watches them."""

    def __init__(self, inputs=ALL, button=False, latched=False, **levels):
        self.inputs = inputs
        self.levels = levels
        self.ms = 1_000
        self.pulses = 0
        self.beliefs = Beliefs(latched)
        self.entry = Entry()
        self.journal = Journal(flash_ram.area(), bytes(32), lambda: (1, 2), lambda n: bytes(n))
        self.bolt = Bolt(self, lambda: self.ms)
        self.senses = Senses(self, self.beliefs, self.journal, self.bolt, self.entry, button)
        self.wait(1)

    def read(self, name):
        return self.levels.get(name, 0)

    def on(self):
        self.pulses += 1

    def off(self):
        pass

    def wait(self, ms):
        until = self.ms + ms
        while self.ms < until:
            self.ms += min(20, until - self.ms)
            self.bolt.tick()
            self.senses.poll(self.ms)

    def move(self, name, level, ms=100):
        self.levels[name] = level
        self.wait(ms)

    def press(self, name):
        self.move(name, 1)
        self.move(name, 0)

    def our_open(self):
        async def pulse():
            self.entry.opened_ms = self.ms
            self.bolt.pulse(500)
            self.bolt._task.cancel()
            self.bolt._task = None

        asyncio.run(pulse())

    def told(self):
        return [json.loads(line[17:])["kind"] for _, line in self.journal.pending(0, 1 << 20)]


def test_the_lock_opened_by_its_own_card():
    wall = Wall()
    wall.press("motor")
    wall.move("door", 1)
    wall.move("door", 0)
    assert wall.told() == ["card_open"]
    event = json.loads(wall.journal.pending(0, 1000)[0][1][17:])
    assert "card" in event and event["card"] is None


def test_our_own_pulse_is_no_card():
    wall = Wall()
    wall.our_open()
    wall.wait(100)
    wall.press("motor")
    wall.press("bolt")
    wall.move("door", 1)
    wall.move("door", 0)
    assert wall.told() == []
    wall.wait(12_000)
    wall.press("motor")
    assert wall.told() == ["card_open"]


def test_a_card_soon_after_our_pulse_is_told_from_it():
    wall = Wall()
    wall.our_open()
    wall.wait(1_600)
    wall.press("motor")
    assert wall.told() == ["card_open"]


def test_a_bounce_is_no_event():
    wall = Wall()
    for _ in range(10):
        wall.move("motor", 1, 20)
        wall.move("motor", 0, 20)
    wall.wait(200)
    assert wall.told() == []


def test_from_inside():
    wall = Wall()
    wall.press("handle")
    wall.move("bolt", 1)
    wall.move("door", 1)
    assert wall.told() == ["inside_open"]


def test_by_a_mechanical_key():
    wall = Wall()
    wall.move("bolt", 1)
    wall.move("door", 1)
    assert wall.told() == ["mechanical_open"]


def test_by_force_and_by_means_unknown():
    wall = Wall()
    wall.move("door", 1)
    wall.move("door", 0)
    assert wall.told() == ["forced", "closed"]
    wall = Wall(inputs=("door",))
    wall.move("door", 1)
    assert wall.told() == ["unknown_open"]


def test_a_door_that_stands_open_is_told_once_and_when_it_closes():
    wall = Wall()
    wall.our_open()
    wall.move("door", 1)
    wall.wait(59_000)
    assert wall.told() == []
    wall.wait(1_500)
    assert wall.told() == ["ajar"]
    wall.wait(600_000)
    assert wall.told() == ["ajar"]
    wall.move("door", 0)
    assert wall.told() == ["ajar", "closed"]


def test_levels_at_the_start_are_no_events():
    wall = Wall(door=1, motor=1, handle=1, privacy=1, tamper=1, bolt=1)
    assert wall.told() == [] and wall.beliefs.privacy
    wall.wait(61_000)
    assert wall.told() == ["ajar"]


def test_the_privacy_switch_counts_while_it_is_set():
    wall = Wall()
    wall.move("privacy", 1)
    assert wall.beliefs.privacy
    wall.press("handle")
    assert wall.beliefs.privacy
    wall.move("privacy", 0)
    assert not wall.beliefs.privacy
    assert wall.told() == ["privacy_on", "inside_open", "privacy_off"]


def test_a_privacy_button_ends_when_somebody_leaves():
    wall = Wall(button=True)
    wall.press("privacy")
    assert wall.beliefs.privacy
    wall.press("handle")
    assert not wall.beliefs.privacy
    assert wall.told() == ["privacy_on", "inside_open", "privacy_off"]
    wall.press("privacy")
    wall.press("privacy")
    assert not wall.beliefs.privacy


def test_a_privacy_button_ends_after_twelve_hours_where_no_handle_is_sensed():
    wall = Wall(inputs=("door", "privacy"), button=True)
    wall.press("privacy")
    wall.ms += 12 * 3_600_000 - 1_000
    wall.wait(20)
    assert wall.beliefs.privacy
    wall.wait(1_000)
    assert not wall.beliefs.privacy


def test_a_buttons_latch_is_kept_over_a_restart_and_a_switch_is_read_anew():
    wall = Wall(button=True)
    wall.press("privacy")
    assert wall.beliefs.latches == [True]
    again = Wall(inputs=("door", "privacy"), button=True, latched=True)
    assert again.beliefs.privacy and again.told() == []
    again.ms += 12 * 3_600_000
    again.wait(20)
    assert not again.beliefs.privacy and again.beliefs.latches == [False]
    assert not Wall(latched=True).beliefs.privacy
    assert not Wall(inputs=("door",), button=True, latched=True).beliefs.privacy


def test_tamper():
    wall = Wall()
    wall.press("tamper")
    assert wall.told() == ["tamper"]


check.run(globals())
