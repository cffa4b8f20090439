"""The audit trail on flash: exact lines, nothing doubled, nothing lost in silence."""

import json
import os

import check
import flash_ram
from companion.core import mac
from companion.store import journal as store
from companion.store.journal import Journal
from signing import LINK_KEY

NOW = 1795453300
LOG = bytes([0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF])


class Time:
    def __init__(self):
        self.lo, self.hi = NOW, NOW

    def __call__(self):
        return self.lo, self.hi


def opened(folder, time=None, **options):
    return Journal(folder, LINK_KEY, time or Time(), lambda n: LOG[:n], **options)


def folder():
    path = flash_ram.fresh() + "/journal"
    os.mkdir(path)
    return path


def everything(journal):
    return [json.loads(line[17:]) for _, line in journal.pending(0, 1 << 20)]


def newest(path):
    return path + "/" + sorted(os.listdir(path))[-1]


def test_the_lines_are_those_of_the_vectors():
    with open("docs/vectors/hk1.json") as f:
        wanted = json.load(f)["link"]["event_lines"]
    time = Time()
    journal = opened(folder(), time)
    journal.write("boot")
    time.lo = time.hi = NOW + 1
    journal.write("opened", generation=43, key_id="9f86d081884c7d65", verdict="open", road="qr")
    time.lo = time.hi = NOW + 2
    assert journal.write("card_open", card=None) == 3
    lines = journal.pending(0, 10_000)
    assert [seq for seq, _ in lines] == [1, 2, 3]
    assert [line.decode() for _, line in lines] == wanted
    assert journal.tag(3) == wanted[2][:16] and journal.tag(4) is None and journal.tag(0) is None


def test_an_unbounded_clock_is_null_and_an_interval_its_width():
    time = Time()
    journal = opened(folder(), time)
    time.hi = None
    journal.write("boot")
    time.hi = NOW + 30
    journal.write("tamper")
    assert [event["unsure"] for event in everything(journal)] == [None, 30]


def test_the_next_boot_goes_on_where_the_last_one_ended():
    path = folder()
    first = opened(path)
    for _ in range(40):
        first.write("boot")
    second = Journal(path, LINK_KEY, Time(), lambda n: bytes(n))
    assert second.log == first.log == "0123456789abcdef"
    assert second.seq == 40 and second.boot_seq == 41
    assert second.write("boot") == 41
    assert [event["seq"] for event in everything(second)] == list(range(1, 42))


def test_pending_gives_what_fits_and_always_something():
    journal = opened(folder())
    for _ in range(30):
        journal.write("boot")
    size = len(journal.pending(0, 1)[0][1]) + 1
    assert [seq for seq, _ in journal.pending(0, 1)] == [1]
    assert [seq for seq, _ in journal.pending(4, 3 * size)] == [5, 6, 7]
    assert journal.pending(30, 1000) == []
    assert journal.pending(10**9, 1000) == []


def test_only_the_right_tag_deletes():
    path = folder()
    journal = opened(path)
    for _ in range(60):
        journal.write("boot")
    files = len(os.listdir(path))
    assert files > 1
    tag = journal.tag(60)
    for seq, wrong in ((60, "0" * 16), (59, tag), (61, tag), (0, ""), (60, None), ("60", tag), (60, tag.upper() + "0")):
        assert journal.stored(seq, wrong) is False
    assert len(os.listdir(path)) == files and journal.acked == 0
    assert journal.stored(60, tag) is True
    assert len(os.listdir(path)) == 1 and journal.acked == 60
    assert journal.pending(journal.acked, 1000) == []
    assert journal.write("boot") == 61
    assert opened(path).seq == 61


def test_an_acknowledged_journal_starts_a_small_file_again():
    path = folder()
    journal = opened(path)
    for _ in range(15):
        journal.write("boot")
    journal.stored(15, journal.tag(15))
    journal.write("boot")
    assert os.listdir(path) == ["00000010"]
    assert journal.oldest == 16
    assert len(flash_ram.get(path + "/00000010")) < 200


def test_a_torn_last_record_is_dropped_whatever_is_left_of_it():
    path = folder()
    journal = opened(path)
    for _ in range(3):
        journal.write("boot")
    whole = flash_ram.get(newest(path))
    start = whole[:-1].rindex(b"\n") + 1
    for cut in range(start + 1, len(whole)):
        flash_ram.put(newest(path), whole[:cut])
        again = opened(path)
        assert again.torn == 1 and again.seq == 2, cut
        assert again.write("tamper") == 3
        assert [event["kind"] for event in everything(again)] == ["boot", "boot", "tamper"]
        assert [event["seq"] for event in everything(opened(path))] == [1, 2, 3]


def test_a_torn_first_record_leaves_a_journal_that_works():
    path = folder()
    flash_ram.put(path + "/00000001", b'0c8acb4b57f8373c {"log":"0123')
    journal = opened(path)
    assert journal.torn == 1 and journal.write("boot") == 1
    assert len(everything(journal)) == 1


def test_a_torn_record_at_the_start_of_a_file_does_not_end_the_log():
    path = folder()
    journal = opened(path)
    while len(os.listdir(path)) < 2:
        journal.write("boot")
    last = journal.seq
    flash_ram.put(newest(path), flash_ram.get(newest(path))[:-20])
    again = opened(path)
    assert again.log == journal.log and again.torn == 1
    assert again.write("boot") == last


def test_a_whole_record_that_went_bad_is_told_as_lost_and_its_seq_is_not_used_again():
    path = folder()
    journal = opened(path)
    for _ in range(5):
        journal.write("boot")
    whole = bytearray(flash_ram.get(newest(path)))
    whole[-8] ^= 1
    flash_ram.put(newest(path), whole)
    again = opened(path)
    assert again.boot_seq == 6 and again.seq == 6
    events = everything(again)
    assert [event["seq"] for event in events] == [1, 2, 3, 4, 6]
    assert events[-1]["kind"] == "log_lost" and (events[-1]["from"], events[-1]["to"]) == (5, 5)


def test_a_bad_record_inside_loses_only_itself():
    path = folder()
    journal = opened(path)
    for _ in range(5):
        journal.write("boot")
    whole = bytearray(flash_ram.get(newest(path)))
    whole[len(whole) // 2] ^= 4
    flash_ram.put(newest(path), whole)
    assert [event["seq"] for event in everything(opened(path))] == [1, 2, 4, 5]


def test_any_flipped_bit_of_the_newest_file_is_survived():
    path = folder()
    journal = opened(path)
    for _ in range(3):
        journal.write("boot")
    whole = flash_ram.get(newest(path))
    name = newest(path)
    for at in range(0, len(whole), 3):
        changed = bytearray(whole)
        changed[at] ^= 1 << at % 8
        for other in os.listdir(path):
            os.remove(path + "/" + other)
        flash_ram.put(name, changed)
        again = opened(path)
        seq = again.write("tamper")
        events = everything(again)
        assert [event["kind"] for event in events if event["seq"] == seq] == ["tamper"]
        assert len({event["seq"] for event in events}) == len(events) >= 2
        for _, line in again.pending(0, 1 << 20):
            assert mac.tag(LINK_KEY, line[17:]) == line[:16].decode()


def test_foreign_and_half_written_files_are_swept_away():
    path = folder()
    journal = opened(path)
    journal.write("boot")
    for name in ("00000002.new", "notes", "00000009"):
        flash_ram.put(path + "/" + name, b"nothing\nof ours\n")
    again = opened(path)
    assert again.log == journal.log
    assert again.write("boot") > 1
    assert len(everything(opened(path))) >= 2


def test_a_journal_of_another_link_key_is_not_ours():
    path = folder()
    opened(path).write("boot")
    other = Journal(path, bytes(32), Time(), lambda n: b"\xee" * n)
    assert other.log == "ee" * 8 and other.seq == 0
    assert other.write("boot") == 1 and len(everything(other)) == 1


def test_reading_a_part_leaves_no_file_open():
    journal = opened(folder())
    for _ in range(5):
        journal.write("ajar")
    left = []

    class Watched:
        def __init__(self, path, mode):
            self.file = open(path, mode)
            self.readline = self.file.readline
            left.append(path)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()
            left.pop()

    store.open = Watched
    try:
        assert len(journal.pending(0, 1)) == 1 and journal.tag(2)
        assert left == []
    finally:
        del store.open


def test_a_full_journal_gives_up_refusals_first_and_tells_the_range():
    path = folder()
    journal = opened(path, segments=4)
    opens = []
    while not any(event["kind"] == "log_lost" for event in everything(journal)):
        for _ in range(3):
            journal.write("refused", road="qr", verdict="malformed", count=9)
        journal.write("fault", fault="policy", code="forged", count=29)  # so that the broker can't push opens out
        opens.append(journal.write("opened", road="qr", verdict="open", key_id="9f86d081884c7d65", generation=1))
    events = everything(journal)
    kept = [event["seq"] for event in events]
    assert [seq for seq in opens if seq not in kept] == []
    lost = [event for event in events if event["kind"] == "log_lost"][0]
    gone = [seq for seq in range(1, journal.seq + 1) if seq not in kept]
    assert gone and lost["from"] == gone[0] and lost["to"] == gone[-1] and lost["count"] == len(gone)
    assert kept == sorted(kept)
    assert [event["seq"] for event in everything(opened(path, segments=4))] == kept


def test_a_journal_full_of_opens_gives_up_the_oldest_and_tells_the_range():
    path = folder()
    journal = opened(path, segments=3)
    for _ in range(120):
        journal.write("opened", road="qr", verdict="open", key_id="9f86d081884c7d65", generation=1)
        assert len(os.listdir(path)) <= 3
    events = everything(journal)
    told = set()
    for event in events:
        if event["kind"] == "log_lost":
            told.update(range(event["from"], event["to"] + 1))
    kept = [event["seq"] for event in events]
    assert kept[-1] == journal.seq and kept == sorted(kept)
    missing_and_untold = [seq for seq in range(kept[0], journal.seq + 1) if seq not in kept and seq not in told]
    assert missing_and_untold == []
    assert journal.oldest == kept[0]


def test_what_is_acknowledged_is_not_told_as_lost():
    journal = opened(folder(), segments=3)
    while len(journal.pending(0, 1 << 20)) < 40:
        journal.write("refused", road="qr", verdict="malformed")
    journal.stored(40, journal.tag(40))
    for _ in range(60):
        journal.write("refused", road="qr", verdict="malformed")
    for event in everything(journal):
        if event["kind"] == "log_lost":
            assert event["from"] > 40


def test_a_full_file_system_is_a_full_journal():
    if not hasattr(os, "mount"):
        check.skip("needs a small flash")
    path = flash_ram.fresh(14) + "/journal"
    os.mkdir(path)
    journal = opened(path)
    for n in range(400):
        assert journal.write("opened", road="qr", verdict="open", key_id="9f86d081884c7d65", generation=n) >= n
    assert any(event["kind"] == "log_lost" for event in everything(journal))
    assert opened(path).seq == journal.seq


def test_written_wakes_who_waits():
    journal = opened(folder())
    journal.written.clear()
    journal.write("boot")
    assert journal.written.is_set()


check.run(globals())
