"""Records: every line of a door's journal exactly once, acknowledged only without a gap before it."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lockmate import clock, keys, records
from lockmate.doors import link
from lockmate.doors.models import JournalLog
from lockmate.records import BadLine, Disputed, Event
from lockmate.records.lines import _read, _usual, document
from tools.virtual.store import RawFlash

pytestmark = pytest.mark.both_databases

VECTORS = json.loads((Path(__file__).parents[2] / "docs/vectors/hk1.json").read_text())
KEY = bytes(range(32))


def sealed(event, key=KEY):
    body = event if isinstance(event, bytes) else link.compact(event)
    return link.tag(key, body).encode() + b" " + body


@pytest.fixture
def door(hotel):
    return hotel.companion("801")


def store(door, *lines):
    return records.store(door.row, [records.parse(door.link_key, line) for line in lines], clock.now_ms())


def journal(door, n, **fields):
    return [door.line(**fields) for _ in range(n)]


def covered(door):
    log = JournalLog.get(JournalLog.log == door.log)
    return log.stored_seq, log.stored_tag


def test_the_lines_of_the_vectors_are_read():
    key = bytes.fromhex(VECTORS["link"]["link_key"])
    lines = [records.parse(key, line.encode()) for line in VECTORS["link"]["event_lines"]]
    assert [line.seq for line in lines] == [1, 2, 3]
    assert lines[1].key_id == "9f86d081884c7d65"
    assert (lines[1].road, lines[1].verdict, lines[1].generation) == ("qr", "open", 43)
    assert lines[2].card == ""
    assert [line.body.decode() for line in lines] == [line[17:] for line in VECTORS["link"]["event_lines"]]


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"seq": 1},
        b"[]",
        b"1",
        b"{",
        b"\xff",
        b"[" * 5000,
        b"",
        {"log": "0" * 16, "seq": 0, "at": 1, "kind": "boot"},
        {"log": "0" * 16, "seq": True, "at": 1, "kind": "boot"},
        {"log": "zz", "seq": 1, "at": 1, "kind": "boot"},
        {"log": "0" * 16, "seq": 1, "at": -1, "kind": "boot"},
        {"log": "0" * 16, "seq": 1, "at": 1, "kind": "x" * 17},
        {"log": "0" * 16, "seq": 1 << 64, "at": 1, "kind": "boot"},
    ],
)
def test_a_line_that_is_none_is_malformed(event):
    with pytest.raises(BadLine, match="malformed"):
        records.parse(KEY, sealed(event))


@given(st.binary(max_size=60))
def test_any_bytes_without_a_right_tag_are_refused(data):
    with pytest.raises(BadLine, match="bad_tag"):
        records.parse(KEY, data)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_with_a_right_tag_is_a_line_or_malformed(value):
    event = {
        "log": "0" * 16,
        "seq": 1,
        "at": 5,
        "kind": "log_lost",
        "count": value,
        "from": value,
        "to": value,
        "card": value,
        "key_id": value,
        "unsure": value,
        "generation": value,
    }
    line = records.parse(KEY, sealed(event))
    assert line.lost is None or line.lost[0] <= line.lost[1] < line.seq


def _odd(usual):
    """Members as a journal writes them, and as anybody could."""
    odd = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just([1]) | st.just({})
    return st.fixed_dictionaries({}, optional={name: st.just(value) | odd for name, value in usual.items()})


@given(
    _odd(
        {"log": "0" * 16, "seq": 7, "at": 5, "unsure": 1, "kind": "opened", "road": "qr", "verdict": "open",
         "key_id": "9" * 16, "generation": 3, "card": "1234", "count": 2, "tag": "x", "body": "eA==", "lost": [1, 2, 3],
         "more": 1}
    )
)  # fmt: skip
@example({"log": "0" * 16, "seq": 7.0, "at": 5, "kind": "opened"})
@example({"log": "0" * 16, "seq": 7, "at": 1 << 40, "kind": "opened", "unsure": 1 << 40, "generation": 1 << 63})
@example({"log": "0" * 16, "seq": 7, "at": 5, "kind": "log_lost", "from": 1, "to": 2})
@example({"log": "0" * 16, "seq": 7, "at": 5, "kind": "opened", "card": "\x7f"})
def test_a_line_read_in_one_go_is_the_one_read_with_care(event):
    body = json.dumps(event).encode()
    usual = _usual(body)
    if usual is not None:
        assert usual == _read(document(body))


def test_the_lines_that_doors_write_are_read_in_one_go(door):
    opened = {"road": "qr", "verdict": "open", "key_id": "9" * 16, "generation": 1}
    refused = {"road": "mqtt", "verdict": "expired", "count": 9}
    for kind, fields in (("opened", opened), ("refused", refused), ("card_open", {"card": "1"}), ("closed", {})):
        assert _usual(door.line(kind, **fields)[17:]) is not None


def test_one_flipped_bit_anywhere_is_a_bad_tag(door):
    line = door.line()
    for n in range(len(line)):
        with pytest.raises(BadLine, match="bad_tag"):
            records.parse(door.link_key, line[:n] + bytes([line[n] ^ 1]) + line[n + 1 :])


def test_lines_are_stored_with_all_they_say_and_acknowledged(hotel, door, time):
    result = store(
        door,
        door.line("boot"),
        door.line("opened", road="qr", verdict="open", key_id="9f86d081884c7d65", generation=1),
        door.line("card_open", card=None),
    )
    assert (result.log, result.upto_seq, result.new, result.disputed) == (door.log, 3, 3, 0)
    newest, opened, boot = [event for event, _ in records.of_door(hotel.door("801"))]
    assert result.tag == newest.tag
    assert (opened.kind, opened.verdict, opened.key_id, opened.generation) == ("opened", "open", "9f86d081884c7d65", 1)
    assert (opened.received_at, opened.property, boot.at) == (time.now_ms, hotel.property, time.now_s)
    assert bytes(boot.line) == link.compact({"log": door.log, "seq": 1, "at": time.now_s, "unsure": 0, "kind": "boot"})


def test_the_same_lines_again_change_nothing_and_are_acknowledged_again(door, time):
    lines = journal(door, 3)
    first = store(door, *lines)
    time.passes(seconds=5)
    again = store(door, *lines)
    assert (again.upto_seq, again.tag, again.new, again.disputed) == (first.upto_seq, first.tag, 0, 0)
    assert Event.select().count() == 3
    assert not Disputed.select().exists()


def test_nothing_is_acknowledged_beyond_a_gap_until_it_is_closed(door):
    lines = journal(door, 6)
    assert store(door, lines[0], lines[1]).upto_seq == 2
    gapped = store(door, lines[3], lines[5])
    assert (gapped.upto_seq, gapped.tag) == (2, lines[1][:16].decode())
    assert Event.select().count() == 4
    assert store(door, lines[2]).upto_seq == 4
    closed = store(door, lines[4])
    assert (closed.upto_seq, closed.tag) == (6, lines[5][:16].decode())


def test_without_its_first_line_a_journal_is_not_acknowledged(door):
    lines = journal(door, 3)
    assert (store(door, lines[1]).upto_seq, store(door, lines[2]).tag) == (0, "")


@given(seed=st.integers(0, 10_000))
def test_in_whatever_order_lines_come_the_acknowledged_are_held_without_a_gap(seed):
    order = random.Random(seed)
    seqs = [order.randrange(1, 13) for _ in range(30)]
    held, end = set(), 0
    log = JournalLog(log="0" * 16, stored_seq=0)
    from lockmate.records import covering

    held_rows = {}
    for seq in seqs:
        line = records.parse(KEY, sealed({"log": "0" * 16, "seq": seq, "at": 1, "kind": "boot"}))
        held_rows[seq] = line
        held.add(seq)
        if line.seq == log.stored_seq + 1:
            log.stored_seq, log.stored_tag = seq, line.tag
        rows = [
            Event(seq=s, tag=held_rows[s].tag, kind="boot", line=held_rows[s].body)
            for s in sorted(held)
            if s > log.stored_seq
        ]
        covering.advance(log, rows)
        end = next(n for n in itertools.count() if n + 1 not in held)
        assert log.stored_seq == end


def test_a_range_that_the_journal_reports_lost_counts_as_covered(door):
    lines = journal(door, 5)
    store(door, lines[0])
    lost = door.line("log_lost", **{"from": 2, "to": 4})
    assert store(door, lines[4], lost).upto_seq == 6


@pytest.mark.parametrize("levels", [40, 900, 1_000, 1_020, 100_000])
def test_a_line_deeper_than_any_reader_follows_is_malformed(door, levels):
    body = link.compact({"log": door.log, "seq": 1, "at": 1, "kind": "opened"})
    deep = body[:-1] + b',"x":' + b"[" * levels + b"]" * levels + b"}"
    with pytest.raises(BadLine) as bad:
        records.parse(KEY, sealed(deep))
    assert bad.value.reason == "malformed"


def test_brackets_side_by_side_are_no_depth(door):
    many = {"log": door.log, "seq": 1, "at": 1, "kind": "fault", "error": "[" * 200, "list": [[n] for n in range(100)]}
    assert records.parse(KEY, sealed(many)).kind == "fault"


def test_a_gap_that_closes_late_covers_all_that_was_held_beyond_it(door):
    lines = journal(door, 40)  # more than is looked at at once
    store(door, lines[0])
    assert store(door, *lines[2:]).upto_seq == 1
    closed = store(door, lines[1])
    assert (closed.upto_seq, closed.tag) == (40, lines[39][:16].decode())


def test_a_loss_that_is_reported_far_behind_its_gap_closes_it(door):
    lines = journal(door, 40)
    store(door, lines[0])
    assert store(door, *lines[4:]).upto_seq == 1
    assert store(door, door.line("log_lost", **{"from": 2, "to": 4})).upto_seq == 41


def test_a_reported_range_covers_no_more_than_its_count(door):
    lines = journal(door, 9)
    store(door, lines[0])
    lost = door.line("log_lost", count=2, **{"from": 2, "to": 6})  # 2 and 6 are lost, 3 to 5 are kept
    assert store(door, *lines[6:], lost).upto_seq == 1
    assert store(door, *lines[2:5]).upto_seq == 10


def test_a_gap_that_was_not_reported_stays_one(door):
    lines = journal(door, 5)
    lost = door.line("log_lost", **{"from": 1, "to": 2})
    assert store(door, lines[4], lost).upto_seq == 0


def test_what_is_older_than_all_the_door_holds_can_never_come(door):
    lines = journal(door, 7)
    assert store(door, *lines[4:]).upto_seq == 0
    assert door.reports(oldest=5).kept
    again = store(door, lines[4])
    assert (again.upto_seq, again.tag) == (7, lines[6][:16].decode())


def test_a_new_journal_begins_again(door):
    store(door, *journal(door, 3))
    door.log, door.seq = "f" * 16, 0
    result = store(door, *journal(door, 2))
    assert (result.log, result.upto_seq) == ("f" * 16, 2)
    assert Event.select().count() == 5


def test_the_same_identity_with_other_bytes_is_kept_apart(door):
    store(door, *journal(door, 2))
    door.seq = 1
    forged = door.line("opened", verdict="open", key_id="f" * 16)
    result = store(door, forged)
    assert (result.new, result.disputed, result.upto_seq) == (0, 1, 2)
    assert store(door, forged).disputed == 0  # it is kept once
    row = Disputed.get()
    assert (row.companion_id, row.reason, bytes(row.line)) == (door.id, "other_bytes", forged)
    assert not Event.select().where(Event.key_id == "f" * 16).exists()


def test_a_genuine_line_with_what_no_database_or_page_takes_is_kept(door):
    line = door.line("card_open", card="\ud800", verdict="\udfff!", at=(1 << 63) - 1, unsure=1 << 62)
    assert store(door, line).upto_seq == 1
    event = Event.get()
    assert (event.card, event.verdict, event.at, event.unsure) == ("?", "?!", (1 << 32) - 1, None)
    assert bytes(event.line) == line[17:]


def test_one_companion_can_not_fill_the_disk_with_lines_that_are_kept_apart(door, monkeypatch):
    monkeypatch.setattr(records.storing, "DISPUTED_MAX", 3)
    kept = [records.dispute(door.id, "bad_tag", b"%d" % n, 0) for n in range(5)]
    assert kept == [True, True, True, False, False]
    assert records.dispute("another-door", "bad_tag", b"0", 0)


def test_a_disputed_line_is_not_what_is_acknowledged(door):
    lines = journal(door, 3)
    store(door, lines[1])
    door.seq = 1
    result = store(door, lines[0], door.line("tamper"), lines[2])
    assert (result.upto_seq, result.tag, result.disputed) == (3, lines[2][:16].decode(), 1)


def test_many_companions_are_stored_at_once_each_with_its_own_answer(hotel):
    one, two = hotel.companion("801"), hotel.companion("802")
    two.log = "a" * 16
    groups = [
        (door.row, [records.parse(door.link_key, line) for line in journal(door, n)])
        for door, n in ((one, 2), (two, 3))
    ]
    groups.append((one.row, []))
    results = records.store_batch(groups, clock.now_ms())
    assert [(r.companion.companion_id, r.upto_seq) for r in results] == [(one.id, 2), (two.id, 3), (one.id, 0)]
    assert records.of_door(hotel.door("802"), limit=1)[0][0].seq == 3


def test_the_last_refusal_of_a_key_is_found(door, guest_key):
    assert records.last_refusal(guest_key) is None
    store(
        door,
        door.line("refused", verdict="privacy", key_id=guest_key.key_id),
        door.line("opened", verdict="open", key_id=guest_key.key_id),
    )
    assert records.last_refusal(keys.Key.get_by_id(guest_key.id)).verdict == "privacy"


def test_a_message_is_split_into_its_lines():
    assert records.split(b"a\nb\n") == records.split(b"\na\nb") == [b"a", b"b"]
    assert records.split(b"") == []


class Journal:
    """The firmware's own journal on raw flash, small enough to overflow soon."""

    def __init__(self, door, blocks=5):
        from companion.store import journal, raw

        self.real = journal.Journal(
            raw.Area(RawFlash(b"\xff" * 4096 * blocks)), door.link_key, lambda: (1_795_453_300, None), bytes
        )
        self.row, self.key = door.row, door.link_key

    def write(self, n, kind="opened", **fields):
        for _ in range(n):
            self.real.write(kind, **fields)

    def send(self, *, drop=()):
        """All that no ack covered, in one message after another; the messages whose number is in `drop` are lost."""
        after, number, answer = self.real.acked, 0, None
        while pending := self.real.pending(after, 1_000):
            lines = [records.parse(self.key, line) for _, line in pending]
            if number not in drop:
                answer = records.store(self.row, lines, clock.now_ms())
            after, number = pending[-1][0], number + 1
        return answer


def test_the_firmwares_journal_is_stored_whole_and_trimmed(door):
    journal = Journal(door)
    journal.write(30, road="qr", verdict="open", key_id="0" * 16, generation=1)
    answer = journal.send()
    assert answer.upto_seq == 30
    assert journal.real.stored(answer.upto_seq, answer.tag)
    journal.write(1, "closed")
    assert journal.send().upto_seq == 31


def test_a_message_that_was_lost_holds_the_acknowledgement_back_until_it_is_sent_again(door):
    journal = Journal(door)
    journal.write(40, road="qr", verdict="open")
    answer = journal.send(drop={1})
    assert answer.upto_seq < 15
    journal.real.stored(answer.upto_seq, answer.tag)
    assert journal.send().upto_seq == 40
    assert Event.select().count() == 40


def test_a_journal_that_overflowed_says_what_it_lost_and_is_acknowledged_to_its_end(door):
    journal = Journal(door)
    for _ in range(240):
        journal.write(1, "opened", road="qr", verdict="open", key_id="0" * 16)
        journal.write(1, "refused", road="qr", verdict="expired")
    answer = journal.send()
    assert Event.select().where(Event.kind == "log_lost").exists()
    assert (answer.upto_seq, answer.tag) == (journal.real.seq, journal.real.tag(journal.real.seq))


@pytest.mark.parametrize(("seed", "blocks", "loss"), [(n, 24, 0.4) for n in range(6)] + [(n, 5, 0) for n in range(6)])
def test_no_line_is_trimmed_before_it_is_stored_and_in_the_end_all_are(door, seed, blocks, loss):
    """Messages are lost on the way, or the journal overflows; both at once is the one case that a range can't tell."""
    dice = random.Random(seed)
    journal = Journal(door, blocks)
    for _ in range(20):
        for _ in range(dice.randrange(20 if blocks > 5 else 60)):
            journal.write(1, dice.choice(("opened", "refused", "clock", "closed")), road="qr", verdict="expired")
        if dice.random() < 0.5:
            kept = {seq for seq, _ in journal.real.pending(journal.real.acked, 1 << 20)}
            answer = journal.send(drop={n for n in range(30) if dice.random() < loss})
            if answer and answer.tag:
                stored = {event.seq for event in Event.select(Event.seq)}
                assert {seq for seq in kept if seq <= answer.upto_seq} <= stored
                journal.real.stored(answer.upto_seq, answer.tag)
    journal.write(1, "boot")
    assert journal.send().upto_seq == journal.real.seq
