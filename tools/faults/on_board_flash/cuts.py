# mypy: ignore-errors
# (this runs in MicroPython)
"""Cuts the power at each flash operation of a day that was written down, and starts the firmware on what is left.

    micropython cuts.py IMAGE LOG ASKED.json FIRST STEP SEED

Takes operations FIRST, FIRST + STEP, …: each once dropped and once torn. A process that never saw the day boots the
bytes as they then are, and is asked what a guest, a thief and the cloud would ask. Prints what does not hold, and at
the end one JSON line of counts.
"""

import binascii
import json
import os
import random
import sys

import bench_board as board
import firm
from day import redo

_AGAIN = 11  # each so many'th boot is cut, too
_CUT = 77  # its exit code


class Known:
    """What was true at the door when the power went."""

    def __init__(self):
        self.lines = {}  # seq -> tag, of lines that are on flash and not acknowledged
        self.acked = 0
        self.top = 0
        self.bolts = []  # seqs of opens after which the bolt moved
        self.believes = [0, 0, 0, 0]
        self.opened = []  # numbers of the codes that opened, in order
        self.version = 0

    def take(self, fact):
        if "line" in fact:
            self.lines[fact["line"]] = fact["tag"]
            self.top = fact["line"]
        if "acked" in fact:
            self.acked = fact["acked"]
            for seq in [seq for seq in self.lines if seq <= self.acked]:
                del self.lines[seq]
        if "bolt" in fact:
            self.bolts = [seq for seq in self.bolts if seq > self.acked] + [fact["bolt"]]
        if "believes" in fact:
            self.believes = fact["believes"]
        if fact.get("verdict") == "open":
            self.opened.append(fact["asked"])
        if "policy" in fact:
            self.version = fact["policy"]


class Cut:
    """One cut: where it is, and the checks after it."""

    def __init__(self, name, known, asked):
        self.name = name
        self.known = known
        self.asked = asked  # codes by number: [text, generation, once, denied from version]

    def wrong(self, sentence):
        print("WRONG %s: %s" % (self.name, sentence))
        board.leave(1)

    async def look(self, door):
        journal, beliefs, known = door.journal, door.beliefs, self.known
        if journal.boot_seq <= known.top:
            self.wrong("seq %d is used again, %d was on flash" % (journal.boot_seq, known.top))
        self.look_at_lines(journal, known)
        generation, epoch, floor, version = known.believes
        if beliefs.generation < generation:
            self.wrong("generation %d, it was %d" % (beliefs.generation, generation))
        if (beliefs.clock_epoch or 0, beliefs.floor) < (epoch, floor):
            self.wrong("floor %d of epoch %s, it was %d of %d" % (beliefs.floor, beliefs.clock_epoch, floor, epoch))
        if beliefs.version < max(version, known.version):
            self.wrong("policy %d, it was %d" % (beliefs.version, version))
        if beliefs.lost or not beliefs.guests_trusted:
            self.wrong("beliefs were lost")
        if beliefs.damaged:
            self.wrong("%d places were damaged" % beliefs.damaged)
        await self.ask(door)
        journal.write("closed")
        board.leave(0)

    def look_at_lines(self, journal, known):
        last = 0
        found = {}
        told = []
        for seq, line in journal.pending(0, 1 << 20):
            if seq <= last:
                self.wrong("line %d comes after %d" % (seq, last))
            last = seq
            found[seq] = line[:16].decode()
            if b'"kind":"log_lost"' in line:
                event = json.loads(line[17:])
                told.append((event["from"], event["to"]))
        for seq in known.lines:
            if seq in found:
                if found[seq] != known.lines[seq]:
                    self.wrong("line %d is another one" % seq)
            elif not any([one <= seq <= two for one, two in told]):
                self.wrong("line %d is gone, %d were acknowledged" % (seq, known.acked))
        for seq in known.bolts:
            if seq > known.acked and seq not in known.lines:
                self.wrong("the bolt moved before event %d was on flash" % seq)

    async def ask(self, door):
        """Codes that must not open any more, and one that must."""
        version = door.beliefs.version
        shut = []
        for n in reversed(self.known.opened):
            text, generation, once, denied = self.asked[n]
            if once or generation < self.known.believes[0] or (denied and self.known.version >= denied):
                shut.append(n)
            if len(shut) == 2:
                break
        for n in shut:
            verdict = await door.scan(self.asked[n][0])
            if verdict not in ("superseded", "already_used", "revoked", "expired"):
                self.wrong("code %d, which no longer counts, is %s (policy %d)" % (n, verdict, version))
        generation = door.beliefs.generation
        for text, wanted, once, denied in self.asked:
            if wanted == generation and not once and not denied:
                verdict = await door.scan(text)
                if verdict != "open":
                    self.wrong("a good code is %s" % verdict)
                return
        self.wrong("no code for generation %d" % generation)


def moved(_door):
    """The bolt moves in the checks, too."""


def torn(content, line, dice):
    """What an operation leaves that stopped somewhere in the middle; of the byte in the making, some bits."""
    at = line[1] * board.BLOCK
    if line[0] == "e":
        size = dice.randrange(board.BLOCK // 16) * 16
        begin = at + (board.BLOCK - size if dice.randrange(2) else 0)
        content[begin : begin + size] = b"\xff" * size
        return
    data = binascii.unhexlify(line[3])
    whole = dice.randrange(len(data))
    part = data[:whole] + bytes([data[whole] | dice.randrange(256)])
    board.program(content, at + line[2], part)


class Run:
    """All cuts of one process."""

    def __init__(self, asked, seed, size):
        """size: of the flash, bytes."""
        self.half = board.room(size)
        self._again = board.room(size)
        self.known = Known()
        self.asked = asked
        self.dice = random
        self.dice.seed(seed)
        self.counts = {"operations": 0, "tried": 0, "again": 0, "wrong": 0}

    def cut(self, content, name):
        """The firmware on these bytes; now and then its first boot is cut again."""
        self.counts["tried"] += 1
        flash = board.Flash(content)
        if self.counts["tried"] % _AGAIN == 0:
            content = self.cut_again(content, name)
            flash = board.Flash(content)
            name += ", and in the boot after it"
        code = firm.boot(flash, Cut(name, self.known, self.asked).look, moved)
        if code:
            self.counts["wrong"] += 1
            if code != 1:
                print("WRONG %s: the firmware ended with %d" % (name, code))

    def cut_again(self, content, name):
        """The bytes after a boot that was cut at one of its first operations."""
        self.counts["again"] += 1
        left = [self.dice.randrange(8)]
        path = "%s.%d" % (sys.argv[2], self.dice.getrandbits(24))

        def told(kind, block, offset, data):
            if left[0]:
                left[0] -= 1
                return
            torn(flash.content, [kind, block, offset, binascii.hexlify(data)], self.dice)
            with open(path, "wb") as kept:
                kept.write(flash.content)
            board.leave(_CUT)

        async def nothing_left(door):
            board.leave(0)

        flash = board.Flash(content, told)  # the process of that boot has its own copy of it
        code = firm.boot(flash, nothing_left, moved)
        if code != _CUT:
            return content
        with open(path, "rb") as kept:
            kept.readinto(self._again)
        os.remove(path)
        return self._again


def main():
    image, log, asked = sys.argv[1:4]
    first, step, seed = [int(word) for word in sys.argv[4:7]]
    content = board.content_of(image)
    with open(asked) as source:
        run = Run(json.load(source), seed, len(content))
    n = 0
    with open(log) as lines:
        for text in lines:
            line = json.loads(text)
            if line[0] == "fact":
                run.known.take(line[1])
                continue
            if n % step == first:
                name = "operation %d, %s of block %d" % (n, "erase" if line[0] == "e" else "program", line[1])
                run.cut(content, name + ", dropped")
                run.half[:] = content
                torn(run.half, line, run.dice)
                run.cut(run.half, name + ", torn")
            redo(content, line)
            n += 1
    run.counts["operations"] = n
    print(json.dumps(run.counts))


if __name__ == "__main__":
    main()
