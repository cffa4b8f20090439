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


glass = Glass()


async def tester():
    """What happens at the door; ends the machine."""
    await until(lambda: glass.module.saves == 1)  # found at 9,600 baud and set up
    assert glass.module.rate == 57_600 and glass.module.zones[3] & 3 == 2
    glass.module.shown(signing.token(generation=43).encode())
    await until(lambda: pins.level(BOLT))
    seen.append("open")
    began = pins.us
    await until(lambda: not pins.level(BOLT))
    seen.append((pins.us - began) // 1_000)
    glass.module.shown(b"https://example.com/")
    await until(lambda: "malformed" in verdicts)
    pins.outside[34] = 0  # the lock's motor, driven by its own electronics
    began = time.ticks_ms()
    await until(lambda: time.ticks_diff(time.ticks_ms(), began) > 1_500)  # our own pulse's grace is over long before
    pins.outside[34] = 1
    await until(lambda: time.ticks_diff(time.ticks_ms(), began) > 1_600)
    pins.outside[34] = 0
    await until(lambda: time.ticks_diff(time.ticks_ms(), began) > 2_500)
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
    run()
    assert verdicts[0] == "open" and seen[0] == "open"
    assert 360 <= seen[1] <= 440, seen  # it is looked at in steps of 20 ms
    from companion.store.config import Config
    from companion.store.journal import Journal
    from companion.store.layout import Store

    key = Config(signing.config()).link_key
    journal = Journal(Store(esp32.Partition.table["store"]).journal, key, lambda: (1, 2), lambda n: bytes(n))
    kinds = [json.loads(line[17:])["kind"] for _, line in journal.pending(0, 1 << 16)]
    assert "boot" in kinds and "opened" in kinds and "card_open" in kinds, kinds


check.run(globals())
