"""A chip that just got power and the board on it, its clock, and its pins; the board's files are on the path."""

import json

import check
import chip
import esp32
import flash_ram
import machine
import shut
import wiring

import board

pins = chip.pins


class Time:
    """The chip's clock in place of the host's."""

    later = 0

    def ticks_ms(self):
        return (pins.us // 1_000 + self.later) & 0x3FFFFFFF

    def ticks_diff(self, new, old):
        return ((new - old + 0x20000000) & 0x3FFFFFFF) - 0x20000000

    def ticks_add(self, ticks, ms):
        return (ticks + ms) & 0x3FFFFFFF

    def sleep_ms(self, ms):
        pins.advance(ms)
        if pins.us > 300_000_000:
            raise EOFError


board.time = Time()


def pin_out(name):
    with open(check.FIRMWARE + "/boards/esp32/pins/" + name + ".json") as file:
        return json.load(file)


def power(name="wroom-1", **changes):
    """A chip that just got power, and the board on it; `changes` replace parts of the pin-out, None takes one away."""
    pins.__init__()
    esp32.RMT.taken.clear()
    machine.uarts.clear()
    machine.i2c.clear()
    document = pin_out(name)
    document.update(changes)
    esp32.RMT.pairs = 48 if document["chip"] == "esp32s3" else 64
    for part in [part for part in document if document[part] is None]:
        del document[part]
    wiring.CONFIG = flash_ram.fresh() + "/config.json"
    with open(wiring.CONFIG, "w") as file:
        json.dump({"profile": json.dumps(document)}, file)
    shut.shut()
    pins.first = {pin: pins.level(pin) for pin in pins.drivers}
    return board.Board()


def levels(pin, until_ms, step=10):
    """A pin's changes from now on: [(after ms, level)], looked at every 10 ms; nothing else runs meanwhile."""
    begun = pins.us
    found = []
    while pins.us - begun < until_ms * 1_000:
        level = pins.level(pin)
        if not found or found[-1][1] != level:
            found.append(((pins.us - begun) // 1_000, level))
        pins.advance(step)
    return found
