"""The whole firmware on the ESP32's board and the chip's stand-ins: power, a code on the glass, the bolt, the log."""

# runs on: micropython32
# time limit: 120

import asyncio
import json
import sys
import time

import check
import flash_ram
import signing

sys.path.insert(0, check.TESTS + "/esp32_kit")
for folder in ("both", "esp32"):
    sys.path.insert(0, check.FIRMWARE + "/boards/" + folder)

import chip
import esp32
import machine
import shut
import wiring
from barcode_modules import Gm65

import board

pins = chip.pins
BOLT = 25
seen = []


class Glass:
    """A GM65 at the far end of the UART."""

    def __init__(self):
        self.rate = 0
        self.module = Gm65(9_600)
        self.module.line = self
        self._heard = 0

    def come(self, data, rate=None):
        uart = machine.uarts[2]
        if uart.settings["baudrate"] == (rate or self.module.rate):
            uart.come += data

    def step(self):
        uart = machine.uarts[2]
        command, uart.sent = uart.sent, b""
        if command and uart.settings["baudrate"] == self.module.rate:
            self.module.heard(command)


shown = [0]


def held(code):
    """Somebody holds a code before the glass: the module reads it several times a second."""
    if time.ticks_diff(time.ticks_ms(), shown[0]) > 300:
        shown[0] = time.ticks_ms()
        glass.module.shown(code)
    return True


async def until(wanted, seconds=20):
    """Let chip and module go on until something is so: with the host's time, but never by more than a short step."""
    began = last = time.ticks_ms()
    while not wanted():
        now = time.ticks_ms()
        pins.us += min(time.ticks_diff(now, last), 20) * 1_000
        last = now
        glass.step()
        assert time.ticks_diff(time.ticks_ms(), began) < seconds * 1_000, "nothing came of it"
        await asyncio.sleep_ms(2)


class Time:
    """The chip's clock, for the board; asyncio keeps the host's."""

    def ticks_ms(self):
        return pins.us // 1_000

    def ticks_diff(self, new, old):
        return new - old

    def sleep_ms(self, ms):
        raise AssertionError("nothing here blocks")


board.time = Time()
glass = Glass()


async def tester():
    """What happens at the door; ends the machine."""
    await until(lambda: glass.module.saves == 1)  # found at 9,600 baud and set up
    assert glass.module.rate == 57_600 and glass.module.zones[3] & 3 == 2
    await until(lambda: held(signing.token(generation=43).encode()) and pins.level(BOLT))
    seen.append("open")
    began = pins.us
    await until(lambda: not pins.level(BOLT))
    seen.append((pins.us - began) // 1_000)
    await until(lambda: held(b"https://example.com/") and verdicts[-1] == "malformed")
    pins.outside[34] = 0  # the lock's motor, driven by its own electronics
    for wait_ms, level in ((1_500, 1), (100, 0), (900, 0)):  # the grace of our own pulse is over long before
        begun = pins.us
        await until(lambda begun=begun, wait_ms=wait_ms: pins.us - begun > wait_ms * 1_000)
        pins.outside[34] = level
    assert not pins.level(BOLT) and not machine.WDT.running.bites()
    raise SystemExit


verdicts = []


def run():
    root = flash_ram.fresh()
    esp32.Partition.table["store"] = esp32.Partition(64)
    with open(check.FIRMWARE + "/boards/esp32/pins/wroom-1.json") as file:
        profile = file.read()
    wiring.CONFIG = root + "/config.json"
    config = json.loads(signing.config())
    config["profile"] = profile
    config["broker"] = None
    flash_ram.put(wiring.CONFIG, json.dumps(config).encode())
    flash_ram.put(root + "/policy", signing.policy(1000, settings={"bolt_ms": 400}))
    for pin in (34, 35):
        pins.outside[pin] = 1
    pins.outside[39] = 0
    pins.volts[36] = 2_105_000
    tasks, trace = board.Board.tasks, board.Board.trace

    def traced(self, **facts):
        if "verdict" in facts:
            verdicts.append(facts["verdict"])
        trace(self, **facts)

    board.Board.files = root
    board.Board.tasks = lambda self: tasks(self) + [("tester", tester(), None)]
    board.Board.trace = traced
    shut.shut()
    try:
        __import__("companion.main")
    except SystemExit:
        pass
    return root


def test_a_code_before_the_glass_opens_for_as_long_as_the_policy_says():
    answered = verdicts[verdicts.index("open") :]  # what the set-up cut off before is junk
    assert answered == ["open", "malformed"] and seen[0] == "open"
    assert 360 <= seen[1] <= 440, seen  # it is looked at in steps of 20 ms
    from companion.store.config import Config
    from companion.store.journal import Journal
    from companion.store.layout import Store

    key = Config(signing.config()).link_key
    journal = Journal(Store(esp32.Partition.table["store"]).journal, key, lambda: (1, 2), lambda n: bytes(n))
    kinds = [json.loads(line[17:])["kind"] for _, line in journal.pending(0, 1 << 16)]
    assert "boot" in kinds and "opened" in kinds and "card_open" in kinds, kinds


run()  # once: what it loads stays
check.run(globals())
