"""First hand-overs: what may give the time, what may not, and that the memory is bounded."""

import check

from companion.net.handed import Handed


def test_each_event_has_the_time_of_its_batch():
    handed = Handed(10)
    handed.note(12, 1000)
    handed.note(13, 2000)
    assert [handed.first(n) for n in range(9, 15)] == [None, 1000, 1000, 1000, 2000, None]


def test_events_of_an_earlier_boot_give_no_time():
    handed = Handed(10)
    handed.note(9, 500)
    assert handed.first(9) is None
    handed.note(11, 1000)  # a batch that begins before this boot
    assert [handed.first(n) for n in (8, 9, 10, 11)] == [None, None, 1000, 1000]


def test_what_is_sent_again_keeps_its_first_time():
    handed = Handed(1)
    handed.note(3, 1000)
    handed.note(3, 9000)
    handed.note(2, 9000)
    assert [handed.first(n) for n in (1, 2, 3)] == [1000] * 3
    handed.note(5, 9500)  # batches are cut differently the second time
    assert [handed.first(n) for n in (1, 3, 4, 5)] == [1000, 1000, 9500, 9500]


def test_memory_is_bounded_and_what_was_forgotten_gets_no_new_time():
    handed = Handed(1)
    for n in range(1, 1001):
        handed.note(n, n)
    known = [n for n in range(1, 1001) if handed.first(n) is not None]
    assert known == list(range(1000 - len(known) + 1, 1001))
    assert 4 < len(known) < 20
    handed.note(5, 99999)
    assert handed.first(5) is None


if __name__ == "__main__":
    check.run(globals())
