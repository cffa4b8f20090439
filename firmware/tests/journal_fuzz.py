"""A random journal on flash that fails: writes and erases that say so or don't, with effect or without, and power cuts.

After each boot every line that was written is there as it was, or acknowledged, or within the range of a `log_lost`.
"""

import json
import random

import flash_ram
from companion.store.journal import Journal
from companion.store.raw import Area

KEY = b"k" * 32
_KINDS = ("opened", "refused", "inside_open", "clock")

# blocks; how often a block goes bad for good, an operation fails, one is not done and says that it is; power cuts
SORTS = (
    (8, 0, 0, 0, 0.01),
    (12, 0.0005, 0, 0, 0),
    (12, 0.0005, 0, 0, 0.01),
    (12, 0, 0.003, 0, 0),
    (12, 0, 0.003, 0, 0.01),
    (12, 0, 0, 0.003, 0.005),
    (12, 0.0003, 0.002, 0.002, 0.005),
)


class Cut(Exception):
    """The power went."""


class Flash(flash_ram.Ram):
    """A part whose operations fail by the dice; until `sound` is set again after a cut it does nothing any more."""

    def __init__(self, sort):
        super().__init__(sort[0])
        self._worn_out, self._fails, self._lies = sort[1:4]
        self._bad = set()
        self.cut_in = -1  # operations from now on, -1: none
        self.dead = False
        self.failed = self.cuts = 0  # operations so far

    def _goes(self, block):
        """How much of an operation is done (0..1), and whether it then says that all is well."""
        if self.dead:
            raise Cut
        self.cut_in -= 1
        if self.cut_in == -1:
            self.dead = True
            self.cuts += 1
            return random.random(), False
        if random.random() < self._worn_out:
            self._bad.add(block)
        done, well = 1, True
        if block in self._bad:
            done, well = random.choice((0, random.random())), False
        elif random.random() < self._fails:
            done, well = random.choice((0, random.random(), 1)), False
        elif random.random() < self._lies:
            done, well = random.choice((0, random.random())), True
        self.failed += done < 1 or not well
        return done, well

    def _end(self, well):
        if self.dead:
            raise Cut
        if not well:
            raise OSError(5)

    def writeblocks(self, block, buffer, offset=0):
        done, well = self._goes(block)
        super().writeblocks(block, bytes(buffer)[: int(done * len(buffer))], offset)
        self._end(well)

    def ioctl(self, operation, argument):
        if operation != 6:
            return super().ioctl(operation, argument)
        done, well = self._goes(argument)
        for n in range(int(done * len(self.blocks[argument]))):
            self.blocks[argument][n] = 255
        return self._end(well)


class Walk:
    """One journal, and what is known of it from outside."""

    def __init__(self, seed, sort):
        random.seed(seed)
        self.flash = Flash(sort)
        self._cuts = sort[4]
        self._written = {}  # seq -> the fields that tell lines apart
        self._sent = {}  # seq -> line, as the cloud has it
        self._sent_to = 0
        self._acked = 0
        self._cloud = True
        self.boots = 0
        self._given_up = []  # dead boots: a collector that ended what one was about would write to the flash after it
        self.journal = self._boot()
        self._log = self.journal.log

    def _boot(self):
        self.boots += 1
        self.flash.dead, self.flash.cut_in = False, -1
        self._sent_to = 0
        if self.boots % 4 == 0:
            self._cloud = random.random() < 0.6
        return Journal(Area(self.flash), KEY, lambda: (1000, 1000), lambda n: bytes(n))

    def go(self, steps):
        """Take so many steps, and look after each boot. Raises AssertionError with what is wrong."""
        for _ in range(steps):
            try:
                self._step()
            except Cut:
                self._reboot()
            except OSError:
                pass
        self._look()
        self._reboot()

    def _step(self):
        dice = random.random()
        if random.random() < self._cuts:
            self.flash.cut_in = random.randrange(12)
        if dice < 0.7:
            kind, verdict = random.choice(_KINDS), "x" * random.randrange(1, 60)
            self._written[self.journal.write(kind, road="qr", verdict=verdict)] = kind, verdict
        elif dice < 0.85:
            self.journal.settle()
        elif dice < 0.95:
            self._send()
        elif dice < 0.955:
            self._reboot()
        else:
            self._sent_to = self.journal.acked

    def _send(self):
        lines = self.journal.pending(self._sent_to, 1500)
        for seq, line in lines:
            assert self._sent.get(seq, line) == line, "line %d is another one" % seq
            self._sent[seq] = line
            self._sent_to = seq
        if lines and self._cloud and random.random() < 0.5:
            seq, line = random.choice(lines)
            self._acked = max(self._acked, seq)
            self.journal.stored(seq, line[:16].decode())

    def _reboot(self):
        self._given_up.append(self.journal)
        while True:
            try:
                self.journal = self._boot()
                break
            except OSError:
                pass
        assert self.journal.log == self._log, "another log"
        self._look()

    def _look(self):
        there = {}
        for seq, line in self.journal.pending(0, 1 << 30):
            assert self._sent.get(seq, line) == line, "line %d is another one" % seq
            there[seq] = json.loads(line[17:])
        told = [json.loads(line[17:]) for seq, line in self._sent.items() if seq <= self._acked and b"log_lost" in line]
        told = [(event["from"], event["to"]) for event in told + list(there.values()) if event["kind"] == "log_lost"]
        for seq in list(self._written):
            if seq <= self._acked:
                del self._written[seq]
            elif seq in there:
                found = there[seq]["kind"], there[seq].get("verdict")
                assert found == self._written[seq], "line %d changed" % seq
            else:
                assert any([one <= seq <= two for one, two in told]), "line %d is gone untold" % seq
