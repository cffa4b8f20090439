"""The audit trail on flash: exact lines, nothing doubled, nothing lost in silence."""

# runs on: micropython32 cpython

import json

import check
import flash_ram
from companion.core import mac
from companion.store import squeeze
from companion.store.journal import Journal
from companion.store.raw import Area
from signing import LINK_KEY

NOW = 1795453300
LOG = bytes([0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF])
OPENED = {"road": "qr", "verdict": "open", "key_id": "9f86d081884c7d65", "generation": 1}
FIRST_LINE = 21  # where it begins in a block


class Time:
    def __init__(self):
        self.lo, self.hi = NOW, NOW

    def __call__(self):
        return self.lo, self.hi


def opened(flash, time=None):
    return Journal(Area(flash), LINK_KEY, time or Time(), lambda n: LOG[:n])


def flash(blocks=24):
    return flash_ram.Ram(blocks)


def everything(journal):
    return [json.loads(line[17:]) for _, line in journal.pending(0, 1 << 20)]


def settle(journal):
    while journal.settle():
        pass


def newest(part):
    """The block with the newest line, and where its last byte is."""
    found = [n for n in range(len(part.blocks)) if bytes(part.blocks[n][4:8]) != b"\xff" * 4]
    block = max(found, key=lambda n: bytes(part.blocks[n][4:8]))
    return part.blocks[block], len(bytes(part.blocks[block]).rstrip(b"\xff"))


def in_use(part):
    return len([block for block in part.blocks if block[:4] == b"LMR1" and block[4] != 255])


def test_the_lines_are_those_of_the_vectors():
    with open("docs/vectors/hk1.json") as f:
        wanted = json.load(f)["link"]["event_lines"]
    time = Time()
    journal = opened(flash(), time)
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
    journal = opened(flash(), time)
    time.hi = None
    journal.write("boot")
    time.hi = NOW + 30
    journal.write("tamper")
    assert [event["unsure"] for event in everything(journal)] == [None, 30]


def test_any_line_comes_back_from_flash_to_the_byte():
    time = Time()
    part = flash()
    journal = opened(part, time)
    for kind, fields in (
        ("opened", OPENED),
        ("opened", {"road": "mqtt", "verdict": "open", "key_id": "00" * 8, "generation": 7, "clock": "lost"}),
        ("refused", {"road": "qr", "verdict": "malformed", "count": 12}),
        ("fault", {"code": "task", "task": "x", "error": '"],\\\n'}),
        ("fault", {"code": "door \u95e8"}),
        ("card_open", {"card": "0123"}),
        ("boot", {"board": "sim", "engine": "viper", "firmware": "0.1.0"}),
    ):
        time.hi = None if time.hi else NOW + 3
        seq = journal.write(kind, **fields)
        line = opened(part.copy()).pending(seq - 1, 1)[0][1]
        assert line.startswith(mac.tag(LINK_KEY, line[17:]).encode())
        event = json.loads(line[17:])
        assert (event["log"], event["seq"], event["kind"]) == ("0123456789abcdef", seq, kind)
        for name in fields:
            assert event[name] in (fields[name], "?" if name == "code" else None)


def test_an_open_takes_a_third_of_its_line_on_flash():
    line = b'0123456789abcdef {"log":"0123456789abcdef","seq":12345,"at":1795453300,"unsure":1,"kind":"opened",'
    line += b'"road":"qr","verdict":"open","key_id":"9f86d081884c7d65","generation":42}'
    packed = squeeze.squeeze(line, "0123456789abcdef")
    assert squeeze.stretch(packed, "0123456789abcdef") == line and squeeze.seq_of(packed) == 12345
    assert 3 * len(packed) < len(line) + 10


def test_the_next_boot_goes_on_where_the_last_one_ended():
    part = flash()
    first = opened(part)
    for _ in range(200):
        first.write("opened", **OPENED)
    assert in_use(part) > 2
    second = Journal(Area(part), LINK_KEY, Time(), lambda n: bytes(n))
    assert second.log == first.log == "0123456789abcdef"
    assert second.seq == 200 and second.boot_seq == 201
    assert second.write("boot") == 201
    assert [event["seq"] for event in everything(second)] == list(range(1, 202))


def test_pending_gives_what_fits_and_always_something():
    journal = opened(flash())
    for _ in range(30):
        journal.write("boot")
    size = len(journal.pending(0, 1)[0][1]) + 1
    assert [seq for seq, _ in journal.pending(0, 1)] == [1]
    assert [seq for seq, _ in journal.pending(4, 3 * size)] == [5, 6, 7]
    assert journal.pending(30, 1000) == []
    assert journal.pending(10**9, 1000) == []


def test_a_reader_that_goes_on_reads_no_line_twice_and_leaves_none_out():
    journal = opened(flash())
    seen = []
    for n in range(300):
        journal.write("opened", **OPENED)
        if n % 7 == 0:
            after = seen[-1] if seen else 0
            seen += [seq for seq, _ in journal.pending(after, 400)]
    while journal.pending(seen[-1], 1000):
        seen += [seq for seq, _ in journal.pending(seen[-1], 1000)]
    assert seen == list(range(1, 301))


def test_a_reader_that_was_away_for_a_whole_round_of_the_blocks_leaves_nothing_out():
    journal = opened(flash(8))
    while len(journal._live) < 3:
        journal.write("opened", **OPENED)
    place = journal.pending(0, 1 << 20)[-30][0]
    journal.pending(place - 1, 1)
    block = journal._live[1].block
    rounds = 0
    while rounds < 2:
        former = journal._live[0].block
        journal.write("opened", **OPENED)
        settle(journal)
        rounds += journal._live[0].block == block and former != block
    assert journal.pending(place, 1)[0][0] == journal.oldest


def test_only_the_right_tag_deletes():
    part = flash()
    journal = opened(part)
    for _ in range(200):
        journal.write("boot")
    used = in_use(part)
    assert used > 1
    tag = journal.tag(200)
    for seq, wrong in ((200, "0" * 16), (199, tag), (201, tag), (0, ""), (200, None), ("200", tag), (200, tag + "0")):
        assert journal.stored(seq, wrong) is False
    assert in_use(part) == used and journal.acked == 0
    assert journal.stored(200, tag) is True
    assert in_use(part) == 1 and journal.acked == 200
    assert journal.pending(journal.acked, 1000) == []
    assert journal.oldest > 1 and opened(part).oldest == journal.oldest
    assert journal.write("boot") == 201
    assert opened(part).seq == 201


def test_no_line_and_no_acknowledgement_waits_for_an_erase():
    part = flash(10)
    journal = opened(part)
    settle(journal)
    waited = 0
    for n in range(2000):
        before = part.erases
        journal.write("opened", **OPENED)
        if n % 5 == 4:
            journal.stored(journal.seq, journal.tag(journal.seq))
        waited += part.erases - before
        settle(journal)
    assert waited == 0 and journal.seq == 2000
    assert part.erases * 1000 // 2000 <= 18


def test_a_torn_last_record_is_dropped_whatever_is_left_of_it():
    part = flash()
    journal = opened(part)
    for _ in range(3):
        journal.write("boot")
    block, end = newest(part)
    begin = bytes(block[: end - 1]).rindex(b"\n") + 1
    for cut in range(begin + 1, end):
        torn = part.copy()
        block = newest(torn)[0]
        block[cut:end] = b"\xff" * (end - cut)
        again = opened(torn)
        assert again.torn == 1 and again.seq == 2, cut
        assert again.write("tamper") == 3
        assert [event["kind"] for event in everything(again)] == ["boot", "boot", "tamper"]
        third = opened(torn)
        assert [event["seq"] for event in everything(third)] == [1, 2, 3]
        assert third.write("boot") == 4 and third.torn == 0


def test_a_torn_first_record_of_a_block_leaves_a_journal_that_works():
    for many in (0, 90):
        part = flash()
        journal = opened(part)
        for _ in range(many):
            journal.write("opened", **OPENED)
        while len(part.blocks[1].rstrip(b"\xff")) < FIRST_LINE and many:
            journal.write("opened", **OPENED)
        before = part.copy()
        used = in_use(part)
        last = journal.seq
        while in_use(part) == used:
            before = part.copy()
            last = journal.seq
            journal.write("opened", **OPENED)
        block, end = newest(part)
        place = [n for n in range(len(part.blocks)) if part.blocks[n] is block][0]
        for cut in (4, 5, 12, FIRST_LINE - 1, FIRST_LINE, FIRST_LINE + 9, end - 1):
            torn = before.copy()
            torn.blocks[place][4:cut] = block[4:cut]
            again = opened(torn)
            assert again.seq == last, (many, cut)
            assert again.write("boot") == last + 1
            settle(again)
            assert [event["seq"] for event in everything(opened(torn))] == list(range(1, last + 2))


def test_an_erase_that_was_cut_is_done_again():
    part = flash(6)
    journal = opened(part)
    for _ in range(400):
        journal.write("opened", **OPENED)
        journal.stored(journal.seq, journal.tag(journal.seq))
        settle(journal)
    dropped = [block for block in part.blocks if block[:4] == bytes(4)]
    for block in dropped:
        block[:2048] = b"\xff" * 2048
    journal = opened(part)
    for n in range(400):
        assert journal.write("opened", **OPENED) == 401 + n
        journal.stored(journal.seq, journal.tag(journal.seq))


def test_a_whole_record_that_went_bad_is_told_as_lost_and_its_seq_is_not_used_again():
    part = flash()
    journal = opened(part)
    for _ in range(5):
        journal.write("boot")
    block, end = newest(part)
    block[end - 8] ^= 1
    again = opened(part)
    assert again.boot_seq == 6 and again.seq == 6
    events = everything(again)
    assert [event["seq"] for event in events] == [1, 2, 3, 4, 6]
    assert events[-1]["kind"] == "log_lost" and (events[-1]["from"], events[-1]["to"]) == (5, 5)


def test_any_flipped_bit_of_the_newest_block_is_survived():
    part = flash()
    journal = opened(part)
    for _ in range(3):
        journal.write("boot")
    end = newest(part)[1]
    for at in range(end):
        changed = part.copy()
        newest(changed)[0][at] ^= 1 << at % 8
        again = opened(changed)
        seq = again.write("tamper")
        events = everything(again)
        assert [event["kind"] for event in events if event["seq"] == seq] == ["tamper"], at
        assert len({event["seq"] for event in events}) == len(events)
        if at >= FIRST_LINE:
            assert len(events) >= 2, at
        for _, line in again.pending(0, 1 << 20):
            assert mac.tag(LINK_KEY, line[17:]) == line[:16].decode()


def test_flash_full_of_anything_is_a_new_journal():
    for filling in (0, 0x5A, 0xFF):
        part = flash(6)
        for block in part.blocks:
            block[:] = bytes([filling]) * len(block)
        for begin in (b"", b"LMR1"):
            part.blocks[2][: len(begin)] = begin
            journal = opened(part.copy())
            assert journal.write("boot") == 1 and len(everything(journal)) == 1


def test_a_journal_of_another_link_key_is_not_ours():
    part = flash()
    opened(part).write("boot")
    other = Journal(Area(part), bytes(32), Time(), lambda n: b"\xee" * n)
    assert other.log == "ee" * 8 and other.seq == 0
    assert other.write("boot") == 1 and len(everything(other)) == 1


def test_a_block_that_goes_bad_costs_no_line():
    part = flash(8)
    write = part.writeblocks
    bad = []

    def worn(block, buffer, offset=0):
        write(block, bytes(len(buffer)) if block in bad else buffer, offset)

    part.writeblocks = worn
    journal = opened(part)
    for n in range(150):
        if n in (20, 100):
            bad.append([each for each in range(8) if part.blocks[each] is newest(part)[0]][0])
        assert journal.write("opened", **OPENED) == n + 1
        settle(journal)
    assert [event["seq"] for event in everything(opened(part))] == list(range(1, 151))


def test_a_full_journal_gives_up_refusals_first_and_tells_the_range():
    part = flash(6)
    journal = opened(part)
    opens = []
    while not any(event["kind"] == "log_lost" for event in everything(journal)):
        for _ in range(3):
            journal.write("refused", road="qr", verdict="malformed", count=9)
        journal.write("fault", fault="policy", code="forged", count=29)  # so that the broker can't push opens out
        opens.append(journal.write("opened", **OPENED))
    events = everything(journal)
    kept = [event["seq"] for event in events]
    assert [seq for seq in opens if seq not in kept] == []
    lost = [event for event in events if event["kind"] == "log_lost"][0]
    gone = [seq for seq in range(1, journal.seq + 1) if seq not in kept]
    assert gone and lost["from"] == gone[0] and lost["to"] == gone[-1] and lost["count"] == len(gone)
    assert kept == sorted(kept)
    assert [event["seq"] for event in everything(opened(part))] == kept


def untold(events, last):
    """The seqs below `last` that are neither there nor told as lost; what lies before the first event is the oldest."""
    told = set()
    for event in events:
        if event["kind"] == "log_lost":
            told.update(range(event["from"], event["to"] + 1))
    kept = {event["seq"] for event in events}
    return [seq for seq in range(events[0]["seq"], last + 1) if seq not in kept and seq not in told]


def test_a_journal_full_of_opens_gives_up_the_oldest_and_tells_the_range():
    part = flash(5)
    journal = opened(part)
    for n in range(1200):
        journal.write("opened", **OPENED)
        if n % 3 == 0:
            settle(journal)
    events = everything(journal)
    kept = [event["seq"] for event in events]
    assert kept[-1] == journal.seq and kept == sorted(kept) and len(kept) > 60
    assert untold(events, journal.seq) == []
    assert journal.oldest == kept[0]
    assert kept == [event["seq"] for event in everything(opened(part))]


class Cut(Exception):
    pass


def until(n, write):
    """`write`, until the power goes at the n-th."""
    left = [n]

    def counted(block, buffer, offset=0):
        if left[0] == 0:
            raise Cut
        left[0] -= 1
        write(block, buffer, offset)

    return counted


def test_a_cut_at_any_program_while_room_is_made_loses_nothing_untold():
    part = flash(6)
    journal = opened(part)
    opens = []
    while journal._segments.free > 2 or journal._live[-1].end < 3500:
        journal.write("refused", road="qr", verdict="malformed", count=9)
        opens.append(journal.write("opened", **OPENED))
    for n in range(0, 200, 9):  # every one of them: make faults ONLY=flash
        cut = part.copy()
        journal = opened(cut)
        write = cut.writeblocks

        cut.writeblocks = until(n, write)
        try:
            journal._make_room()
            went = True
        except Cut:
            went = False
        cut.writeblocks = write
        again = opened(cut)
        events = everything(again)
        kept = [event["seq"] for event in events]
        assert [seq for seq in opens if seq not in kept] == [] and kept == sorted(kept), n
        assert untold(events, again.seq) == [], n
        assert again.write("boot") == again.seq
        if went:
            break
    assert went and n > 20


def test_what_is_acknowledged_is_not_told_as_lost():
    journal = opened(flash(5))
    while len(journal.pending(0, 1 << 20)) < 100:
        journal.write("refused", road="qr", verdict="malformed")
    journal.stored(100, journal.tag(100))
    for _ in range(400):
        journal.write("refused", road="qr", verdict="malformed")
    lost = [event for event in everything(journal) if event["kind"] == "log_lost"]
    assert lost and min([event["from"] for event in lost]) > 100


def test_written_wakes_who_waits():
    journal = opened(flash())
    journal.written.clear()
    journal.write("boot")
    assert journal.written.is_set()


check.run(globals())
