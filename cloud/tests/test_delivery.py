"""What must go out goes out, in the order of each door, and is sent only when the broker said so."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager

import paho.mqtt.client as paho
import peewee
import pytest

from cloud.tests.broker import NAME, Site, wait
from lockmate import clock, doors, outbox
from lockmate.delivery import worker as delivery_worker
from lockmate.delivery.worker import Delivery
from lockmate.doors import companions
from lockmate.mqtt import Backoff, Connection, Stop
from lockmate.outbox import Outbox

pytestmark = pytest.mark.broker


@pytest.fixture
def site(tmp_path, database_url):
    made = Site(tmp_path, database_url).start()
    yield made
    made.close()


@contextmanager
def delivery(site, **options):
    """The worker in a thread of this process, where a test can put a fault into it."""
    stop = Stop()
    worker = Delivery(site.place("cloud-delivery"), stop, poll=0.02, backoff=Backoff(0.02, 0.1), **options)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield worker
        assert thread.is_alive()
    finally:
        stop.request()
        thread.join(20)
        stop.close()
        assert not thread.is_alive()


def state_of(row):
    return Outbox.get_by_id(row.id).state


def all_sent():
    return wait(lambda: outbox.pending("mqtt") == 0, "everything to be sent")


def test_a_policy_arrives_retained_as_it_was_signed(site):
    door = site.door(801)
    site.worker("delivery")
    all_sent()
    door.comes()  # later: the broker kept it
    door.until(lambda: door.on("policy"), "its policy")
    newest = doors.policies.newest(site.number(801))
    assert door.on("policy")[-1].payload == doors.policies.wire(newest)
    assert door.on("policy")[-1].retain


def test_a_door_hears_a_new_policy_at_once_and_it_is_confirmed_when_the_door_reports_it(site):
    door = site.door(801).comes()
    site.worker("delivery")
    site.worker("ingest")
    all_sent()
    policy = doors.policies.publish(site.number(801))
    wire = doors.policies.wire(policy)
    door.until(lambda: any(message.payload == wire for message in door.on("policy")), "the policy")
    assert companions.by_id(door.id).policy_version < policy.version  # sent is not delivered
    door.says("state", door.state())
    wait(lambda: companions.by_id(door.id).policy_version == policy.version, "the confirmation")


def test_a_door_that_reports_an_old_version_is_sent_the_newest_again(site):
    door = site.door(801).comes()
    site.worker("delivery")
    site.worker("ingest")
    all_sent()
    Outbox.delete().execute()
    door.says("state", door.state(policy_version=7, policy_hash="0" * 16))
    door.until(lambda: len(door.on("policy")) >= 2, "the policy again")


@pytest.mark.both_databases
def test_rows_of_a_door_go_in_order_and_other_doors_do_not_wait(site):
    door, other = site.door(801).comes(), site.door(802).comes()
    Outbox.delete().execute()
    for n in range(30):
        for one in (door, other):
            site.put(f"lm/1/{one.id}/down/open", b"%d" % n, order_key=one.id)
    site.worker("delivery")
    for one in (door, other):
        one.until(lambda one=one: len(one.on("open")) == 30, "thirty rows")
        assert [int(message.payload) for message in one.on("open")] == list(range(30))


@contextmanager
def listening(site, companion_id, hear):
    """An MQTT 5 client by another hand, which tells a message's properties."""
    granted = threading.Event()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=companion_id, protocol=paho.MQTTv5)
    client.tls_set_context(site.place(companion_id).context())
    client.on_message = lambda _c, _d, message: hear(message)
    client.on_connect = lambda client, *_: client.subscribe(f"lm/1/{companion_id}/down/#", 1)
    client.on_subscribe = lambda *_: granted.set()
    client.connect("127.0.0.1", site.port)
    client.loop_start()
    try:
        assert granted.wait(20)
        yield
    finally:
        client.disconnect()
        client.loop_stop()


def test_what_has_expired_is_not_sent_and_what_will_expire_carries_the_time_left(site):
    Outbox.delete().execute()
    old = site.put("lm/1/c-801-test/down/open", b"old", expires_at=clock.now_ms() - 1)
    site.door(801)
    seen = []
    with listening(site, "c-801-test", seen.append):
        new = site.put("lm/1/c-801-test/down/open", b"new", expires_at=clock.now_ms() + 30_000)
        site.worker("delivery")
        message = wait(lambda: next((one for one in seen if one.payload == b"new"), None), "the new one")
    assert 0 < message.properties.MessageExpiryInterval <= 30
    assert b"old" not in [message.payload for message in seen]
    wait(lambda: state_of(new) == "sent", "the row to be sent")
    assert state_of(old) == "dead"


def test_what_the_broker_refuses_is_tried_again_and_never_counts_as_sent(site):
    refused = site.put("lm/1/c-801-test/up/events")
    fine = site.put("lm/1/c-801-test/down/open")
    with delivery(site):
        wait(lambda: state_of(fine) == "sent", "the other row")
        wait(lambda: Outbox.get_by_id(refused.id).error == "Not authorized", "the refusal")
    row = Outbox.get_by_id(refused.id)
    assert row.state == "pending"
    assert row.next_try_at > row.made_at


def test_what_no_broker_takes_does_not_disturb_the_others(site):
    large = site.put("lm/1/c-801-test/down/policy", bytes(20_000))
    odd = site.put("lm/1/+/down/open")
    fine = site.put("lm/1/c-801-test/down/open")
    with delivery(site) as worker:
        wait(lambda: state_of(fine) == "sent", "the other row")
        wait(lambda: Outbox.get_by_id(odd.id).error, "the error")
        assert worker.connections == 1
    assert "at most" in Outbox.get_by_id(large.id).error


def test_while_the_broker_is_away_rows_wait_and_cost_no_attempt(site):
    worker = site.worker("delivery")
    site.broker.kill()
    worker.wait_for_line("event=broker_away")
    row = site.put("lm/1/c-801-test/down/open")
    tries = worker.tail(1_000).count("event=broker_away")
    assert tries < 20  # no busy loop
    site.start()
    wait(lambda: state_of(row) == "sent", "the row after the broker's return")
    assert Outbox.get_by_id(row.id).attempts == 1


def test_a_row_without_an_answer_is_not_sent_and_goes_again(site, monkeypatch):
    """The connection dies between publish and PUBACK."""
    publish, fates = delivery_worker._publish, iter(["dies"])

    def dies_once(connection, row):
        mid = publish(connection, row)
        if next(fates, None):
            connection.drop()
        return mid

    monkeypatch.setattr(delivery_worker, "_publish", dies_once)
    row = site.put("lm/1/c-801-test/down/open")
    with delivery(site) as worker:
        wait(lambda: state_of(row) == "sent", "the row at the second try")
        assert worker.connections == 2
    assert Outbox.get_by_id(row.id).attempts == 2


@pytest.mark.both_databases
def test_a_worker_that_dies_with_a_lease_leaves_it_to_the_next(site, monkeypatch):
    row = site.put("lm/1/c-801-test/down/open")
    assert [leased.id for leased in outbox.lease("mqtt", 10, lease_ms=300)] == [row.id]  # and dies
    site.worker("delivery")
    wait(lambda: state_of(row) == "sent", "the row after the lease has ended")


@pytest.mark.both_databases
def test_killed_again_and_again_everything_is_sent(site):
    door = site.door(801).comes()
    all_rows = [site.put(f"lm/1/{door.id}/down/open", b"%d" % n, order_key="door") for n in range(60)]
    worker = site.worker("delivery")
    for part in (15, 30, 45):
        door.until(lambda part=part: len(door.on("open")) >= part, f"{part} rows")
        worker.kill()
        Outbox.update(leased_until=0).where(Outbox.state == "leased").execute()  # as if the lease had ended
        worker.start()
    all_sent()
    heard = [int(message.payload) for message in door.on("open")]
    assert list(dict.fromkeys(heard)) == list(range(60))
    assert {state_of(row) for row in all_rows} == {"sent"}


def test_a_fault_of_ours_costs_a_connection_and_not_the_worker(site, monkeypatch, caplog):
    answered, faults = Connection._take, iter([RuntimeError("a fault of ours")])

    def broken(self, *facts):
        for fault in faults:
            raise fault
        answered(self, *facts)

    monkeypatch.setattr(Connection, "_take", broken)
    row = site.put("lm/1/c-801-test/down/open")
    with delivery(site):
        wait(lambda: state_of(row) == "sent", "the row")
    assert "a fault of ours" in caplog.text


def test_the_database_is_away_for_a_while(site, monkeypatch):
    lease, away = outbox.lease, threading.Event()
    tries = []

    def unavailable(*args, **more):
        if away.is_set():
            tries.append(1)
            raise peewee.OperationalError("database is locked")
        return lease(*args, **more)

    monkeypatch.setattr(outbox, "lease", unavailable)
    away.set()
    row = site.put("lm/1/c-801-test/down/open")
    with delivery(site):
        wait(lambda: len(tries) > 2, "some tries")
        away.clear()
        wait(lambda: state_of(row) == "sent", "the row")


def test_two_workers_under_one_certificate_take_turns_and_lose_nothing(site):
    """The broker lets one in at a time; a mistake of the operator's, not a loss."""
    rows = [site.put("lm/1/c-801-test/down/open", order_key=str(n)) for n in range(20)]
    with delivery(site):
        site.worker("delivery", ready=False)
        Outbox.update(next_try_at=0).execute()
        all_sent()
    assert {state_of(row) for row in rows} == {"sent"}


def test_a_worker_asked_to_end_takes_the_last_answers(site):
    worker = site.worker("delivery")
    for number in (signal.SIGTERM, signal.SIGINT):
        row = site.put("lm/1/c-801-test/down/open")
        wait(lambda row=row: state_of(row) == "sent", "the row")
        worker.signal(number)
        assert worker.wait() == 0
        assert Outbox.select().where(Outbox.state == "leased").count() == 0
        worker.start()
        worker.wait_for_line("event=connected")


def test_a_wrong_broker_name_is_said(site):
    site.env["LOCKMATE_BROKER_NAME"] = "another.name"
    worker = site.worker("delivery", ready=False)
    assert "another.name" in worker.wait_for_line("event=broker_away")
    assert NAME != "another.name"
