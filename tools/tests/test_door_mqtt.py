"""The door's MQTT client in MicroPython, both word sizes, against a real Mosquitto with certificates on both sides."""

from __future__ import annotations

import datetime as dt
import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from lockmate import pki, settings
from lockmate.delivery import broker as configuration
from tools.processes import LOOPBACK, Process, free_port
from tools.tests.net_parts import HURRY, NAME, Authority, Broker, Cloud, Door

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.broker

DOOR = "c-801-test"
EVENTS = f"lm/1/{DOOR}/up/events"
POLICY = f"lm/1/{DOOR}/down/policy"
ACK = f"lm/1/{DOOR}/down/ack"

Start = "Callable[..., Door]"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A CA with everybody's certificates."""
    made = Authority(tmp_path_factory.mktemp("pki"))
    made.certificate(NAME, server=True)
    for name in (DOOR, "cloud-ingest", "cloud-delivery"):
        made.certificate(name)
    return made


@pytest.fixture
def cloud(broker: Broker) -> Iterator[Callable[[str], Cloud]]:
    """Starts clients of the cloud."""
    started: list[Cloud] = []

    def start(user: str) -> Cloud:
        started.append(Cloud(broker, user))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture(params=[32, 64], ids=["32-bit", "64-bit"])
def start(request: pytest.FixtureRequest, authority: Authority, tmp_path: Path) -> Iterator[Start]:
    """Starts doors whose client runs alone."""
    doors: list[Door] = []

    def make(port: int, **changes: Any) -> Door:
        files = authority.folder
        setup = {
            "mode": "client",
            "plain": False,
            "companion_id": DOOR,
            "host": LOOPBACK,
            "port": port,
            "name": NAME,
            "ca": str(authority.der),
            "cert": str(files / f"{DOOR}.der"),
            "key": str(files / f"{DOOR}.key.der"),
            "timing": HURRY,
            **changes,
        }
        path = tmp_path / f"door{len(doors)}.json"
        path.write_text(json.dumps(setup))
        doors.append(Door(path, request.param))
        return doors[-1]

    yield make
    for door in doors:
        door.kill()


def test_messages_pass_both_ways(start: Start, broker: Broker, cloud: Callable[[str], Cloud]) -> None:
    ingest, delivery = cloud("cloud-ingest"), cloud("cloud-delivery")
    delivery.say(POLICY, "kept for the door", retain=True)
    door = start(broker.port)
    door.wait("up")
    door.wait(message=POLICY, text="kept for the door")
    texts = [f"{n:04d}" * (n * 25 + 1) for n in range(12)]
    for text in texts:
        door.tell(publish=[EVENTS, text, False])
    ingest.wait(lambda: len(ingest.heard) == len(texts))
    assert [m.payload.decode() for m in ingest.heard] == texts, "in the order they were published, all of them once"
    door.wait_for_many("published", len(texts))
    for n in range(30):
        ingest.say(ACK, f"ack {n}")
    door.wait(message=ACK, text="ack 29")
    assert len(door.all("message")) == 31


def test_the_certificates_that_the_cloud_makes_work(start: Start, tmp_path: Path) -> None:
    settings.use(settings.load({"LOCKMATE_DATA": str(tmp_path / "data")}))
    own = pki.authority("5c1a9f0e77d2b436", "Demo")
    server, client = own.server(NAME), own.client(DOOR)
    names = {
        "ca.pem": own.pem,
        "ca.der": own.der,
        "ca.crl": own.crl([]),
        f"{NAME}.pem": server.pem,
        f"{NAME}.key": server.key_pem,
        "door.der": client.der,
        "door.key.der": client.key_der,
    }
    for name, content in names.items():
        pki.write_private(tmp_path / name, content)
    written = configuration.write(
        tmp_path / "own",
        configuration.Certificates(*(tmp_path / n for n in ("ca.pem", f"{NAME}.pem", f"{NAME}.key", "ca.crl"))),
        port=free_port(),
    )
    port = int(written.conf.read_text().split("listener ")[1].split()[0])
    with Process("broker", written.argv, log=tmp_path / "broker.log") as process:
        process.wait_for_port(port)
        door = start(
            port, ca=str(tmp_path / "ca.der"), cert=str(tmp_path / "door.der"), key=str(tmp_path / "door.key.der")
        )
        door.wait("up")
        door.tell(publish=[EVENTS, "hello", False])
        door.wait(published=0)


def test_a_door_that_loses_power_is_told_by_its_will(
    start: Start, broker: Broker, cloud: Callable[[str], Cloud]
) -> None:
    ingest = cloud("cloud-ingest")
    door = start(broker.port)
    door.wait("up")
    door.kill()
    ingest.wait(ingest.states)
    assert ingest.states() == [{"online": False}]
    late = cloud("cloud-delivery")
    assert late.heard == [], "the delivery account reads no states"


def test_a_broker_that_dies_and_comes_back_finds_the_door_again(
    start: Start, broker: Broker, cloud: Callable[[str], Cloud]
) -> None:
    door = start(broker.port)
    door.wait(up=1)
    broker.kill()
    door.wait("trouble")
    door.tell(publish=[EVENTS, "into the void", False])
    door.wait(lost=0)
    broker.start()
    door.wait(up=2)
    ingest = cloud("cloud-ingest")
    door.tell(publish=[EVENTS, "back again", False])
    door.wait(published=1)
    ingest.wait(lambda: [m.payload for m in ingest.heard] == [b"back again"])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("ca", "not correctly signed by the trusted CA"),
        ("name", "does not match with the expected CN"),
        ("expired", "validity has expired"),
    ],
)
def test_a_server_that_is_not_ours_is_refused(
    start: Start, broker: Broker, authority: Authority, tmp_path: Path, change: str, why: str
) -> None:
    changes: dict[str, Any] = {}
    port = broker.port
    old = None
    if change == "ca":
        changes["ca"] = str(Authority(tmp_path, "other").der)
    elif change == "name":
        changes["name"] = "another.test"
    else:
        authority.certificate(NAME, server=True, until=dt.datetime(2024, 2, 1, tzinfo=dt.UTC), file="old")
        old = Broker(tmp_path / "old", authority, server="old")
        old.start()
        port = old.port
    door = start(port, **changes)
    troubles = door.wait_for_many("trouble", 3)
    assert all(why in trouble["trouble"] for trouble in troubles)
    assert not door.all("up")
    if change == "expired":
        first_day = 1704067200
        dates = [said["tls_date"] for said in door.all("tls_date")][:3]
        assert dates == [first_day] * 3, "with the time lost and no floor TLS's date is the CA's first day"
    if old is not None:
        old.kill()


@pytest.mark.parametrize("who", ["foreign", "revoked"])
def test_a_door_that_is_refused_does_not_press(start: Start, authority: Authority, tmp_path: Path, who: str) -> None:
    files = authority.folder
    if who == "foreign":
        other = Authority(tmp_path, "other")
        other.certificate(DOOR)
        files = other.folder
    else:
        gone = authority.certificate(DOOR, file="gone")
        authority.revoke(gone)
        for suffix in ("der", "key.der"):
            (tmp_path / f"{DOOR}.{suffix}").write_bytes((files / f"gone.{suffix}").read_bytes())
        files = tmp_path
    strict = Broker(tmp_path / "strict", authority)
    strict.start()
    timing = {"base_ms": 100, "cap_ms": 800, "stable_ms": 60000}
    try:
        door = start(strict.port, cert=str(files / f"{DOOR}.der"), key=str(files / f"{DOOR}.key.der"), timing=timing)
        troubles = door.wait_for_many("trouble", 8)
        assert not door.all("up")
        gaps = [later["ms"] - earlier["ms"] for earlier, later in pairwise(troubles)]
        assert min(gaps) >= 25, "there is a pause before every attempt"
        assert sum(gaps) >= 500, "and the pauses grow: seven without growth would be about 440 ms"
        assert door.processor_s() < 4
    finally:
        strict.kill()
        authority.revoke()  # not before: a broker listens before it reads its list


def test_a_message_that_is_too_long_is_read_past(start: Start, broker: Broker, cloud: Callable[[str], Cloud]) -> None:
    delivery = cloud("cloud-delivery")
    door = start(broker.port)
    door.wait("up")
    for size in (4353, 5000, 16000):
        delivery.say(POLICY, b"\x00" * size)
        delivery.say(POLICY, f"after {size}")
        door.wait(message=POLICY, text=f"after {size}")
    assert [said["size"] for said in door.all("message")][::2] == [-1, -1, -1]
    longest = 4352 - 2 - len(POLICY) - 2
    delivery.say(POLICY, b"1" * longest)
    door.wait(message=POLICY, size=longest)
    assert not door.all("trouble")


def test_a_connection_that_was_refused_leaves_nothing_open(start: Start, broker: Broker) -> None:
    broker.kill()
    door = start(broker.port, timing={"base_ms": 4, "cap_ms": 8, "stable_ms": 1000})
    door.wait_for_many("trouble", 5)
    before = door.descriptors()
    heap = door.all("trouble")[4]["heap"]
    door.wait_for_many("trouble", 300)
    assert door.descriptors() <= before + 1
    assert door.all("trouble")[-1]["heap"] <= heap + 1024
    broker.start()
    door.wait("up")
