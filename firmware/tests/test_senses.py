"""What contacts tell: whose open it was, how long the door stands open, force, privacy. A real journal keeps it."""

import asyncio
import json

import check
import flash_ram
from companion.door.bolt import Bolt
from companion.door.senses import Senses
from companion.door.supply import Supply
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

    def __init__(self, inputs=ALL, button=False, latched=False, card=None, **levels):
        self.card = card
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

    retriggers = False
    after_ms = 0

    def pulse(self, ms):
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


class Reader:
    """The lock's card reader, as far as it tells us."""

    def __init__(self):
        self.number = None

    def poll(self, now_ms):
        number, self.number = self.number, None
        return number


def cards(*steps):
    """The card of each open: a step is a card's number, "motor", or milliseconds that pass."""
    wall = Wall(card=Reader())
    for step in steps:
        if step == "motor":
            wall.press("motor")
        elif isinstance(step, str):
            wall.card.number = step
            wall.wait(20)
        else:
            wall.wait(step)
    return [json.loads(line[17:])["card"] for _, line in wall.journal.pending(0, 1 << 20)]


def test_a_card_s_number_is_told_where_the_lock_tells_it_and_never_guessed():
    assert cards("04A1", 500, "motor", 1_000) == ["04A1"]
    assert cards("motor", "04A1", 1_000) == ["04A1"]
    assert cards("motor", 2_000) == [None]
    assert cards("04A1", 4_000, "motor", 1_000) == [None]
    assert cards("motor", 600, "04A1", 1_000) == [None]
    assert cards("04A1", 100, "04A2", 100, "motor", 1_000) == [None]
    assert cards("04A1", 100, "04A1", 100, "motor", 1_000) == ["04A1"]
    assert cards("04A1", "motor", 100, "motor", 1_000) == ["04A1", None]
    assert cards("motor", 100, "motor", 1_000) == [None, None]
    assert cards("04A1", 9_000) == []


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


class Meter:
    supply_low_mv = 11_000

    def __init__(self, mv):
        self.mv = mv

    def supply_mv(self):
        return self.mv


def test_a_supply_that_is_low_for_a_while_is_told_once_and_when_it_is_right_again():
    wall = Wall()
    meter = Meter(12_000)
    supply = Supply(meter, wall.journal)
    at = [0]

    def for_s(seconds, mv):
        meter.mv = mv
        for _ in range(seconds):
            at[0] += 1_000
            supply.tick(at[0])

    for_s(60, 12_000)
    for_s(20, 9_000)  # a motor that starts
    for_s(60, 12_000)
    assert wall.told() == []
    for_s(300, 10_900)
    for_s(60, 11_200)
    for_s(60, 10_900)
    assert wall.told() == ["battery_low"]
    for_s(60, 12_000)
    assert wall.told() == ["battery_low", "power"]
    for_s(60, None)
    meter.supply_low_mv = 0
    for_s(60, 1)
    assert len(wall.told()) == 2


def test_tamper():
    wall = Wall()
    wall.press("tamper")
    assert wall.told() == ["tamper"]


check.run(globals())
