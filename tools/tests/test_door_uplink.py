"""The door's uplink in MicroPython, with its real journal, beliefs and clock, through a real Mosquitto with mTLS."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tools.processes import LOOPBACK
from tools.tests.cloud_parts import (
    COMPANION,
    DOOR,
    LINK_KEY,
    NOW,
    TOPIC,
    Hotel,
    door_config,
    hash_of,
    policy,
    sealed,
)
from tools.tests.net_parts import HURRY, NAME, Authority, Broker, Door

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A CA with everybody's certificates."""
    made = Authority(tmp_path_factory.mktemp("pki"))
    made.certificate(NAME, server=True)
    for name in (COMPANION, "cloud-ingest", "cloud-delivery"):
        made.certificate(name)
    return made


@pytest.fixture(params=[32, 64], ids=["32-bit", "64-bit"])
def start(
    request: pytest.FixtureRequest, authority: Authority, broker: Broker, tmp_path: Path
) -> Iterator[Callable[..., Door]]:
    """Starts the door, again with the same flash folder."""
    doors: list[Door] = []
    (tmp_path / "flash" / "beliefs").mkdir(parents=True)
    (tmp_path / "provisioned").write_bytes(policy(1000))
    for name, file in (("ca", "ca.der"), ("cert", f"{COMPANION}.der"), ("key", f"{COMPANION}.key.der")):
        (tmp_path / "flash" / f"{name}.der").write_bytes((authority.folder / file).read_bytes())

    def make(**changes: Any) -> Door:
        files = authority.folder
        setup = {
            "mode": "uplink",
            "plain": False,
            "host": LOOPBACK,
            "port": broker.port,
            "name": NAME,
            "ca": str(authority.der),
            "cert": str(files / f"{COMPANION}.der"),
            "key": str(files / f"{COMPANION}.key.der"),
            "timing": HURRY,
            "folder": str(tmp_path / "flash"),
            "policy": str(tmp_path / "provisioned"),
            "floor": NOW - 1000,
            "config": door_config(broker.port) | {"profile": "sim"},
            **changes,
        }
        path = tmp_path / f"door{len(doors)}.json"
        path.write_text(json.dumps(setup))
        doors.append(Door(path, request.param))
        return doors[-1]

    yield make
    for door in doors:
        if door.alive:
            door.kill()


def settled(door: Door, **facts: Any) -> dict[str, Any]:
    """Ask the door until it knows these facts."""
    for _ in range(2000):
        known = door.ask()
        if all(known[name] == value for name, value in facts.items()):
            return known
    raise AssertionError(f"{facts} never came: {known}")


def test_a_boot_is_told_and_its_ack_gives_the_time(start: Any, hotel: Hotel) -> None:
    door = start()
    boot = hotel.wait_for_event("boot")
    assert (boot["unsure"], boot["at"]) == (None, NOW - 1000)
    state = hotel.state()
    assert state["log"] == boot["log"]
    assert state["seq"] >= boot["seq"]
    assert (state["policy_version"], state["policy_hash"]) == (1000, hash_of(policy(1000)))
    assert (state["generation"], state["clock"][1], state["firmware"]) == (3, None, "test")
    hotel.ack(boot, version=1000)
    known = settled(door, acked=boot["seq"])
    lo, hi = known["clock"]
    assert lo >= NOW
    assert lo <= hi <= lo + 25, "one second and the age of the ack"
    told = hotel.state(policy_version=1000)
    assert told
    hotel.ingest.wait(lambda: [s for s in hotel.ingest.states() if s.get("clock", [0, None])[1] is not None])
    assert not [e for e in hotel.events() if e["kind"] == "clock"], "the floor did not win, and no time is asked for"


def test_nothing_is_lost_when_the_broker_dies(start: Any, hotel: Hotel, broker: Broker) -> None:
    door = start()
    hotel.ack(hotel.wait_for_event("boot"), version=1000)
    for n in range(5):
        door.tell(write="ajar", fields={"count": n})
    broker.kill()
    for n in range(5, 24):  # fewer than four batches: the cloud acknowledges nothing of them
        door.tell(write="ajar", fields={"count": n})
    door.wait_for_many("wrote", 24)
    broker.start()
    hotel.wait_to_be_back()
    door.tell(advance_ms=5_000)
    last = hotel.wait_for_event("ajar", 24)
    assert [e["count"] for e in hotel.events() if e["kind"] == "ajar"] == list(range(24))
    assert [e["seq"] for e in hotel.events()] == list(range(1, last["seq"] + 1)), "no gap"
    hotel.ack(last, at=NOW + 60, version=1000)
    settled(door, acked=last["seq"])


def test_a_power_cut_sends_again_what_was_not_acknowledged(start: Any, hotel: Hotel) -> None:
    door = start()
    for n in range(3):
        door.tell(write="ajar", fields={"count": n})
    hotel.wait_for_event("ajar", 3)
    before = hotel.events()
    door.kill()
    hotel.ingest.heard.clear()
    again = start()
    hotel.wait_for_event("boot", 2)
    assert hotel.events()[: len(before)] == before, "the very same lines"
    assert settled(again)["boot_seq"] == before[-1]["seq"] + 1


def test_an_ack_that_is_wrong_anywhere_changes_nothing(start: Any, hotel: Hotel) -> None:
    door = start()
    boot = hotel.wait_for_event("boot")
    topic = f"{TOPIC}/down/ack"
    right = {
        "log": boot["log"],
        "seq": boot["seq"],
        "tag": boot["tag"],
        "at": NOW,
        "door": DOOR,
        "policy_version": 1000,
    }
    good = sealed(topic, **right)
    wrong = [
        good[:-3] + (b"0" if good[-3:-2] != b"0" else b"1") + b'"}',
        good.replace(b'"at"', b'"AT"'),
        sealed(f"{TOPIC}/up/state", **right),
        json.dumps(right).encode(),
        sealed(topic, **{**right, "tag": "0" * 16}),
        sealed(topic, **{**right, "tag": 5}),
        sealed(topic, **{**right, "log": "0" * 16}),
        sealed(topic, **{**right, "seq": boot["seq"] + 50}),
        sealed(topic, **{**right, "seq": True}),
        sealed(topic, **{**right, "seq": -1}),
        sealed(topic, **{**right, "at": "now"}),
        sealed(topic, **{**right, "at": 1 << 40}),
        *[sealed(topic, **{k: v for k, v in right.items() if k != gone}) for gone in right],
        b"",
        b"{}",
        b"\xff" * 100,
        b"[" * 400,
        b"1" * 513,
        b"x" * 5000,
    ]
    for n, payload in enumerate(wrong):
        hotel.ingest.say(topic, payload)
        settled(door, ignored=n + 1)
    known = door.ask()
    assert (known["acked"], known["clock"][1]) == (0, None)
    hotel.ingest.say(topic, good)
    assert settled(door, acked=boot["seq"])["clock"][1] is not None


def test_an_ack_of_something_handed_over_long_ago_gives_no_time(start: Any, hotel: Hotel, broker: Broker) -> None:
    door = start()
    boot = hotel.wait_for_event("boot")
    door.tell(advance_ms=40_000)
    broker.kill()
    door.wait(link="down")
    broker.start()
    hotel.wait_to_be_back()
    door.tell(advance_ms=5_000)
    hotel.ingest.wait(lambda: len([line for line in hotel.ingest.lines() if boot["tag"] in line]) > 1)
    door.tell(advance_ms=15_000)
    hotel.ack(boot, at=NOW + 60, version=1000)
    settled(door, acked=boot["seq"])
    assert door.ask()["clock"][1] is None, "a line sent again keeps its first time"
    asked = hotel.wait_for_event("clock")
    hotel.ack(asked, at=NOW + 62, version=1000)
    lo, hi = settled(door, acked=asked["seq"])["clock"]
    assert (lo >= NOW + 62, hi is not None) == (True, True), "the door asked for the time by an event of its own"


def test_time_that_grows_old_is_asked_for_each_hour(start: Any, hotel: Hotel) -> None:
    door = start()
    boot = hotel.wait_for_event("boot")
    hotel.ack(boot, version=1000)
    settled(door, acked=boot["seq"])
    door.tell(advance_ms=3_500_000)
    door.tell(write="closed")
    hotel.ack(hotel.wait_for_event("closed"), at=NOW + 3500, version=1000)
    door.tell(advance_ms=3_500_000)
    door.tell(write="ajar")
    hotel.ack(hotel.wait_for_event("ajar"), at=NOW + 7000, version=1000)
    settled(door, acked=boot["seq"] + 2)
    assert not [e for e in hotel.events() if e["kind"] == "clock"], "any event's ack is as good"
    door.tell(advance_ms=3_600_000)
    asked = hotel.wait_for_event("clock")
    hotel.ack(asked, at=NOW + 10_600, version=1000)
    settled(door, acked=asked["seq"])


def test_a_floor_that_is_ahead_of_the_cloud_is_told(start: Any, hotel: Hotel) -> None:
    door = start(floor=NOW + 5000)
    boot = hotel.wait_for_event("boot")
    hotel.ack(boot, at=NOW, version=1000)
    told = hotel.wait_for_event("clock")
    assert (told["at"] >= NOW + 5000, told["seq"]) == (True, boot["seq"] + 1)
    hotel.ack(told, at=NOW + 1, version=1000)
    settled(door, acked=told["seq"])


def test_an_accepted_policy_is_an_event_first_and_then_in_the_state(start: Any, hotel: Hotel) -> None:
    door = start()
    hotel.ack(hotel.wait_for_event("boot"), version=1000)
    wire = policy(2000, generation=9)
    hotel.delivery.say(f"{TOPIC}/down/policy", wire, retain=True)
    event = hotel.wait_for_event("policy", policy_version=2000)
    state = hotel.state(policy_version=2000)
    assert (state["policy_hash"], state["generation"]) == (hash_of(wire), 9)
    assert state["seq"] >= event["seq"]
    assert (settled(door)["version"], settled(door)["hash"]) == (2000, hash_of(wire))


def test_a_link_key_changes_without_a_line_lost(start: Any, hotel: Hotel) -> None:
    door = start()
    hotel.ack(hotel.wait_for_event("boot"), version=1000)
    salt = b"salt" * 4
    hotel.link_keys.append(hmac.new(LINK_KEY, b"LK1" + salt, hashlib.sha256).digest())
    hotel.delivery.say(f"{TOPIC}/down/policy", policy(2000, link=[1, salt.hex()]), retain=True)
    changed = hotel.wait_for_event("policy", policy_version=2000)
    state = hotel.state(link=1)
    hotel.ack(changed, version=2000)  # under the former key: it is nothing to the door any more
    settled(door, version=2000)
    assert door.ask()["acked"] < changed["seq"]
    door.kill()
    again = start()
    boot = hotel.wait_for_event("boot", 2)
    assert boot["seq"] > state["seq"]
    hotel.ack(boot, version=2000, key=hotel.link_keys[-1])
    assert settled(again, acked=boot["seq"])["version"] == 2000
    assert [event["seq"] for event in hotel.events()] == list(range(1, boot["seq"] + 1))


def test_a_refused_policy_is_an_event_with_its_code_and_those_after_it_are_counted(start: Any, hotel: Hotel) -> None:
    door = start()
    hotel.ack(hotel.wait_for_event("boot"), version=1000)
    topic = f"{TOPIC}/down/policy"
    stranger = Ed25519PrivateKey.generate()
    hotel.delivery.say(topic, policy(900))  # an old one: the protocol ignores it
    for n in range(3):
        hotel.delivery.say(topic, policy(3000 + n, stranger))
        if not n:
            hotel.wait_for_event("fault", fault="policy", code="forged")
        door.wait_for_many("policy", n + 1)
        door.tell(advance_ms=2_000)
    hotel.delivery.say(topic, b"x" * 4162)
    door.wait_for_many("policy", 4)
    door.tell(advance_ms=60_000)
    counted = hotel.wait_for_event("fault", fault="policy", code="too_long")
    assert counted["count"] == 3, "the two others that were forged, and this one"
    hotel.delivery.say(topic, policy(4000))
    hotel.wait_for_event("policy", policy_version=4000)
    assert not [e for e in hotel.events() if e.get("code") == "old_version"]


def test_the_retained_policy_is_checked_once(start: Any, hotel: Hotel, broker: Broker) -> None:
    door = start()
    hotel.ack(hotel.wait_for_event("boot"), version=1000)
    hotel.delivery.say(f"{TOPIC}/down/policy", policy(1000), retain=True)
    door.tell(advance_ms=1)
    known = settled(door)
    assert (known["version"], known["ignored"]) == (1000, 0)
    assert [e["kind"] for e in hotel.events()] == ["boot"]


def test_a_remote_open_reaches_the_gate_once(start: Any, hotel: Hotel) -> None:
    door = start()
    door.wait(link="up")
    hotel.delivery.say(f"{TOPIC}/down/open", "HK1:" + "A" * 147)
    assert door.wait("present") == {"present": "HK1:" + "A" * 147, "road": 1}
    hotel.delivery.say(f"{TOPIC}/down/open", "B" * 4000)  # no code has that many: it is dropped
    hotel.delivery.say(f"{TOPIC}/down/open", "C" * 600)
    door.wait(present="C" * 256)
    assert len(door.all("present")) == 2


def test_the_state_is_told_again_as_time_passes(start: Any, hotel: Hotel) -> None:
    door = start()
    hotel.ack(hotel.wait_for_event("boot"), version=1000)
    hotel.ingest.wait(lambda: len(hotel.ingest.states()) == 2)
    for n in range(3):
        door.tell(advance_ms=900_000)
        hotel.ingest.wait(lambda many=n + 3: len(hotel.ingest.states()) == many)


def test_events_wait_while_the_cloud_does_not_answer(start: Any, hotel: Hotel) -> None:
    door = start()
    hotel.wait_for_event("boot")
    for n in range(60):
        door.tell(write="ajar", fields={"count": n})
    door.wait_for_many("wrote", 60)
    heard = hotel.ingest.wait(lambda: len([m for m in hotel.ingest.heard if m.topic.endswith("/events")]) == 4)
    assert heard, "four batches"
    before = hotel.events()
    assert len(before) < 61
    hotel.ack(before[-1], version=1000)
    hotel.wait_for_event("ajar", 60)
    sent = len(hotel.ingest.lines())
    door.tell(advance_ms=5_000)
    hotel.ingest.wait(lambda: len(hotel.ingest.lines()) > sent)
