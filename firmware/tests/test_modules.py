"""Barcode modules are found at any speed, set up, and set up again when something changed them."""

import asyncio

import check
from barcode_modules import M5, Gm65, Gm67, Line
from companion.door import exchange, gm65, gm67, m5
from companion.door.module import Module
from companion.door.scanner import Scanner

gm67._WAKE_S = 0.001


def impatient(port, command, begins, size, patience_ms=5):
    return exchange.ask(port, command, begins, size, patience_ms)


gm65.ask = gm67.ask = m5.ask = impatient


class Journal:
    def __init__(self):
        self.told = []

    def write(self, kind, **fields):
        self.told.append((fields["code"], fields.get("count")))


def setup(driver, module):
    line = Line(module)
    return line, asyncio.run(driver.setup(line))


def test_the_published_examples_have_our_checksum():
    assert gm65._crc(bytes([8, 2, 0, 0x2A, 0x39, 1])) == b"\xa7\xea"
    assert gm65._crc(bytes([7, 1, 0, 0x2A, 2])) == b"\xd8\x0f"
    assert gm65._crc(bytes([9, 1, 0, 0, 0])) == b"\xde\xc8"
    assert gm65._crc(bytes([0, 1, 0])) == b"\x33\x31"


def test_a_gm65_is_found_at_any_speed_and_set_up_for_good():
    for rate in (9_600, 57_600, 115_200):
        module = Gm65(rate)
        line, changed = setup(gm65, module)
        assert changed and line.rate == module.rate == 57_600
        module.power_cut()
        assert module.rate == 57_600
        assert module.zones[3] & 3 == 2 and module.zones[0x60] == 1 and module.zones[0] == 0xD7
        assert module.saves == 1


def test_set_up_codes_are_shut_before_anything_else_is_written():
    line, _ = setup(gm65, Gm65())
    writes = [sent for sent in line.sent if sent[2] == 8 and line.module.rate]
    assert writes[0][4:6] == b"\x00\x03"


def test_a_gm65_that_is_right_is_not_written_to():
    module = Gm65()
    setup(gm65, module)
    line, changed = setup(gm65, module)
    assert changed == 0 and module.saves == 1
    assert not [sent for sent in line.sent if sent[2] != 7]


def test_a_gm65_amid_the_bytes_of_a_code_is_understood():
    module = Gm65(57_600)
    line = Line(module)
    line.rate = 57_600
    line.baud = lambda rate: setattr(line, "rate", rate)
    line.come(b"HK1:" + b"A" * 60 + b"\r")
    assert asyncio.run(gm65.setup(line))
    module.shown(b"next")
    assert asyncio.run(Scanner(line).line()) == b"next"


def test_a_module_that_takes_no_commands_is_still_read():
    for driver, module in ((gm65, Gm65(57_600)), (gm67, Gm67(57_600))):
        line, _ = setup(driver, module)
        module.heard = lambda data: None
        assert asyncio.run(driver.setup(line)) is None
        line.come(b"HK1:CODE\r")
        assert asyncio.run(Scanner(line).line()) == b"HK1:CODE"


def test_a_module_that_is_not_there_is_said_so():
    assert setup(gm65, Gm65(deaf=True))[1] is None
    assert setup(gm67, Gm65(deaf=True))[1] is None
    assert setup(m5, Gm65(deaf=True))[1] is None


def test_a_gm67_is_woken_and_told_and_nothing_is_stored():
    for rate in (9_600, 57_600, 115_200):
        module = Gm67(rate)
        line, changed = setup(gm67, module)
        assert changed == 0 and line.rate == module.rate == 57_600 and not module.stored
        assert module.told[b"\xf2\x05"] == 2 and module.told[b"\x8a"] == 9 and module.told[b"\xee"] == 0


def test_the_published_gm67_commands_are_ours():
    line, _ = setup(gm67, Gm67(9_600))
    durable = [bytes([sent[0], 0xC6, 4, 8]) + sent[4:-2] for sent in line.sent if len(sent) > 1]
    sums = {bytes.fromhex("07c60408008a09"): 0xFE94, bytes.fromhex("07c60408009c09"): 0xFE82}
    for body in sums:
        assert body in durable and -sum(body) & 0xFFFF == sums[body]


def test_an_m5_is_told_only_what_it_does_not_have():
    module = M5()
    assert setup(m5, module)[1] == 1 and module.held[b"\x61\x41"] == 5
    assert setup(m5, module)[1] == 0 and module.writes == 1


def test_without_a_terminator_a_pause_ends_a_line():
    async def read():
        line = Line(M5())
        line.rate = 115_200
        scanner = Scanner(line, 5)
        line.come(b"HK1:")
        line.come(b"ABC")
        first = await scanner.line()
        line.come(b"x" * 400)
        reading = asyncio.create_task(scanner.line())
        while not scanner.dropped:
            await asyncio.sleep(0.001)
        line.come(b"good")
        return first, await reading

    assert asyncio.run(read()) == (b"HK1:ABC", b"good")


def test_what_changed_a_module_is_an_event_and_is_taken_back():
    async def look():
        journal = Journal()
        chip = Gm65()
        module = Module("gm65", Line(chip), journal, 0)
        assert module.due(0) and module.pause_ms == 0
        await module.look(0)
        assert journal.told == [] and not module.due(599_999) and module.due(600_000)
        chip.zones[3] = 1
        module.junk(5_000)
        assert module.due(15_000)
        await module.look(15_000)
        assert journal.told == [("scanner_changed", 1)] and chip.zones[3] == 2
        chip.deaf = True
        await module.look(20_000)
        await module.look(80_000)
        assert journal.told[1:] == [("scanner_silent", None)] and module.due(140_000)
        chip.deaf = False
        await module.look(140_000)
        assert len(journal.told) == 2
        chip.deaf = True
        await module.look(200_000)
        assert journal.told[2:] == [("scanner_silent", None)]

    asyncio.run(look())


def test_a_module_that_nobody_sets_up_is_left_alone():
    for name in ("", "plain"):
        module = Module(name, None, None, 0)
        assert not module.due(10_000_000)
        asyncio.run(module.look(0))


check.run(globals())
