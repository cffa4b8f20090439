"""A full journal on flash that fails: what was written is there or told as lost, now and after the next boot."""

# runs on: micropython32 cpython

import gc
import json

import check
import flash_ram
import journal_fuzz
from companion.store.journal import Journal
from companion.store.raw import Area
from signing import LINK_KEY

NOW = 1795453300
OPENED = {"road": "qr", "verdict": "open", "key_id": "9f86d081884c7d65", "generation": 1}


def opened(flash):
    return Journal(Area(flash), LINK_KEY, lambda: (NOW, NOW), lambda n: bytes(n))


def everything(journal):
    return [json.loads(line[17:]) for _, line in journal.pending(0, 1 << 20)]


def there_or_told(journal):
    events = everything(journal)
    there = {event["seq"] for event in events}
    for event in events:
        if event["kind"] == "log_lost":
            there.update(range(event["from"], event["to"] + 1))
    return there


def result(steps):
    """What a generator returns that is gone through at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def nearly_full():
    part = flash_ram.Ram(8)
    journal = opened(part)
    while not (journal._segments.free < 3 and result(journal._worth_packing()) < len(journal._live)):
        journal.write("opened", **OPENED)
        journal.write("refused", road="qr", verdict="expired")
    return part


def failing_at(part, nth, has_effect):
    """The part's nth write fails; the returned list's first item is below 0 once it has."""
    left = [nth]
    write = part.writeblocks

    def failing(block, buffer, offset=0):
        left[0] -= 1
        if left[0] != -1 or has_effect:
            write(block, buffer, offset)
        if left[0] == -1:
            raise OSError(5)

    part.writeblocks = failing
    return left


def test_a_program_that_fails_while_room_is_made_loses_nothing_untold():
    full = nearly_full()
    for nth in range(0, 200, 9):
        part = full.copy()
        journal = opened(part)
        left = failing_at(part, nth, has_effect=False)
        while journal.settle():
            pass
        for now in (journal, opened(part)):
            assert set(range(1, journal.seq + 1)) <= there_or_told(now), nth
        if left[0] >= 0:
            return
    raise AssertionError


def test_a_write_that_fails_but_had_its_effect_is_a_write():
    part = flash_ram.Ram(8)
    journal = opened(part)
    journal.write("boot")
    failing_at(part, 0, has_effect=True)
    journal.write("opened", **OPENED)
    journal.write("tamper")
    assert [event["seq"] for event in everything(opened(part))] == [1, 2, 3]
    assert len(journal._live) == 1


def test_a_cut_copy_does_not_count_and_a_whole_one_beside_its_old_blocks_does():
    full = nearly_full()
    before = there_or_told(opened(full))
    for dropped in range(3):
        part = full.copy()
        journal = opened(part)
        write = part.writeblocks
        left = [dropped]

        def stuck(block, buffer, offset=0, write=write, left=left):
            if bytes(buffer) == bytes(4):  # a mark is taken away: only so many of these work
                left[0] -= 1
                if left[0] < 0:
                    raise OSError(5)
            write(block, buffer, offset)

        part.writeblocks = stuck
        journal._make_room()
        part.writeblocks = write
        again = opened(part)
        assert before <= there_or_told(again)
        assert [event["seq"] for event in everything(again)] == sorted({event["seq"] for event in everything(again)})


def test_room_is_made_little_by_little_while_lines_are_written():
    part = nearly_full()
    journal = opened(part)
    read, reads = part.readblocks, [0]

    def counted(*arguments):
        reads[0] += 1
        return read(*arguments)

    part.readblocks = counted
    steps = most = 0
    while journal.settle():
        steps += 1
        most = max(most, reads[0])
        if steps % 9 == 0:
            journal.write("opened", **OPENED)
        reads[0] = 0
    assert steps > 100 and most <= 20, (steps, most)  # at once it is hundreds
    for now in (journal, opened(part)):
        assert set(range(1, journal.seq + 1)) <= there_or_told(now)
        seqs = [event["seq"] for event in everything(now)]
        assert seqs == sorted(set(seqs))


def test_making_room_takes_no_more_memory_the_more_is_given_up():
    part = flash_ram.Ram(24)
    journal = opened(part)
    while journal._segments.free > 2:
        journal.write("refused", road="qr", verdict="malformed", count=9)
        if journal.seq % 20 == 0:
            journal.write("opened", **OPENED)
    if not hasattr(gc, "mem_alloc"):
        return
    gc.collect()
    before = gc.mem_alloc()
    most = steps = 0
    while journal.settle():
        steps += 1
        if steps % 10 == 0:
            gc.collect()
            most = max(most, gc.mem_alloc() - before)
    assert steps > 300 and most < 3_000, (steps, most)


def test_room_that_an_acknowledgement_makes_ends_the_making():
    full = nearly_full()
    for turns in range(1, 99, 7):
        part = full.copy()
        journal = opened(part)
        for _ in range(turns):
            journal.settle()
        newest = journal.seq
        assert journal.stored(newest, journal.tag(newest))
        assert journal._segments.free == 8 - len(journal._live)
        while journal.settle():
            pass
        after = [journal.write("opened", **OPENED) for _ in range(400)]
        assert [event["seq"] for event in everything(opened(part)) if event["seq"] > newest] == after


def test_what_a_lost_log_lost_told_is_told_again():
    journal = opened(flash_ram.Ram(5))
    for n in range(700):
        journal.write("opened", **OPENED)
        if n % 9 == 8:
            journal.write("refused", road="qr", verdict="expired")
    assert journal.oldest > 200
    assert set(range(1, journal.seq + 1)) <= there_or_told(journal)
    lost = [event for event in everything(journal) if event["kind"] == "log_lost"]
    kept = [event for event in everything(journal) if event["seq"] < lost[-1]["to"]]
    assert sum([event["count"] for event in lost]) + len(kept) >= lost[-1]["to"]


def test_a_torn_block_that_will_not_go_hides_none_of_the_block_in_its_place():
    part = flash_ram.Ram(8)
    journal = opened(part)
    while len(journal._live) < 3:
        journal.write("opened", **OPENED)
    part.writeblocks(7, bytes(part.blocks[journal._live[1].block][:40]), 0)
    events = everything(opened(part))
    assert [event["seq"] for event in events] == list(range(1, journal.seq + 1))
    again = opened(part)
    again.stored(again._live[0].first, again.tag(again._live[0].first))
    assert [event["seq"] for event in everything(again)] == list(range(1, journal.seq + 1))


def test_no_line_is_lost_untold_whatever_the_flash_does():
    for seed, sort in ((9, 0), (3, 4), (8, 5)):  # longer, and many more: make faults ONLY=flash
        walk = journal_fuzz.Walk(seed, journal_fuzz.SORTS[sort])
        walk.go(1_000)
        assert walk.flash.cuts or walk.flash.failed


if __name__ == "__main__":
    check.run(globals())
