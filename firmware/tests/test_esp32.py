"""The ESP32's own files on a chip that forbids what a real one can't: pins, pulses, clock, radio, light, senses."""

# runs on: micropython32 micropython

import asyncio
import json
import sys

import check
import flash_ram

sys.path.insert(0, check.TESTS + "/esp32_kit")
for folder in ("both", "esp32"):
    sys.path.insert(0, check.FIRMWARE + "/boards/" + folder)

import chip
import dates
import esp32
import machine
import network
import wiring
import shut
import signals
from companion.door.bolt import Bolt as Lock
from companion.door.scanner import Scanner
from companion.store.layout import Store
from companion.store.places import Cell, Log
from companion.store.slots import Slots
from ds3231 import Ds3231
from powered import Time, levels, pin_out, pins, power

import board

def test_the_bolt_is_at_rest_before_anything_else_and_stays_so():
    for name in ("wroom-1", "wroom-1-motor"):
        for active, rest in (("high", 0), ("low", 1)):
            bolt = pin_out(name)["bolt"]
            bolt["active"] = active
            power(name, bolt=bolt)
            wanted = {bolt[key]: rest for key in ("pin", "back") if key in bolt}
            assert pins.first == wanted
            for pin in wanted:
                assert levels(pin, 1_000) == [(0, rest)]


def test_a_board_without_a_pin_out_drives_nothing_and_says_so():
    pins.__init__()
    wiring.CONFIG = flash_ram.fresh() + "/config.json"
    shut.shut()
    check.raises(OSError, board.Board)
    for profile in ("", "sim", "[]", "{", '{"chip": "esp32"}', None):
        with open(wiring.CONFIG, "w") as file:
            json.dump({"profile": profile}, file)
        shut.shut()
        check.raises(ValueError, board.Board)
    assert pins.drivers == {}


def test_a_strike_s_pulse_ends_by_itself_at_its_time():
    for ms in (50, 100, 110, 700, 3_000, 10_000):
        made = power()
        made.bolt.pulse(ms)
        assert levels(25, ms + 500) == [(0, 1), (ms, 0)], ms
        made.bolt.pulse(100)
        pins.us += 98_500
        made.bolt.pulse(100)  # the chip began a little late


def test_the_longest_pulse_fits_into_the_chip_s_memory_whole():
    for of, strike, motor in (("esp32", 10_000, 10_000), ("esp32s3", 9_817, 9_504)):
        made = power(chip=of)
        made.bolt.pulse(10_000)
        assert levels(25, 11_000, 1) == [(0, 1), (strike, 0)]
        made = power("wroom-1-motor", chip=of)
        made.bolt.pulse(10_000)
        assert levels(26, 11_000, 1) == [(0, 0), (motor, 1), (motor + 300, 0)]


def test_an_interrupt_that_asks_the_time_while_the_program_does_turns_nothing_back():
    made = power()

    class Interrupted:
        """Each look at the chip's clock is a moment at which an interrupt asks, too, a little later."""

        def __getattr__(self, name):
            if not within:
                within.append(1)
                pins.us += 7_000
                made.monotonic_ms()
                within.clear()
            return getattr(usual, name)

    usual = board.time
    within = []
    begun = pins.us // 1_000 - made.monotonic_ms()
    board.time = Interrupted()
    try:
        for _ in range(20):
            pins.us += 90_000_000_000
            asked = made.monotonic_ms()
            assert pins.us // 1_000 - begun - 14 <= asked <= pins.us // 1_000 - begun
    finally:
        board.time = usual


def test_a_low_side_pulse_is_the_mirror_image():
    made = power(bolt={"kind": "strike", "pin": 25, "active": "low"})
    made.bolt.pulse(500)
    assert levels(25, 1_000) == [(0, 0), (500, 1)]


def test_a_motor_runs_there_and_back_without_the_program():
    made = power("wroom-1-motor")
    made.bolt.pulse(2_000)
    begun = pins.us
    assert levels(25, 3_000) == [(0, 1), (300, 0)]
    pins.us = begun
    assert levels(26, 3_000) == [(0, 0), (2_000, 1), (2_300, 0)]
    assert made.bolt.after_ms == 300
    made.bolt.pulse(10_000)


def test_a_motor_never_gets_both_ways_at_once():
    made = power("wroom-1-motor")
    made.bolt.pulse(50)
    for _ in range(1_500):
        assert not (pins.level(25) and pins.level(26))
        pins.advance(1)


def opened_twice(name, ms, second_ms):
    """The ways that the bolt's motor ran when it was opened, and once more later."""
    made = power(name)
    runs = []

    async def guests():
        bolt = Lock(made.bolt, made.monotonic_ms)
        bolt.pulse(ms)
        for n in range(8_000):
            if n == second_ms:
                bolt.pulse(ms)
            bolt.tick()
            for pin, way in ((25, "there"), (26, "back")):
                if pin in pins.drivers and pins.level(pin) and (not runs or runs[-1] != way):
                    runs.append(way)
            pins.advance(1)
        assert not bolt.active and pins.level(25) == 0
        bolt._task.cancel()
        await asyncio.sleep(0)

    asyncio.run(guests())
    return runs


def test_a_second_guest_is_let_in_whenever_he_comes_and_a_motor_always_runs_back():
    for ms in (50, 800, 2_000):
        for second_ms in (1, ms - 1, ms, ms + 1, ms + 200, ms + 299, ms + 301, ms + 400, ms + 700):
            assert opened_twice("wroom-1-motor", ms, second_ms) == ["there", "back"] * 2, (ms, second_ms)
    assert opened_twice("wroom-1", 800, 799) == ["there"]


def test_a_motor_runs_back_although_its_pulse_was_cut():
    for cut_ms in (100, 500, 900):
        made = power("wroom-1-motor")
        made.bolt.pulse(800)
        pins.advance(cut_ms)
        made.bolt.off()
        assert pins.level(25) == 0
        assert [level for _, level in levels(26, 2_000)][-2:] == [1, 0]
        made.bolt.pulse(800)


def test_a_pulse_cut_short_is_at_rest_and_the_next_waits_until_the_chip_is_through():
    made = power()
    made.bolt.pulse(1_000)
    pins.advance(200)
    made.bolt.off()
    assert levels(25, 500) == [(0, 0)]
    assert check.raises(OSError, made.bolt.pulse, 100).args == (16,)
    pins.advance(300)
    made.bolt.pulse(100)
    assert levels(25, 400) == [(0, 1), (100, 0)]
    made.bolt.off()
    made.bolt.off()
    made.bolt.pulse(100)
    assert pins.level(25) == 1


def test_the_stand_ins_forbid_what_the_chip_forbids():
    power()
    for pin in (6, 12, 20, 34):
        check.raises(chip.Misuse, lambda pin=pin: machine.Pin(pin, machine.Pin.OUT, value=0))
    check.raises(chip.Misuse, lambda: machine.Pin(39, machine.Pin.IN, machine.Pin.PULL_UP))
    check.raises(chip.Misuse, lambda: machine.ADC(machine.Pin(4), atten=3))
    check.raises(chip.Misuse, lambda: machine.UART(0))
    sends = esp32.RMT.taken[0]
    sends.write_pulses([32_767] * 20, [True] * 20)
    check.raises(chip.Misuse, sends.deinit)
    check.raises(chip.Misuse, sends.write_pulses, [1], [True])
    pins.advance(3_000)
    check.raises(chip.Misuse, sends.write_pulses, [1] * 127, [True] * 127)


def test_contacts_have_their_polarity_and_pull():
    made = power()
    assert set(made.inputs) == {"door", "bolt", "motor", "handle", "privacy", "tamper"}
    for name, part in pin_out("wroom-1")["inputs"].items():
        for level in (0, 1):
            pins.outside[part["pin"]] = level
            assert made.read(name) == (level if part["active"] == "high" else 1 - level)
    del pins.outside[32]
    assert made.read("door") == 1  # a cut wire of the door's contact is a door that stands open
    assert power(inputs={}).inputs == ()


def test_the_watchdog_runs_from_the_start_and_halting_feeds_it():
    made = power()
    assert not machine.WDT.running.bites()
    pins.advance(61_000)
    assert machine.WDT.running.bites()
    made = power()
    made.light("red", "pulse")
    check.raises(EOFError, made.halt)
    assert not machine.WDT.running.bites()
    made.restart()
    assert machine.resets


def test_what_is_remembered_outlasts_a_restart_and_no_power_cut():
    made = power()
    made.remember(b"abc")
    assert made.memory() == b""
    for cause in (machine.HARD_RESET, machine.WDT_RESET):
        machine.cause[0] = cause
        assert power().memory() == b"abc"
    machine.cause[0] = machine.PWRON_RESET
    assert power().memory() == b""


def test_milliseconds_never_wrap():
    made = power()
    for _ in range(10):
        Time.later = (Time.later + 0x1FFFFFF0) & 0x3FFFFFFF
        before = made.monotonic_ms()
    assert before == 10 * 0x1FFFFFF0
    Time.later = 0


def scanned(made, uart, data):
    async def read():
        line = asyncio.create_task(Scanner(made.scanner).line())
        await asyncio.sleep(0)
        uart.come += data
        return await asyncio.wait_for(line, 5)

    return asyncio.run(read())


def test_the_scanner_s_line_runs_at_our_speed_and_at_others():
    made = power()
    uart = machine.uarts[2]
    assert uart.settings == {"baudrate": 57_600, "rx": 16, "tx": 17, "rxbuf": 1_024}
    assert scanned(made, uart, b"HK1:ABC\r") == b"HK1:ABC"
    uart.come += b"left over"
    made.scanner.baud(9_600)
    assert uart.settings["baudrate"] == 9_600 and not uart.any()
    made.scanner.write(b"\x7e\x00")
    assert uart.sent == b"\x7e\x00" and made.scanner_module == "gm65"


def sent_card(bits):
    for bit in bits:
        pins.falls(13 if bit == "1" else 4)
        pins.advance(2)


def test_a_card_s_number_by_wiegand_and_by_serial_line():
    made = power()
    number = "0000000110100001101100100"[:24]
    bits = str(number[:12].count("1") % 2) + number + str(1 - number[12:].count("1") % 2)
    sent_card(bits)
    assert made.card.poll(made.monotonic_ms()) is None
    pins.advance(40)
    assert made.card.poll(made.monotonic_ms()) == "%06X" % int(number, 2)
    assert made.card.poll(made.monotonic_ms()) is None
    made = power(card={"kind": "uart", "uart": 1, "rx": 4, "baud": 9600})
    machine.uarts[1].come += b"\x0204a1b2c3\r\n"
    assert made.card.poll(0) == "04A1B2C3" and made.card.poll(0) is None
    assert power(card=None).card is None


def test_the_supply_is_measured_over_its_divider():
    made = power()
    pins.volts[36] = 2_105_000
    assert made.supply_mv() == 11_998 and made.supply_low_mv == 11_000
    assert power(supply=None).supply_mv() is None


class Chip3231:
    """The battery clock's registers."""

    def __init__(self, status=0):
        self.registers = bytearray(0x13)
        self.registers[0x0F] = status

    def read(self, register, count):
        return bytes(self.registers[register : register + count])

    def write(self, register, data):
        self.registers[register : register + len(data)] = data


def test_the_battery_clock_says_what_it_was_told_past_2038_and_2100():
    made = power()
    assert made.utc_hint() is None
    check.raises(OSError, made.keep_utc, 1)
    for at in (946_684_800, 1_795_453_300, 2_147_483_648, 4_294_967_295, 4_107_542_399, 4_107_542_400):
        machine.i2c[0x68] = Chip3231(0x88)
        assert made.utc_hint() is None  # it has stood still: whatever it says is worth nothing
        made.keep_utc(at)
        assert made.utc_hint() == at, at
    assert power(clock=None).utc_hint() is None


def test_the_data_sheet_s_registers_are_read_as_they_are_meant():
    power(clock=None)
    machine.i2c[0x68] = held = Chip3231()
    clock = Ds3231({"sda": 21, "scl": 22})
    held.write(0, bytes([0x59, 0x58, 0x23, 0x07, 0x29, 0x11, 0x26]))
    assert clock.read() == 1_795_996_739
    for at, wrong in ((0, 0x60), (0, 0x0A), (2, 0x40), (2, 0x24), (4, 0x00), (4, 0x32), (5, 0x13), (5, 0x00)):
        held.write(0, bytes([0x59, 0x58, 0x23, 0x07, 0x29, 0x11, 0x26]))
        held.write(at, bytes([wrong]))
        assert clock.read() is None, (at, wrong)
    held.write(0, bytes([0, 0, 0, 1, 0x31, 0x04, 0x26]))
    assert clock.read() is None  # the 31st of April


def test_dates_go_there_and_back():
    assert dates.date(1_795_996_739) == (2026, 11, 29, 23, 58, 59, 6)
    for at in range(0, 7_000_000_000, 123_456_789):
        year, month, day, hour, minute, second, _ = dates.date(at)
        assert dates.seconds(year, month, day, hour, minute, second) == at


def test_tls_s_date_is_the_chip_s_own_clock():
    made = power()
    made.tls_date(2_208_988_799)
    assert machine.rtc[-1] == (2039, 12, 31, 5, 23, 59, 59, 0)


def test_the_radio_joins_tells_why_not_and_how_strong():
    made = power()
    radio = made.network
    network.air.clear()
    network.air["Hotel"] = ("secret", -61)
    assert not radio.connected and made.rssi() is None
    for name, password in (("Hotel", "wrong"), ("Elsewhere", "secret")):
        try:
            asyncio.run(radio.up(name, password))
            raise AssertionError(name)
        except OSError:
            assert not radio.connected
    asyncio.run(radio.up("Hotel", "secret"))
    assert radio.connected and made.rssi() == -61
    radio.datagrams().close()
    radio._station.disconnect()
    check.raises(OSError, radio.datagrams)


def shown(made, until_ms):
    """Each change of (red, green, blue, buzzer's hertz) with the time, ms."""
    found = []
    light, buzzer = pin_out("wroom-1")["light"], pins.drivers[27]
    begun = pins.us
    while pins.us - begun < until_ms * 1_000:
        made._lamp.tick()
        red, green, blue = [round(100 * pins.level(light[name])) for name in ("red", "green", "blue")]
        now = (red, green, blue, buzzer.hertz if buzzer.duty else 0)
        if not found or found[-1][1] != now:
            found.append(((pins.us - begun) // 1_000, now))
        pins.advance(10)
    return found


def test_light_and_sound_follow_their_tables():
    made = power()
    made.light("green", "steady")
    made.sound("open")
    assert shown(made, 2_000) == [(0, (0, 100, 0, 1_320)), (90, (0, 100, 0, 1_760)), (250, (0, 100, 0, 0))]
    made.light("red", "blink")
    assert [at for at, _ in shown(made, 1_000)] == [0, 250, 500, 750]
    for colour in signals.COLOURS:
        for pattern in signals.PATTERNS:
            made.light(colour, pattern)
            shown(made, 100)
    for name in signals.SOUNDS:
        made.sound(name)
        assert shown(made, 3_000)[-1][1][3] == 0


def test_a_common_anode_light_is_dark_when_it_shall_be():
    light = pin_out("wroom-1")["light"]
    light["active"] = "low"
    made = power(light=light, buzzer=None)
    made.light("red", "steady")
    made.sound("open")
    assert [pins.level(pin) for pin in (18, 19, 23)] == [0, 1, 1]


def test_the_store_is_its_own_partition_and_is_written_as_nor_flash_must_be():
    esp32.Partition.table.pop("store", None)
    made = power()
    check.raises(OSError, made.store)
    esp32.Partition.table["store"] = esp32.Partition(64)
    store = Store(made.store())
    kept = Slots(Log(store.learned[0]), Log(store.learned[1]))
    for n in range(200):
        kept.write(bytes([n]) * 60)
        kept.settle()
    cell = Cell(store.policy)
    cell.put(1, b"p" * 5000)
    again = Store(made.store())
    assert Slots(Log(again.learned[0]), Log(again.learned[1])).read() == bytes([199]) * 60
    assert Cell(again.policy).read() == b"p" * 5000


check.run(globals())
