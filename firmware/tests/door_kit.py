"""A door for tests: real beliefs, journal and gate on a fresh flash, pins and clock in the test's hand."""

import asyncio
import json
import sys

import flash_ram
import signing
from companion.core.clock import Clock
from companion.core.names import ROAD_QR
from companion.door.bolt import Bolt
from companion.door.entry import Entry
from companion.door.feedback import Feedback
from companion.store.beliefs import Beliefs
from companion.store.config import Config
from companion.store.journal import Journal
from companion.store.layout import Store
from companion.store.tally import Tally

NOW = 1795453300
P1 = signing.policy(1000, settings={"bolt_ms": 50})

if sys.implementation.name != "micropython":
    asyncio.sleep_ms = lambda ms: asyncio.sleep(ms / 1000)


class Hand:
    """The pins, lamp and clock of a board, in the test's hand; `seen` keeps what happened in order."""

    def __init__(self, journal_of=lambda: None):
        self.ms = 0
        self.seen = []
        self.broken = False
        self._journal_of = journal_of

    retriggers = False
    after_ms = 0

    def pulse(self, ms):
        self.on()

    def on(self):
        if self.broken:
            raise OSError(5)
        journal = self._journal_of()
        self.seen.append(("on", journal.seq if journal else 0))

    def off(self):
        self.seen.append(("off",))

    def light(self, colour, pattern):
        self.seen.append(("light", colour, pattern))

    def sound(self, name):
        self.seen.append(("sound", name))

    def trace(self, **facts):
        self.seen.append(("trace", facts))

    def monotonic_ms(self):
        return self.ms

    def lights(self):
        return [seen[1:] for seen in self.seen if seen[0] == "light"]

    def bolts(self):
        return [seen[0] for seen in self.seen if seen[0] in ("on", "off")]


class Door:
    """Everything between a code and the bolt, on a fresh flash, at NOW to the second unless told otherwise."""

    def __init__(self, policy=P1, lost=False):
        self.root = flash_ram.fresh()
        self.flash = flash_ram.Ram(flash_ram.STORE)
        store = Store(self.flash)
        self.config = Config(signing.config())
        self.beliefs = Beliefs.load(self.root + "/beliefs", self.config, policy, None, store)
        self.hand = Hand(lambda: self.journal)
        self.clock = Clock(NOW)
        if not lost:
            self.clock.synchronise(NOW, 0, 0)
        self.journal = Journal(
            store.journal, self.config.link_key, lambda: self.clock.interval(self.hand.ms), lambda n: b"\1" * n
        )
        self.tally = Tally(self.journal)
        self.bolt = Bolt(self.hand, self.hand.monotonic_ms)
        self.feedback = Feedback(self.hand)
        self.entry = Entry(
            self.beliefs, self.clock, self.journal, self.tally, self.bolt, self.feedback, self.hand.monotonic_ms,
            self.hand.trace,
        )  # fmt: skip

    def scan(self, text, road=ROAD_QR):
        return asyncio.run(self.present(text, road))

    async def present(self, text, road):
        verdict = await self.entry.present(text, road)
        while self.bolt.active:
            self.hand.ms += 10
            await asyncio.sleep(0.001)
        return verdict

    def events(self):
        return [json.loads(line[17:]) for _, line in self.journal.pending(0, 1 << 20)]

    def reloaded(self):
        """What another boot would believe now; this door goes on on its own flash."""
        return Beliefs.load(self.root + "/beliefs", self.config, None, None, Store(self.flash.copy()))

    def journal_again(self):
        """The journal as another boot would find it."""
        return Journal(Store(self.flash.copy()).journal, self.config.link_key, lambda: (NOW, NOW), lambda n: bytes(n))
