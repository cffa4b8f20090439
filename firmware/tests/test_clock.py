"""The clock's interval: protocol section 5, with liars of each kind."""

import check
from companion.core.clock import Clock

FLOOR = 1_795_000_000
HOUR_MS = 3_600_000


def test_time_is_lost_at_start_but_lo_moves_on_from_the_floor():
    clock = Clock(FLOOR)
    assert clock.interval(0) == (FLOOR, None)
    lo, hi = clock.interval(HOUR_MS)
    assert lo == FLOOR + 3599 and hi is None  # 100 ppm slow, rounded down


def test_a_fresh_ack_gives_time_with_its_age():
    clock = Clock(FLOOR)
    assert clock.synchronise(FLOOR + 500, 1_000, 3_500) is False
    assert clock.interval(3_500) == (FLOOR + 500, FLOOR + 504)  # 1 s of rounding, 2.5 s of age rounded up


def test_the_interval_widens_with_the_drift():
    clock = Clock(FLOOR, 100)
    clock.synchronise(FLOOR + 500, 0, 0)
    lo, hi = clock.interval(10 * HOUR_MS)
    assert lo == FLOOR + 500 + 36_000 - 4 and hi == FLOOR + 501 + 36_000 + 4


def test_the_true_time_stays_inside_whatever_the_drift_within_the_bound():
    for ppm in (-100, -37, 0, 55, 100):
        clock = Clock(FLOOR, 100)
        clock.synchronise(FLOOR + 500, 0, 0)
        for hours in (1, 24, 240):
            now_ms = hours * HOUR_MS
            true = FLOOR + 500 + hours * 3600 * (1_000_000 + ppm) // 1_000_000
            lo, hi = clock.interval(now_ms)
            assert lo <= true <= hi, (ppm, hours, lo, true, hi)


def test_an_ack_behind_the_floor_loses_to_it_and_says_so():
    clock = Clock(FLOOR)
    assert clock.synchronise(FLOOR - 90, 0, 1_000) is True
    assert clock.interval(1_000) == (FLOOR, FLOOR)


def test_an_ack_that_overlaps_the_floor_is_no_lie():
    clock = Clock(FLOOR)
    assert clock.synchronise(FLOOR - 1, 0, 4_000) is False
    lo, hi = clock.interval(4_000)
    assert (lo, hi) == (FLOOR + 3, FLOOR + 4)


def test_an_old_ack_never_moves_the_clock():
    clock = Clock(FLOOR)
    for t0, now in ((0, 60_000), (0, 90_000), (5_000, 4_000)):
        try:
            clock.synchronise(FLOOR + 10**6, t0, now)
        except ValueError:
            assert clock.interval(0) == (FLOOR, None)
        else:
            raise AssertionError("taken")


def test_signed_times_raise_lo_at_most_to_hi():
    clock = Clock(FLOOR)
    clock.raise_floor(FLOOR + 1000, 0)
    assert clock.interval(0) == (FLOOR + 1000, None)
    clock.raise_floor(FLOOR, 0)
    assert clock.floor(0) == FLOOR + 1000
    clock.synchronise(FLOOR + 2000, 0, 0)
    clock.raise_floor(FLOOR + 10**8, 0)
    assert clock.interval(0) == (FLOOR + 2001, FLOOR + 2001)


def test_only_a_clock_epoch_sets_the_time_back():
    clock = Clock(FLOOR)
    clock.synchronise(FLOOR + 31_536_000, 0, 0)
    clock.set_back(FLOOR, 10)
    assert clock.interval(10) == (FLOOR, None)
    assert clock.synchronise(FLOOR + 5, 10, 20) is False
    assert clock.interval(20) == (FLOOR + 5, FLOOR + 7)


def test_beyond_2038_and_beyond_small_integers():
    clock = Clock(2_300_000_000, now_ms=2**31)
    clock.synchronise(2_300_000_100, 2**31, 2**31 + 500)
    assert clock.interval(2**31 + 500) == (2_300_000_100, 2_300_000_102)
    lo, hi = clock.interval(2**31 + 500 + 10_000)
    assert lo == 2_300_000_109 and hi == 2_300_000_113


def test_a_new_drift_counts_from_now_on():
    clock = Clock(FLOOR, 100)
    clock.synchronise(FLOOR, 0, 0)
    clock.drift(20, HOUR_MS)
    lo, hi = clock.interval(HOUR_MS)
    assert (lo, hi) == (FLOOR + 3599, FLOOR + 3602)
    assert clock.interval(11 * HOUR_MS)[1] - clock.interval(11 * HOUR_MS)[0] == 3 + 2


if __name__ == "__main__":
    check.run(globals())
