"""What a barcode module may send: lines in pieces, too long ones, and 10,000 that nobody meant; a whole door behind."""

# time limit: 300

import asyncio

import check
import signing
from companion.core.names import EXPIRED, MALFORMED, OPEN, ROAD_QR
from companion.door.entry import FAULT
from companion.door.scanner import Repeats, Scanner
from door_kit import Door

GOOD = signing.token()


class Source:
    """A scanner module that sends these pieces."""

    def __init__(self, pieces):
        self._pieces = list(pieces)

    async def readinto(self, buffer):
        if not self._pieces:
            raise EOFError
        piece = self._pieces[0][: len(buffer)]
        self._pieces[0] = self._pieces[0][len(piece) :]
        if not self._pieces[0]:
            self._pieces.pop(0)
        buffer[: len(piece)] = piece
        return len(piece)


def lines_of(*pieces):
    async def read():
        scanner = Scanner(Source(pieces))
        found = []
        try:
            while True:
                found.append(await scanner.line())
        except EOFError:
            return found, scanner.dropped

    return asyncio.run(read())


def test_the_scanner_takes_lines_however_they_come():
    assert lines_of(b"abc\r") == ([b"abc"], 0)
    assert lines_of(b"ab", b"c\rde", b"f\r\n", b"\n\r", b"g\n") == ([b"abc", b"def", b"g"], 0)
    assert lines_of(b"x" * 151 + b"\r") == ([b"x" * 151], 0)
    assert lines_of(b"never ended") == ([], 0)
    assert lines_of(*[b"z"] * 70, b"\r") == ([b"z" * 70], 0)


def test_a_code_whose_end_is_on_its_way_is_told_once_and_one_that_comes_whole_is_not():
    found, begun = [], []

    async def read():
        pieces = (b"a" * 95, b"b", b"c", b"\r" + b"w" * 151 + b"\r", b"d", b"\r")
        scanner = Scanner(Source(pieces), 0, lambda: begun.append(len(found)))
        try:
            while True:
                found.append(await scanner.line())
        except EOFError:
            return

    asyncio.run(read())
    assert found == [b"a" * 95 + b"bc", b"w" * 151, b"d"] and begun == [0]


def test_the_scanner_drops_what_is_too_long_to_the_terminator():
    assert lines_of(b"x" * 152 + b"\r", b"good\r") == ([b"good"], 1)
    assert lines_of(b"x" * 100_000, b"HK1:\r", b"good\r") == ([b"good"], 1)


def answered(rereads, *shown):
    """When a code was answered; shown: (ms, line)."""
    repeats = Repeats(rereads)
    return [ms for ms, line in shown if not repeats.again(line, ms)]


def test_a_code_that_is_held_before_the_module_is_answered_once():
    held = [(ms, b"code") for ms in range(0, 9_000, 800)]
    assert answered(True, *held) == [0]
    assert answered(True, (0, b"a"), (500, b"b"), (900, b"a")) == [0, 500, 900]
    assert answered(True, (0, b"a"), (2_000, b"a")) == [0, 2_000]
    assert answered(True, *[(ms, b"code") for ms in range(0, 25_000, 1_000)]) == [0, 10_000, 20_000]
    assert answered(False, *held) == [ms for ms, _ in held]


def test_an_answer_that_does_not_stand_is_given_anew():
    repeats = Repeats(True)
    assert not repeats.again(b"code", 0)
    repeats.forget()
    assert not repeats.again(b"code", 100)
    assert repeats.again(b"code", 200)


class Chance:
    """A small generator that gives the same everywhere (Numerical Recipes' constants)."""

    def __init__(self):
        self.state = 1

    def __call__(self, most):
        self.state = (self.state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self.state >> 8) % most


def random_line(chance):
    sort = chance(5)
    if sort == 0:
        return bytes([chance(256) for _ in range(chance(200))]) + b"\r"
    if sort == 1:
        return ("HK1:" + "".join([signing.DIGITS[chance(45)] for _ in range(147)])).encode() + b"\r"
    if sort == 2:
        text = bytearray(GOOD.encode())
        text[chance(151)] = chance(256)
        return bytes(text) + b"\n"
    if sort == 3:
        return GOOD.encode()[: chance(151)] + b"\r"
    return bytes([32 + chance(90)]) * (1 + chance(400)) + b"\r\n"


def test_ten_thousand_random_lines_change_nothing():
    chance = Chance()
    door = Door()
    verdicts = {}

    async def read():
        source = Source([])
        scanner = Scanner(source)
        for n in range(10_000):
            source._pieces.append(random_line(chance))
            if n % 100 == 0:
                door.hand.ms += 61_000
                door.tally.tick(door.hand.ms)
                assert "on" not in door.hand.bolts()
                del door.hand.seen[:]
            try:
                while True:
                    verdict = await door.entry.present(await scanner.line(), ROAD_QR)
                    verdicts[verdict] = verdicts.get(verdict, 0) + 1
            except EOFError:
                pass

    asyncio.run(read())
    assert "on" not in door.hand.bolts() and OPEN not in verdicts and FAULT not in verdicts, verdicts
    assert sum(verdicts.values()) > 5_000 and verdicts[MALFORMED] > 2_000
    assert door.reloaded().generation == 42
    assert len(door.events()) < 1_500
    door.hand.ms += 2_000
    assert door.scan(GOOD) in (OPEN, EXPIRED)


check.run(globals())
