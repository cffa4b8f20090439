"""The whole firmware on a real broker with mTLS: what happens at the door reaches the cloud; the door needs neither."""

from __future__ import annotations

import hashlib
import hmac
import json
import struct
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest

from tools.processes import LOOPBACK
from tools.tests.net_parts import NAME, Authority, Broker, Cloud
from tools.tests.virtual_kit import LINK_KEY, NOW, config, flash, journal, policy, token
from tools.virtual.companion import VirtualCompanion

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.broker

COMPANION = "c-801-test"
TOPIC = f"lm/1/{COMPANION}"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    files = tmp_path / "pki"
    files.mkdir()
    authority = Authority(files)
    authority.certificate(NAME, server=True)
    authority.certificate(COMPANION)
    authority.certificate("cloud-ingest")
    authority.certificate("cloud-delivery")
    started = Broker(tmp_path / "broker", authority)
    started.start()
    yield started
    started.process.stop()


def image(tmp_path: Path, broker: Broker) -> Path:
    """The flash of a door that knows the broker."""
    pki = broker.authority.folder
    files = {
        "/config.json": config(broker={"host": LOOPBACK, "port": broker.port, "name": NAME}),
        "/policy": policy(),
        "/ca.der": broker.authority.der.read_bytes(),
        "/cert.der": (pki / f"{COMPANION}.der").read_bytes(),
        "/key.der": (pki / f"{COMPANION}.key.der").read_bytes(),
    }
    return flash(tmp_path, files)


@pytest.fixture
def door(tmp_path: Path, broker: Broker) -> Iterator[VirtualCompanion]:
    companion = VirtualCompanion(image(tmp_path, broker), log=tmp_path / "console")
    yield companion
    companion.stop()


def events(cloud: Cloud) -> dict[int, dict[str, Any]]:
    """What the cloud heard by seq, each line's tag checked, the same line as often as it came."""
    found: dict[int, str] = {}
    for line in cloud.lines():
        tag, body = line[:16], line[17:]
        assert hmac.new(LINK_KEY, body.encode(), hashlib.sha256).hexdigest()[:16] == tag
        assert found.setdefault(json.loads(body)["seq"], line) == line
    return {seq: json.loads(line[17:]) for seq, line in sorted(found.items())}


def verdict(door: VirtualCompanion, code: str) -> str:
    mark = door.mark()
    door.scan(code)
    return str(door.wait(lambda seen: "verdict" in seen, since=mark)["verdict"])


def ack(cloud: Cloud, line: str, version: int) -> None:
    """Say to the door that the cloud has everything up to this line."""
    event = json.loads(line[17:])
    topic = f"{TOPIC}/down/ack"
    facts = {"log": event["log"], "seq": event["seq"], "tag": line[:16], "at": NOW + 50, "door": 801}
    text = json.dumps({**facts, "policy_version": version}, separators=(",", ":"))[:-1]
    mac = hmac.new(LINK_KEY, (topic + text).encode(), hashlib.sha256).hexdigest()
    cloud.say(topic, f'{text},"mac":"{mac}"}}')


def test_the_door_works_with_and_without_its_line(broker: Broker, door: VirtualCompanion) -> None:
    cloud, office = Cloud(broker, "cloud-ingest"), Cloud(broker, "cloud-delivery")
    door.start()
    cloud.wait(lambda: 1 in events(cloud))
    boot = events(cloud)[1]
    assert boot["kind"] == "boot" and boot["unsure"] is None

    ack(cloud, cloud.lines()[0], 1000)
    cloud.wait(lambda: any(state.get("clock", [0, None])[1] for state in cloud.states()))
    denied = b64encode(b"".join(struct.pack(">QI", n, NOW) for n in range(128))).decode()  # a list as long as it may be
    largest = policy(2000, generation=50, deny=denied)
    largest = policy(2000, generation=50, deny=denied, later="x" * (4096 - len(largest) + 65 - len(',"later":""')))
    assert len(largest) == 65 + 4096
    office.say(f"{TOPIC}/down/policy", largest, retain=True)
    cloud.wait(lambda: any(state.get("policy_version") == 2000 for state in cloud.states()))
    assert verdict(door, token(generation=49)) == "superseded"

    cut = door.mark()
    broker.kill()
    assert verdict(door, token(generation=50)) == "open"
    door.advance(5_000)  # or the motor would be taken for a part of our own open
    door.sense("motor", 1)
    assert verdict(door, token(generation=51, signer=9)) == "forged"
    assert door.opens == 1

    subscribed = cloud.again()
    broker.start()
    cloud.wait(lambda: cloud.again() > subscribed)
    door.wait(lambda seen: seen.get("link") == "up", timeout=60, since=cut)
    door.advance(61_000)  # what came before the cloud listened again is sent once more
    cloud.wait(lambda: {"opened", "card_open"} <= {event["kind"] for event in events(cloud).values()})
    came = events(cloud)
    assert sorted(came) == list(range(1, max(came) + 1))
    assert next(event for event in came.values() if event["kind"] == "opened")["generation"] == 50
    heap = door.ask("heap")
    assert heap["free"] > 8_000, heap
    for client in (cloud, office):
        client.close()
    door.stop()
    assert door.restarts == 0
    kept = {event["seq"]: event for event in journal(door.flash)}
    assert all(kept[seq] == event for seq, event in came.items() if seq in kept)


DYING = """
from companion.net.uplink import Uplink

async def die(self):
    raise OSError(19)

Uplink.run = die
from flash_file import Device
"""


def test_a_line_that_dies_again_and_again_leaves_the_gate_alone(tmp_path: Path, broker: Broker) -> None:
    (tmp_path / "dying.py").write_text(DYING)
    companion = VirtualCompanion(image(tmp_path, broker), options=["--device", "dying"], path=[tmp_path])
    with companion as door:
        door.advance(500_000)
        assert verdict(door, token(generation=43)) == "open"
        assert door.restarts == 0
        mark = door.mark()
        door.advance(100_000)
        door.wait(lambda seen: seen.get("task") == "uplink", since=mark)
        door.wait(lambda seen: "ready" in seen, since=mark, timeout=30)
        assert (door.restarts, verdict(door, token(generation=43))) == (1, "open")
    told = journal(companion.flash)
    assert [event["kind"] for event in told] == ["boot", "opened", "fault", "boot", "opened"]
    assert told[3]["at"] >= NOW + 600, "what was known of the time is kept"
