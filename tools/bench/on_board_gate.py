# mypy: ignore-errors
# (this runs in MicroPython)
"""Runs in MicroPython, started by gate.py: the gate with real beliefs, config and policy in FOLDER, its argument.

Answers each line of its input when it is done with it: NAME COUNT: so many judgements of the token NAME of tokens.json,
which must have the verdict that stands there (other_slot: its key's table is on flash, not in RAM, before the first);
make: one of other_slot, whose table is nowhere yet; soak COUNT: so many verifications with junk between them.
"""

import gc
import json
import os
import sys

import micropython

import companion.early  # noqa: F401 - as main.py does
from companion.core import ed25519, gate
from companion.core.names import VERDICTS
from companion.store.beliefs import Beliefs
from companion.store.config import Config
from companion.store.shelf import Shelf, Stock

_ROAD_QR = 0  # a built firmware keeps numbers without their names


def read(path):
    with open(path, "rb") as file:
        return file.read()


class Bench:
    """A door's gate, and what is presented to it."""

    def __init__(self, folder):
        facts = json.loads(read(folder + "/tokens.json"))
        self.clock = tuple(facts["clock"])
        self.tokens = {
            name: (text.encode(), VERDICTS.index(verdict)) for name, (text, verdict) in facts["tokens"].items()
        }
        self.folder = folder + "/tables"
        self.shelf = Shelf(self.folder)
        ed25519.prepare(self.shelf)
        config = Config(read(folder + "/config.json"))
        self.beliefs = Beliefs.load(folder + "/beliefs", config, read(folder + "/policy"), self.shelf)
        stock = Stock(self.shelf, self.beliefs)
        while stock.tick():
            pass
        for name in self.tokens:
            self.judge(name)

    def judge(self, name):
        text, verdict = self.tokens[name]
        found = gate.judge(text, _ROAD_QR, self.beliefs, self.clock, 0)[0]
        if found != verdict:
            raise AssertionError(name + ": " + VERDICTS[found] + ", not " + VERDICTS[verdict])

    def made_anew(self):
        for name in os.listdir(self.folder):
            os.remove(self.folder + "/" + name)
        self.judge("other_slot")
        self.judge("full")

    def soak(self, times):
        """Prints the heap before and after, as the interpreter tells it."""
        names = [name for name in self.tokens if name not in ("full", "other_slot")]
        for turn in range(2 * len(names)):
            self.judge("full")
            self.judge(names[turn % len(names)])
        gc.collect()
        micropython.mem_info()
        for turn in range(times):
            self.judge("full")
            self.judge(names[turn % len(names)])
        gc.collect()
        micropython.mem_info()


def main(folder):
    """Answers until the input ends."""
    bench = Bench(folder)
    print("ready")
    for line in sys.stdin:
        word, _, count = line.strip().partition(" ")
        if word == "soak":
            bench.soak(int(count))
        elif word == "make":
            bench.made_anew()
        else:
            for _ in range(int(count)):
                bench.judge(word)
        print("done")


if __name__ == "__main__":
    main(sys.argv[1])
