"""Events come home exactly once, and are acknowledged only after the commit: real broker, real worker process."""

from __future__ import annotations

import signal

import pytest

from cloud.tests.broker import Raw, Site, apart, stored, wait
from lockmate import clock, doors, pki
from lockmate.doors import companions
from lockmate.records import Event
from lockmate.staff import Actor

pytestmark = pytest.mark.broker


@pytest.fixture
def site(tmp_path, database_url):
    made = Site(tmp_path, database_url).start()
    yield made
    made.close()


@pytest.fixture
def door(site):
    return site.door(801).comes()


@pytest.mark.both_databases
def test_a_line_is_stored_as_it_was_signed_and_acknowledged_under_the_link_key(site, door):
    site.worker("ingest")
    line = door.line("opened", road="qr", verdict="open", key_id="9f86d081884c7d65", generation=43)
    door.says("events", line)
    ack = door.waits_for_ack(1)
    assert ack.pop("at") == pytest.approx(clock.now_s(), abs=10)
    newest = doors.policies.newest(site.number(801))
    assert ack == {"log": door.log, "seq": 1, "tag": line[:16].decode(), "door": 801, "policy_version": newest.version}
    event = Event.get()
    assert bytes(event.line) == line[17:]
    assert (event.kind, event.verdict, event.generation, event.door.number) == ("opened", "open", 43, 801)


def test_lines_that_are_sent_again_are_acknowledged_again_and_stored_once(site, door):
    site.worker("ingest")
    lines = door.lines(3)
    door.says("events", lines)
    door.waits_for_ack(3)
    heard = len(door.acks())
    door.says("events", lines)
    assert door.waits_for_ack(3, since=heard)["tag"] == door.acks()[0]["tag"]
    assert stored(door) == [(door.log, 1), (door.log, 2), (door.log, 3)]


def test_a_state_that_the_broker_had_kept_is_no_word_of_now(site, door):
    then = clock.now_s() - 3_600
    door.says("state", door.state(clock=[then, then + 5]), retain=True)
    door.leaves()
    site.worker("ingest")
    wait(lambda: companions.by_id(door.id).policy_version, "the state to be taken in")
    assert companions.by_id(door.id).heard_at == (then + 6) * 1000


def test_a_worker_that_is_started_again_is_not_told_all_states_again(site, door):
    worker = site.worker("ingest")
    door.says("state", door.state(), retain=True)
    worker.wait_for_line("states=1")
    worker.stop()
    worker.start()
    door.says("events", door.line())
    door.waits_for_ack(1)
    assert "lines=1" in worker.tail()
    assert "states=1" not in worker.tail()


def test_what_comes_while_no_worker_runs_waits_at_the_broker(site, door):
    site.worker("ingest").stop()
    for _ in range(50):
        door.says("events", door.line())
    site.worker("ingest")
    door.waits_for_ack(50)
    assert stored(door) == [(door.log, seq) for seq in range(1, 51)]


@pytest.mark.both_databases
def test_a_batch_in_the_hand_of_a_worker_that_dies_is_stored_once_by_the_next(site, door):
    worker = site.worker("ingest")
    with site.away():  # the worker can read the batch, but can't commit it
        for _ in range(20):
            door.says("events", door.line())
        with Raw(site, "cloud-delivery"):
            worker.kill()
    assert stored(door) == []
    assert door.acks() == []
    worker.start()
    door.waits_for_ack(20)
    assert stored(door) == [(door.log, seq) for seq in range(1, 21)]


def test_nothing_is_lost_or_doubled_while_the_worker_is_killed_again_and_again(site, door):
    worker = site.worker("ingest", "--batch", "7")
    for round_ in range(6):
        for _ in range(40):
            door.says("events", door.lines(2), answered=False)
        wait(lambda round_=round_: Event.select().count() > round_ * 60, "some of them to be stored")
        worker.kill()
        worker.start()
    door.waits_for_ack(480)
    assert stored(door) == [(door.log, seq) for seq in range(1, 481)]
    assert apart() == []


@pytest.mark.both_databases
def test_while_the_database_is_away_nothing_is_acknowledged_and_nothing_lost(site, door):
    site.worker("ingest")
    with site.away():
        door.says("events", door.line())
        door.says("events", door.line())
        assert door.acks() == []
    door.waits_for_ack(2)
    assert stored(door) == [(door.log, 1), (door.log, 2)]


def test_a_gap_is_not_acknowledged_until_it_is_closed(site, door):
    site.worker("ingest")
    first, second, third = door.line(), door.line(), door.line()
    door.says("events", first)
    door.waits_for_ack(1)
    door.says("events", third)
    wait(lambda: (door.log, 3) in stored(door), "the line beyond the gap")
    assert {ack["seq"] for ack in door.acks()} == {1}
    door.says("events", second)
    assert door.waits_for_ack(3)["tag"] == third[:16].decode()


def test_the_broker_is_killed_and_the_door_sends_what_was_not_acknowledged(site, door):
    worker = site.worker("ingest")
    door.says("events", door.lines(5))
    door.waits_for_ack(5)
    site.broker.kill()
    door.leaves()
    worker.wait_for_line("event=broker_away")
    site.start()
    door.comes()
    door.insists(door.lines(5), 10)
    assert stored(door) == [(door.log, seq) for seq in range(1, 11)]


@pytest.mark.both_databases
def test_a_state_is_heard_and_answered_with_what_is_held_of_its_journal(site, door):
    site.worker("ingest")
    door.says("events", door.lines(4))
    door.waits_for_ack(4)
    heard = len(door.acks())
    door.says("state", door.state(firmware="1.0", heap=90_000), retain=True)
    assert door.waits_for_ack(4, since=heard)
    row = companions.by_id(door.id)
    assert (row.online, row.seq) == (True, 4)
    assert row.policy_version == doors.policies.newest(site.number(801)).version
    assert '"heap":90000' in row.report


def test_a_state_follows_the_lines_that_were_sent_before_it(site, door):
    """All in one batch: the state of line 3 counts, though line 6 came with it."""
    worker = site.worker("ingest")
    worker.stop()
    door.says("events", door.lines(3, kind="policy"))
    door.says("state", door.state())
    door.says("events", door.lines(3))
    worker.start()
    door.waits_for_ack(6)
    assert "messages=3" in worker.wait_for_line("event=stored")
    assert companions.by_id(door.id).seq == 3


def test_a_last_will_turns_the_light_off_and_moves_nothing_else(site, door):
    site.worker("ingest")
    door.says("state", door.state())
    wait(lambda: companions.by_id(door.id).online, "the light to go on")
    before = companions.by_id(door.id)
    door.says("state", b'{"online":false,"policy_version":9}', retain=True)
    wait(lambda: not companions.by_id(door.id).online, "the light to go off")
    assert companions.by_id(door.id).policy_version == before.policy_version


@pytest.mark.both_databases
def test_events_of_unknown_and_retired_companions_are_kept_apart(site, door):
    worker = site.worker("ingest")
    stranger = pki.authority(site.property.property_id).client("c-999-test")
    pki.write_private(site.files / "c-999-test.key", stranger.key_pem)
    pki.write_public(site.files / "c-999-test.pem", stranger.pem)
    companions.retire(door.row, by=Actor.system(site.property))
    door.says("events", door.lines(2))
    with Raw(site, "c-999-test") as unknown:
        unknown.says("lm/1/c-999-test/up/events", b"0123456789abcdef {}")
    wait(lambda: len(apart()) == 3, "three lines to be kept apart")
    assert apart() == [(door.id, "retired")] * 2 + [("c-999-test", "unknown_companion")]
    assert stored() == []
    assert door.acks() == []
    assert worker.running


@pytest.mark.both_databases
def test_the_same_identity_with_other_bytes_is_kept_apart(site, door):
    site.worker("ingest")
    door.says("events", door.line("opened", seq=1))
    door.waits_for_ack(1)
    door.says("events", door.line("refused", seq=1))
    wait(lambda: apart() == [(door.id, "other_bytes")], "the second to be kept apart")
    assert [event.kind for event in Event.select()] == ["opened"]


def test_a_worker_asked_to_end_finishes_and_says_so(site, door):
    worker = site.worker("ingest")
    door.says("events", door.lines(3))
    door.waits_for_ack(3)
    for number in (signal.SIGTERM, signal.SIGINT):
        worker.signal(number)
        assert worker.wait() == 0
        assert "event=ended" in worker.tail()
        worker.start()
        worker.wait_for_line("event=connected")


def test_a_worker_that_finds_no_broker_waits_and_ends_when_asked(site):
    site.broker.stop()
    worker = site.worker("ingest", ready=False)
    worker.wait_for_line("event=broker_away")
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0


def test_a_companion_of_another_hotel_is_kept_apart_where_only_one_hotel_is_served(site, door):
    other = doors.commission("Seaside", "Europe/Lisbon")
    site.worker("ingest", "--property", other.property_id)
    door.says("events", door.line())
    door.says("events", door.line())
    wait(lambda: len(apart()) == 2, "both lines")
    assert apart() == [(door.id, "other_property")] * 2
    assert stored() == []
