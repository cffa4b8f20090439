"""Nothing that comes in, and no fault of ours, ends the ingest worker or lets it lose a line."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager

import peewee
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as tuned
from hypothesis import strategies as st

from cloud.tests.broker import Raw, Site, apart, stored, wait
from companion.core import mac
from lockmate import db, records
from lockmate.doors import companions
from lockmate.ingest import batch
from lockmate.ingest.worker import Ingest
from lockmate.mqtt import Arrival, Backoff, Stop

pytestmark = pytest.mark.broker

_GOOD = {"log": "0123456789abcdef", "seq": 1, "at": 1_795_453_300, "unsure": 0, "kind": "boot"}


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path).start()
    yield made
    made.close()


@contextmanager
def ingest(site, **options):
    """The worker in a thread of this process, where a test can put a fault into it."""
    stop = Stop()
    worker = Ingest(site.place("cloud-ingest"), stop, backoff=Backoff(0.02, 0.1), **options)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        wait(lambda: worker.connected, "the worker to connect")
        yield worker
        assert thread.is_alive()
    finally:
        stop.request()
        thread.join(20)
        stop.close()
        assert not thread.is_alive()


def signed(door, body):
    return mac.tag(door.link_key, body).encode() + b" " + body


def bad_lines(door):
    """What a companion, or somebody who holds its certificate, could publish; lines with a right tag included."""
    yield from (b"", b"\n\n", b"\0", bytes(range(256)), b"x" * 16_000, b"0123456789abcdef", b"0123456789abcdef ",
                b"0123456789abcdef {}", "零".encode() * 40)
    for body in (b"", b"{", b"[]", b"null", b"7", b'"x"', b"{}", b"[" * 16_000, b'{"log":' * 2_000, b"\xff\xfe"):
        yield signed(door, body)
    for field, values in {
        "log": (None, 1, "", "0123456789ABCDEF", "0" * 17, []),
        "seq": (None, 0, -1, 1.5, True, "1", 1 << 63, 10**4_200),
        "at": (None, -1, "now", True, 1e9, 1 << 64), "kind": (None, 1, "", "k" * 17, {}),
    }.items():
        for value in values:
            yield signed(door, _dump(_GOOD | {field: value}))
        yield signed(door, _dump({name: value for name, value in _GOOD.items() if name != field}))


def _dump(document):
    return json.dumps(document).encode()


def odd_but_genuine(door):
    """Lines with a right tag and odd optional fields enter the trail, or their companion would send them for ever."""
    oddities = (
        {"count": -1}, {"count": "9"}, {"road": 7}, {"card": "x" * 4_000}, {"generation": 1 << 70}, {"key_id": []},
        {"unsure": "?"}, {"kind": "newer_than_we"}, {"extra": {"a": [1]}}, {"verdict": "\0"},
        {"from": 1, "to": "2", "kind": "log_lost"},
    )
    for seq, odd in enumerate(oddities, 1):
        yield signed(door, _dump(_GOOD | odd | {"seq": seq}))


def test_malformed_lines_are_kept_apart_and_the_next_good_one_is_stored(site):
    door = site.door().comes()
    with ingest(site):
        for line in bad_lines(door):
            door.says("events", line)
        door.says("events", signed(door, _dump(_GOOD)))
        door.waits_for_ack(1)
    assert stored(door) == [(_GOOD["log"], 1)]
    assert {reason for _, reason in apart()} == {"bad_tag", "malformed"}
    assert {ack["seq"] for ack in door.acks()} == {1}


def test_odd_but_genuine_lines_are_stored(site):
    door = site.door().comes()
    lines = list(odd_but_genuine(door))
    with ingest(site):
        for line in lines:
            door.says("events", line)
        door.waits_for_ack(len(lines))
    assert apart() == []


def test_a_state_that_its_companion_did_not_seal_changes_nothing(site):
    door = site.door().comes()
    changed = [
        lambda text: text[:-1], lambda text: text + b" ", lambda text: text.replace(b'"seq"', b'"sEq"'),
        lambda _: b"", lambda _: b"[]", lambda _: b'{"online":true}', lambda _: b'{"online":false,"mac":"00"}',
        lambda _: b"\xff" * 200,
        lambda text: text.replace(b'"seq":0', b'"seq":9'),
    ]
    with ingest(site):
        for change in changed:
            door.says("state", change(door.state()))
        door.says("events", door.line())
        door.waits_for_ack(1)
    assert companions.by_id(door.id).heard_at is None
    assert apart() == [(door.id, "bad_tag")] * len(changed)


def test_a_sealed_state_with_a_wrong_field_is_kept_apart(site):
    door = site.door().comes()
    odd = [{"seq": -1}, {"seq": "1"}, {"clock": 7}, {"clock": [1]}, {"clock": [None, None]}, {"log": "zz"},
           {"policy_version": 1 << 80}, {"policy_hash": 1}, {"generation": None}, {"seq": True}]
    with ingest(site):
        for fields in odd:
            door.says("state", door.state(**fields))
        door.says("events", door.line())
        door.waits_for_ack(1)
    assert companions.by_id(door.id).heard_at is None
    assert apart() == [(door.id, "malformed")] * len(odd)


@given(payloads=st.lists(st.tuples(st.sampled_from(["events", "state", "other", "a/b", ""]),
                                   st.sampled_from(["c-801-test", "c-802-test", "C", "x" * 50, "", "\0"]),
                                   st.binary(max_size=300)), max_size=6), genuine=st.booleans())
@tuned(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_on_any_topic_raise(site, payloads, genuine):
    if not site._doors:
        site.door()
    door = site._doors[0]
    arrivals = [Arrival(None, 1, 1, f"lm/1/{who}/up/{leaf}", signed(door, payload) if genuine else payload, False)
                for leaf, who, payload in payloads]
    kept = batch.keep(arrivals)
    assert kept.acks == []


def test_an_exception_in_a_callback_costs_a_connection_and_not_the_worker(site, monkeypatch, caplog):
    door = site.door().comes()
    broken = iter([True, True])
    arrived = Ingest._arrived

    def once_broken(self, arrival):
        if next(broken, False):
            raise RuntimeError("a fault of ours")
        arrived(self, arrival)

    monkeypatch.setattr(Ingest, "_arrived", once_broken)
    with ingest(site):
        door.says("events", door.line())
        door.waits_for_ack(1)
    assert caplog.text.count("event=fault") == 2
    assert "a fault of ours" in caplog.text


def test_a_message_that_trips_a_fault_is_kept_apart_alone(site, monkeypatch):
    door = site.door().comes()
    parse = records.parse

    def broken(key, line):
        if b'"seq":2' in line:
            raise RuntimeError("a fault of ours")
        return parse(key, line)

    monkeypatch.setattr(records, "parse", broken)
    with ingest(site):
        for _ in range(3):
            door.says("events", door.line())
        wait(lambda: len(stored(door)) == 2 and apart(), "the others to be stored")
        door.waits_for_ack(1)
    assert stored(door) == [(door.log, 1), (door.log, 3)]
    assert apart() == [(door.id, "malformed")]
    assert {ack["seq"] for ack in door.acks()} == {1}  # the companion keeps line 2


def test_while_the_database_is_away_memory_stays_bounded_and_all_is_stored_after(site, monkeypatch):
    door = site.door().comes()
    away = threading.Event()
    keep, tries = batch.keep, []

    def unavailable(arrivals, **more):
        if away.is_set():
            tries.append(len(arrivals))
            raise peewee.OperationalError("database is locked")
        return keep(arrivals, **more)

    monkeypatch.setattr(batch, "keep", unavailable)
    away.set()
    with ingest(site, buffer_max=20, batch_max=8) as worker:
        for _ in range(300):
            door.says("events", door.line())
        wait(lambda: len(tries) > 3, "some tries")
        assert 0 < len(worker._buffer) <= 20
        assert door.acks() == []
        away.clear()
        door.waits_for_ack(300)
    assert stored(door) == [(door.log, seq) for seq in range(1, 301)]


def test_what_was_read_is_stored_also_without_a_broker(site, monkeypatch):
    """And the acknowledgements of the old connection are not sent on the new one."""
    door = site.door().comes()
    away = threading.Event()
    keep = batch.keep

    def unavailable(arrivals, **more):
        if away.is_set():
            raise peewee.OperationalError("database is locked")
        return keep(arrivals, **more)

    monkeypatch.setattr(batch, "keep", unavailable)
    away.set()
    with ingest(site) as worker:
        door.says("events", door.lines(3))
        wait(lambda: worker._buffer, "the message to be read")
        site.broker.kill()
        door.leaves()
        away.clear()
        wait(lambda: len(stored(door)) == 3, "the lines to be stored")
        site.start()
        door.comes()
        door.insists(door.line(), 4)


@pytest.mark.parametrize(
    ("leaf", "payload", "many"), [("events", b"x" * 200, 4_000), ("state", b"{}", 128), ("events", b"x" * 2_000_000, 1)]
)
def test_a_batch_is_bounded_by_the_work_in_it(site, leaf, payload, many):
    worker = Ingest(site.place("cloud-ingest"), Stop())
    worker._buffer.extend([Arrival(None, 1, 1, f"lm/1/c-801/up/{leaf}", payload, False)] * 5_000)
    assert len(worker._next_batch()) == many


def test_a_stale_acknowledgement_is_dropped_and_the_message_comes_again(site):
    door = site.door().comes()
    with Raw(site, "cloud-ingest", session_seconds=60) as first:
        first.connection.subscribe("lm/1/+/up/#")
        door.says("events", b"one")
        first.until(lambda: first.arrived, "the message")
        first.connection.drop()
    with Raw(site, "cloud-ingest", session_seconds=60) as second:
        assert second.connection.session_present
        second.until(lambda: second.arrived, "the message again")
        assert not second.connection.acknowledge(first.arrived[0])
        assert first.arrived[0].mid == second.arrived[0].mid  # which is why it matters
        door.says("events", b"two")
        second.until(lambda: len(second.arrived) == 2, "the next")
        second.connection.drop()
    with Raw(site, "cloud-ingest", session_seconds=60) as third:
        third.until(lambda: len(third.arrived) == 2, "both again")
        assert all(third.connection.acknowledge(arrival) for arrival in third.arrived)
    with Raw(site, "cloud-ingest", session_seconds=60) as fourth, Raw(site, "cloud-delivery") as other:
        other.says("lm/1/c-801-test/down/open")
        fourth.connection.turn(0)
        assert fourth.arrived == []


def test_the_database_that_fails_in_the_commit_stores_nothing_of_the_batch(site, monkeypatch):
    door = site.door()
    arrivals = [Arrival(None, n, 1, f"lm/1/{door.id}/up/events", door.line(), False) for n in range(3)]
    with monkeypatch.context() as patch:
        patch.setattr("lockmate.records.storing.bridge", _full)
        with pytest.raises(peewee.OperationalError):
            batch.keep(arrivals)
    assert stored(door) == []
    assert [ack.seq for ack in batch.keep(arrivals).acks] == [3]
    assert not db.database.in_transaction()


def test_a_batch_whose_acknowledgements_fail_is_stored_and_asked_for_again(site, monkeypatch):
    door = site.door()
    arrivals = [Arrival(None, n, 1, f"lm/1/{door.id}/up/events", door.line(), False) for n in range(3)]
    with monkeypatch.context() as patch:
        patch.setattr("lockmate.ingest.known.newest_policies", _full)
        assert batch.keep(arrivals).acks == []
    assert len(stored(door)) == 3 and apart() == []
    assert [ack.seq for ack in batch.keep(arrivals).acks] == [3]


def _full(*_):
    raise peewee.OperationalError("database or disk is full")


def test_a_message_of_nothing_but_bad_lines_is_kept_apart_in_few_rows(site):
    door, stranger = site.door(), "c-nobody"
    for companion_id, reason in ((door.id, "bad_tag"), (stranger, "unknown_companion")):
        junk = b"\n".join(b"%d" % n for n in range(3_000))
        kept = batch.keep([Arrival(None, 1, 1, f"lm/1/{companion_id}/up/events", junk, False)])
        assert kept.apart == 51
        rows = [row for row in records.Disputed.select() if row.companion_id == companion_id]
        assert {row.reason for row in rows} == {reason}
        assert b"\n".join(row.line for row in rows) == junk
