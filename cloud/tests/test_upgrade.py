"""From one version to the next: data, sessions at the broker and doors of the older one go on with the newer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cloud.tests.broker import Raw, Site, apart, stored, wait
from lockmate import db, outbox, stays
from lockmate.db import BaseModel
from lockmate.doors import Companion, companions, link
from lockmate.ingest import batch
from lockmate.mqtt import Arrival
from lockmate.stays import Stay

VECTORS = json.loads((Path(__file__).parents[2] / "docs" / "vectors" / "hk1.json").read_text("utf-8"))["link"]
FIRST_RELEASE = "005_opens"


def rows():
    models = [model for model in BaseModel.__subclasses__() if model.__module__.startswith("lockmate.")]
    return {model.__name__: list(model.select().order_by(model.id).dicts()) for model in models}


@pytest.mark.both_databases(commits=True)
def test_a_hotel_of_the_first_release_goes_on_with_its_data(hotel, time):
    """The schema goes back to the first release with a hotel in it, then up again, as an upgrade does."""
    companion = hotel.companion("801")
    stay = hotel.checked_in("801")
    companion.reports()
    Companion.update(certificate_ends=None).execute()  # the first release did not write it down
    before = rows()
    while db.rollback() != sorted(db.steps())[db.steps().index(FIRST_RELEASE) + 1]:
        pass
    db.migrate()
    assert not db.pending()
    assert rows() == before
    waiting = outbox.lease("mqtt", 50)
    assert waiting
    assert {row.property_id for row in waiting} == {hotel.property.id}  # filled in from the companion
    companion.reports()
    stays.check_out(Stay.get_by_id(stay.id), by=hotel.desk)


@pytest.mark.broker
def test_the_older_workers_session_is_taken_over_without_loss_or_doubles(tmp_path):
    """The first release subscribed without a share: what waited in its session is stored, and nothing comes twice."""
    site = Site(tmp_path).start()
    try:
        door = site.door().comes()
        with Raw(site, "cloud-ingest", session_seconds=3_600) as older:
            older.connection.subscribe("lm/1/+/up/#")
        for _ in range(5):
            door.says("events", door.line())
        worker = site.worker("ingest")
        door.waits_for_ack(5)
        for _ in range(5):
            door.says("events", door.line())
        door.waits_for_ack(10)
        assert stored(door) == [(door.log, seq) for seq in range(1, 11)]
        wait(lambda: sum(int(line.partition("messages=")[2].split()[0]) for line in told(worker)) == 10, "ten messages")
        assert all("again=0" in line for line in told(worker))
    finally:
        site.close()


def told(worker):
    return [line for line in worker._text().splitlines() if "event=stored" in line]


@pytest.mark.both_databases
def test_a_door_with_the_first_firmware_is_understood_to_the_byte(hotel):
    """The vectors are what it sends: no later version of the cloud may ask for more."""
    hotel.companion("801", VECTORS["companion_id"])
    row = companions.by_id(VECTORS["companion_id"])
    row.link_key = link.seal_key(row.companion_id, bytes.fromhex(VECTORS["link_key"]))
    row.save()
    topic = f"lm/1/{row.companion_id}/up/"
    events = "\n".join(VECTORS["event_lines"]).encode()
    kept = batch.keep([
        Arrival(None, 1, 1, topic + "events", events, False),
        Arrival(None, 2, 1, topic + "state", VECTORS["state"].encode(), True),
    ])  # fmt: skip
    assert (kept.lines, kept.states, kept.apart) == (3, 1, 0)
    assert [(ack.seq, ack.tag) for ack in kept.acks] == [(3, VECTORS["event_lines"][2][:16])]
    assert apart() == []
