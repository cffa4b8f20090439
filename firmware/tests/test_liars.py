# runs on: micropython32 micropython
"""Liars about the time, at a door: no expired key opens, and nobody is locked out for good (protocol section 5)."""

import check
import flash_ram
import signing
from companion.core import mac
from companion.core.clock import Clock
from companion.core.names import VERDICTS
from companion.store.battery import BatteryClock
from door_kit import NOW, Door
from test_net_uplink import Beliefs, Taken, uplink

HOUR_MS, DAY, YEAR = 3_600_000, 86_400, 31_536_000
ACK = "lm/1/c-801-test/down/ack"


def code(at, **other):
    """A guest's code that is good for five minutes around `at`."""
    return signing.token(nbf=at - 100, exp=at + 200, iat=at - 3600, **other)


def verdict(door, text):
    return VERDICTS[door.scan(text)]


class Board:
    """A board with a battery clock: what it says, and what it was told."""

    def __init__(self, hint=None):
        self.hint = hint
        self.told = []

    def utc_hint(self):
        return self.hint

    def keep_utc(self, seconds):
        self.told.append(seconds)
        self.hint = seconds


def battery_of(board, root=None):
    """A battery clock that was set at NOW by a fresh ack."""
    root = root or flash_ram.fresh()
    battery = BatteryClock(board, root + "/battery", 5)
    board.hint = NOW - 5 * YEAR
    clock = Clock(NOW - 100)
    clock.synchronise(NOW, 60_000, 60_000)
    assert battery.tick(clock, 0, 60_000, 60_000)
    assert board.told == [NOW], board.told
    return BatteryClock(board, root + "/battery", 5)


# --- the cloud, and who repeats it ---------------------------------------------------------------------------------


def ack(made, journal, seq, at, now_ms=0):
    """Tell the uplink's downlink that all up to `seq` is stored, at the cloud's time `at`."""
    tag = "a" * 16
    journal.tag = lambda seq: tag
    journal.stored = lambda seq, told: None
    text = b'{"log":"%s","seq":%d,"tag":"%s","at":%d,"door":801,"policy_version":1}' % (
        journal.log.encode(), seq, tag.encode(), at)  # fmt: skip
    made.downlink._take_ack(mac.seal(bytes(32), ACK, text), now_ms)


class Quiet(Beliefs):
    floor = 0

    def save_floor(self, lo):
        self.floor = lo

    def take_door(self, door):
        return False

    def policy_named(self, version):
        pass


def clocked(floor, boot_seq=1):
    made, journal = uplink(keeps=False)
    journal.boot_seq = boot_seq
    made._handed.forget(boot_seq)
    made.downlink._beliefs = made._beliefs = Quiet(False)
    made.downlink._clock = made._clock = Clock(floor)
    return made, journal


def test_an_old_ack_delivered_again_after_a_power_cut_gives_no_time():
    made, journal = clocked(NOW, boot_seq=5)
    made._handed.note(6, 0)
    for seq in (1, 4):
        ack(made, journal, seq, NOW + YEAR)
        assert made._clock.interval(0) == (NOW, None)
    ack(made, journal, 6, NOW + 1)
    assert made._clock.interval(0) == (NOW + 1, NOW + 2)


def test_a_cloud_a_year_ahead_is_put_right_by_a_clock_epoch_and_its_acks_do_not_bring_it_back():
    made, journal = clocked(NOW)
    made._handed.note(3, 0)
    journal.seq = 3
    ack(made, journal, 3, NOW + YEAR)
    assert made._clock.interval(0)[0] == NOW + YEAR

    def repaired(wire, clock, now_ms):
        clock.set_back(NOW + 60, now_ms)
        return Taken(1)

    made._beliefs.accept = repaired
    made.downlink.on_message(b"lm/1/c-801-test/down/policy", memoryview(b"x" * 100))
    made.downlink._take_policy()
    assert made._clock.interval(0) == (NOW + 60, None)
    ack(made, journal, 3, NOW + YEAR)
    assert made._clock.interval(0) == (NOW + 60, None), "said before the repair"
    made._handed.note(4, 0)
    ack(made, journal, 4, NOW + 61)
    assert made._clock.interval(0) == (NOW + 61, NOW + 62)


def test_at_the_gate_the_wrong_year_locks_out_until_the_epoch_comes_and_expired_keys_stay_shut():
    door = Door()
    door.clock.synchronise(NOW + YEAR, 0, 0)
    assert verdict(door, code(NOW)) == "expired"
    repaired = signing.policy(2_000, clock_epoch=1, issued_at=NOW)
    door.beliefs.accept(repaired, door.clock, 0)
    assert verdict(door, code(NOW - DAY)) == "expired"
    assert verdict(door, code(NOW)) == "open"
    assert door.reloaded().floor <= NOW + 60


# --- the battery clock ---------------------------------------------------------------------------------------------


def test_a_battery_clock_carries_the_time_over_a_power_cut():
    board = Board()
    battery = battery_of(board)
    board.hint += 10 * DAY
    clock = Clock(NOW)
    assert battery.lend(clock, 0, 0)
    lo, hi = clock.interval(0)
    true = NOW + 10 * DAY
    assert lo <= true <= hi and hi - lo < 90, (lo - true, hi - true)
    assert clock.known(0) == (NOW, None), "nobody is told so"
    assert clock.floor(0) == NOW, "and the floor does not rise by it"


def test_expired_keys_stay_shut_over_a_power_cut_where_there_is_a_battery_clock():
    door = Door(lost=True)
    assert verdict(door, code(NOW + DAY)) == "open", "without one, a door that lost the time can't know"
    door = Door(lost=True)
    board = Board()
    battery = battery_of(board, door.root)
    board.hint += 3 * DAY
    battery.lend(door.clock, 0, 0)
    assert verdict(door, code(NOW + DAY)) == "expired"
    assert verdict(door, code(NOW + 3 * DAY)) == "open"


def test_a_battery_clock_that_is_behind_what_is_known_is_not_believed():
    for hint in (NOW - YEAR, 0, 946_684_800):
        board = Board()
        battery = battery_of(board)
        board.hint = hint
        clock = Clock(NOW + DAY)
        assert not battery.lend(clock, 0, 0)
        assert clock.interval(0) == (NOW + DAY, None)
        board.hint = NOW + 2 * DAY
        assert battery.lend(clock, 0, 0) and clock.interval(0)[1] is None, "not before it is set again"


def test_a_battery_clock_years_ahead_at_boot_is_not_believed():
    board = Board()
    battery = battery_of(board)
    board.hint = NOW + 5 * YEAR
    clock = Clock(NOW)
    assert not battery.lend(clock, 0, 0)
    assert clock.interval(0) == (NOW, None)


def test_one_that_jumped_within_reason_gives_way_to_the_first_fresh_ack():
    door = Door(lost=True)
    board = Board()
    battery = battery_of(board, door.root)
    board.hint += YEAR
    battery.lend(door.clock, 0, 0)
    assert verdict(door, code(NOW)) == "expired"
    assert door.clock.synchronise(NOW, 0, 0) is False, "the floor did not win: it was never raised"
    assert verdict(door, code(NOW)) == "open"
    assert door.reloaded().floor < NOW + DAY


def test_one_that_jumps_while_the_door_runs_is_taken_back_at_its_next_look():
    for jump in (DAY, -DAY, 5 * YEAR):
        board = Board()
        battery = battery_of(board)
        clock = Clock(NOW)
        assert battery.lend(clock, 0, 0)
        for minute in range(1, 4):
            board.hint += 60
            assert battery.tick(clock, 0, None, minute * 60_000)
        board.hint += 60 + jump
        assert not battery.tick(clock, 0, None, 240_000)
        assert clock.interval(240_000)[1] is None
        assert clock.interval(240_000)[0] <= NOW + 240


def test_a_signed_time_beyond_what_it_lends_shows_that_it_is_behind():
    board = Board()
    battery = battery_of(board)
    clock = Clock(NOW)
    battery.lend(clock, 0, 0)
    clock.raise_floor(NOW + DAY, 0)
    assert clock.interval(0) == (NOW + DAY, None)


def test_one_that_was_set_while_the_clouds_clock_was_wrong_lends_nothing_after_the_repair():
    board = Board()
    battery = battery_of(board)
    clock = Clock(NOW)
    assert battery.lend(clock, 1, 0)
    assert clock.interval(0) == (NOW, None)


def test_it_is_set_again_each_month_or_when_it_is_off_and_not_more_often():
    board = Board()
    battery = battery_of(board)
    clock = Clock(NOW)
    for hour in range(1, 40 * 24):
        now_ms = hour * HOUR_MS
        board.hint += 3600
        clock.synchronise(NOW + hour * 3600, now_ms, now_ms)
        battery.tick(clock, 0, now_ms, now_ms)
    assert len(board.told) == 2, len(board.told)


def test_a_used_key_is_not_forgotten_on_its_word():
    door = Door(lost=True)
    board = Board()
    battery = battery_of(board, door.root)
    once = code(NOW, once=1)
    assert verdict(door, once) == "open"
    board.hint += DAY
    battery.lend(door.clock, 0, 0)
    verdict(door, code(NOW + DAY))
    door.clock.take_back()
    door.clock._lo = NOW
    assert verdict(door, once) == "already_used"


# --- the quartz ----------------------------------------------------------------------------------------------------


def hours_of(ppm, clock, hours):
    """Synchronise each hour with a quartz that runs slow by `ppm` (fast: below 0); the true time at the end."""
    true_ms = 0
    for hour in range(hours + 1):
        now_ms = hour * HOUR_MS
        true_ms = now_ms + now_ms * ppm // 1_000_000
        clock.synchronise(NOW + true_ms // 1000, now_ms, now_ms)
    return NOW + true_ms // 1000


def test_a_quartz_beyond_its_bound_is_measured_and_the_interval_holds_the_truth_from_then_on():
    for ppm in (400, -400):
        clock = Clock(NOW - 100, 100)
        hours_of(ppm, clock, 24)
        assert 400 <= clock.own_drift <= 530, clock.own_drift
        begun, begun_ms = NOW + 24 * 3600 + 24 * 3600 * ppm // 1_000_000, 24 * HOUR_MS
        later = begun_ms + 240 * HOUR_MS
        lo, hi = clock.interval(later)
        true = begun + 240 * 3600 + 240 * 3600 * ppm // 1_000_000
        assert hi >= true
        if ppm > 0:
            assert lo <= true
        clock.drift(50, later)
        assert clock._drift == clock.own_drift, "a policy does not make it narrower than this board needs"


def test_a_quartz_within_its_bound_changes_nothing():
    for ppm in (90, 0, -90):
        clock = Clock(NOW - 100, 100)
        hours_of(ppm, clock, 48)
        assert (clock.own_drift, clock._drift) == (0, 100)


def test_a_cloud_whose_clock_leaps_makes_the_interval_wider_never_narrower():
    clock = Clock(NOW, 100)
    clock.synchronise(NOW, 0, 0)
    clock.synchronise(NOW + 24 * 3600 + 3600, 24 * HOUR_MS, 24 * HOUR_MS)
    assert clock._drift == 1_000


# --- beyond 2038 ---------------------------------------------------------------------------------------------------


def test_a_door_works_past_2038_where_integers_are_32_bits():
    for now in (2**31 - 30, 2**31 + 5, 4_000_000_000):
        door = Door(lost=True)
        door.clock.raise_floor(now - 50, 0)
        assert verdict(door, code(now - DAY)) == "expired"
        door.clock.synchronise(now, 0, 0)
        assert verdict(door, code(now + 3600)) == "not_yet_valid"
        assert verdict(door, code(now)) == "open"
        assert [e["at"] for e in door.events() if e["kind"] == "opened"] == [now]


if __name__ == "__main__":
    check.run(globals())
