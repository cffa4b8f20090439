"""Remote opens, letters and what time brings, on the real path: broker, worker processes, mail server."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest

from cloud.tests.broker import Site, wait
from cloud.tests.mailserver import NAME, MailServer
from cloud.tests.test_delivery import delivery
from lockmate import clock, doors, notices, settings, stays
from lockmate.delivery.beside import Beside
from lockmate.doors import companions
from lockmate.keys import Key, holders
from lockmate.mqtt import Stop
from lockmate.outbox import Outbox
from lockmate.staff import Actor
from lockmate.stays import Stay

pytestmark = pytest.mark.broker


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path).start()
    yield made
    made.close()


@pytest.fixture
def desk(site):
    return Actor.system(site.property)


@pytest.fixture
def guest(site, desk):
    """The holder of a key of 801, in house."""
    holder, _ = holders.new()
    today = stays.bounds.today(site.property, clock.now_ms())
    order = stays.orders.enter(site.property, "Wang", "", today, today + timedelta(days=2), by=desk)
    stay = stays.check_in(stays.prepare(order, site.number(801), by=desk), by=desk)
    stays.authorise(stay.present()[0], holder, "13800001234", by=desk)
    return holder


def goes_online(door):
    door.says("state", door.state())
    wait(lambda: companions.by_id(door.id).online, "the door to be online")


def test_a_guests_open_reaches_the_door_and_its_event_is_the_answer(site, guest):
    site.worker("delivery")
    site.worker("ingest")
    door = site.door(801).comes()
    goes_online(door)
    key = doors.may_open(guest, site.number(801))
    asked = doors.open_remotely(site.number(801), key_id_of=key)
    door.until(lambda: door.on("open"), "the token")
    [message] = door.on("open")
    assert (len(message.payload), message.payload[:4], message.retain) == (151, b"HK1:", False)
    assert doors.answer_of(asked) == "waiting"
    door.says("events", door.line("opened", road="mqtt", verdict="open", key_id=asked.key_id))
    wait(lambda: doors.answer_of(asked) == "opened", "the answer")


def test_a_door_that_comes_later_is_not_sent_the_open_of_before(site, desk):
    door = site.door(801)
    site.worker("ingest")
    door.comes()
    goes_online(door)
    doors.open_remotely(site.number(801), reason="luggage", by=desk)
    Outbox.update(expires_at=clock.now_ms() - 1).where(Outbox.address.endswith("/open")).execute()
    site.worker("delivery")
    wait(lambda: Outbox.get(Outbox.address.endswith("/open")).state == "dead", "the open to be given up")
    site.put(f"lm/1/{door.id}/down/open", b"later")
    door.until(lambda: door.on("open"), "what comes after it")
    assert [message.payload for message in door.on("open")] == [b"later"]


def test_work_that_hangs_beside_does_not_hold_up_a_door(site):
    door = site.door(801).comes()
    hangs, stop = threading.Event(), Stop()
    begun = threading.Event()

    def work():
        begun.set()
        hangs.wait(60)

    beside = Beside("hangs", work, stop, every=0.01)
    with delivery(site):
        beside.start()
        assert begun.wait(20)
        policy = doors.policies.publish(site.number(801))
        door.until(lambda: any(m.payload == doors.policies.wire(policy) for m in door.on("policy")), "the policy")
    assert not beside.join(0)
    stop.request()
    hangs.set()
    assert beside.join(20)
    stop.close()


def test_the_old_room_closes_when_the_grace_is_over_and_its_door_hears(site, desk, guest):
    old, new = site.door(801).comes(), site.door(802)
    site.worker("delivery")
    stay = Stay.get(Stay.state == "in_house")
    stays.move(stay, site.number(802), by=desk)
    key = Key.get(Key.door == site.number(801))
    assert key.state == "active"
    stays.Move.update(closes_at=clock.now_ms()).execute()
    wait(lambda: Key.get_by_id(key.id).state == "ended", "the old key to end")

    def told():
        held = [json.loads(message.payload[65:]) for message in old.on("policy")]
        return held and max(policy["generation"] for policy in held) == key.generation + 1

    old.until(told, "the next generation")
    assert new.id


def test_the_worker_sends_letters_too_and_ends_when_asked(site, desk, guest, tmp_path):
    server = MailServer(tmp_path, site.property.property_id).start()
    try:
        site.env |= {
            "LOCKMATE_SMTP_HOST": NAME,
            "LOCKMATE_SMTP_PORT": str(server.port),
            "LOCKMATE_SMTP_FROM": "cards@hotel.example",
            "LOCKMATE_SMTP_CA": str(server.ca),
        }
        settings.use(settings.load(site.env))
        holders.set_email(guest, "wang@mail.example")
        notices.put(guest, "issued", notices.about(Key.get(Key.holder == guest)))
        worker = site.worker("delivery")
        wait(lambda: server.handler.letters, "the letter")
        assert "wang@mail.example" not in worker.wait_for_line("event=letter_sent")
        worker.stop()
        assert "event=ended" in worker.tail()
    finally:
        server.stop()
