# mypy: ignore-errors
# (this runs in MicroPython)
"""Damages the flash as a day left it in every part, and starts the firmware on that: random, blank, bits turned.

    micropython damage.py IMAGE LOG ASKED.json FIRST STEP MANY

Takes damages FIRST, FIRST + STEP, … below MANY. Prints what does not hold, and at the end one JSON line of counts.
"""

import json
import random
import sys

import bench_board as board
import firm
from cuts import Known, moved
from day import redo

_HALTED = 4  # exit code of a board that says what is wrong, and opens nothing
_PARTS = {  # name -> (first block, blocks) from the store's beginning; the journal is the rest
    "learned, first home": (0, 2), "learned, second home": (2, 2), "learned": (0, 4), "trust": (4, 2), "policy": (6, 4),
    "rescue copy": (10, 4), "journal": (14, 10),
}  # fmt: skip
_WHOLE = ("learned, first home", "learned, second home", "trust", "policy", "rescue copy", "journal")  # no guest waits


def _random(block):
    for at in range(0, board.BLOCK, 4):
        block[at : at + 4] = random.getrandbits(31).to_bytes(4, "big")


def _blank(block):
    block[:] = b"\xff" * board.BLOCK


def _zero(block):
    block[:] = bytes(board.BLOCK)


def _bits(block):
    for _ in range(random.randrange(1, 200)):
        block[random.randrange(board.BLOCK)] ^= 1 << random.randrange(8)


_HARMS = (_random, _blank, _zero, _bits)


class Damage:
    """One kind of damage, and the look at what the door makes of it."""

    def __init__(self, name, known, asked, whole):
        self.name = name
        self.known = known
        self.asked = asked
        self.whole = whole  # guests must still be served

    def wrong(self, sentence):
        print("WRONG %s: %s" % (self.name, sentence))
        board.leave(1)

    async def look(self, door):
        shut = []
        for n in reversed(self.known.opened):
            text, generation, once, denied = self.asked[n]
            if once or generation < self.known.believes[0] or (denied and self.known.version >= denied):
                shut.append(n)
            if len(shut) == 3:
                break
        for n in shut:
            verdict = await door.scan(self.asked[n][0])
            if verdict == "open":
                self.wrong("code %d, which no longer counts, opens" % n)
        for text, generation, once, denied in self.asked:
            if generation == self.known.believes[0] and not once and not denied:
                verdict = await door.scan(text)
                if self.whole and verdict != "open":
                    self.wrong("a good code is %s" % verdict)
                break
        told = [json.loads(line[17:]) for _, line in door.journal.pending(0, 1 << 20)]
        opened = [event for event in told if event["kind"] == "opened" and event["seq"] >= door.journal.boot_seq]
        if verdict == "open" and not opened:
            self.wrong("it opened without an event")
        codes = [event.get("code") for event in told if event["kind"] == "fault"]
        if self.name.startswith("files, ") and "bits" not in self.name and not any(codes):
            self.wrong("nothing was told")
        board.leave(0)


def cases(files):
    """(name, blocks, harm, whether guests must still be served) of every damage, for ever."""
    n = 0
    while True:
        harm = _HARMS[n % len(_HARMS)]
        kind = harm.__name__.strip("_")
        for name, (first, many) in _PARTS.items():
            yield "%s %s" % (name, kind), range(files + first, files + first + many), harm, name in _WHOLE
        yield "files, all %s" % kind, range(files), harm, harm is not _bits
        yield "files, the first %s" % kind, range(2), harm, harm is not _bits
        some = [random.randrange(files) for _ in range(random.randrange(1, 12))]
        yield "some of the files' blocks %s" % kind, some, harm, False
        some = [files + random.randrange(board.STORE) for _ in range(random.randrange(1, 8))]
        yield "some of the store's blocks %s" % kind, some, harm, False
        some = [random.randrange(files + board.STORE) for _ in range(random.randrange(1, 20))]
        yield "some blocks %s" % kind, some, harm, False
        yield "everything %s" % kind, range(files + board.STORE), harm, False
        n += 1


def main():
    image, log, asked = sys.argv[1:4]
    first, step, many = [int(word) for word in sys.argv[4:7]]
    content = board.content_of(image)
    with open(asked) as source:
        asked = json.load(source)
    known = Known()
    with open(log) as lines:
        for text in lines:
            line = json.loads(text)
            if line[0] == "fact":
                known.take(line[1])
            redo(content, line)
    counts = {"tried": 0, "halted": 0, "wrong": 0}
    spoilt = board.room(len(content))
    random.seed(first)
    n = 0
    for name, blocks, harm, whole in cases(len(content) // board.BLOCK - board.STORE):
        if n >= many:
            break
        n += 1
        if n % step != first:
            continue
        spoilt[:] = content
        for block in blocks:
            part = bytearray(spoilt[block * board.BLOCK : (block + 1) * board.BLOCK])
            harm(part)
            spoilt[block * board.BLOCK : (block + 1) * board.BLOCK] = part
        counts["tried"] += 1
        code = firm.boot(board.Flash(spoilt), Damage(name, known, asked, whole).look, moved)
        if code == _HALTED and not whole:
            counts["halted"] += 1
        elif code:
            counts["wrong"] += 1
            if code != 1:
                print("WRONG %s: the firmware ended with %d" % (name, code))
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
