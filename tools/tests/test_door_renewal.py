"""A door's certificate is renewed through a real Mosquitto: the key is made on board, and the new one proved first."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import padding, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tools.processes import LOOPBACK
from tools.tests.cloud_parts import COMPANION, LINK_KEY, NOW, TOPIC, Hotel, door_config, policy, sealed
from tools.tests.net_parts import HURRY, NAME, Authority, Broker, Door

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.broker
RENEW = f"{TOPIC}/down/renew"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A CA with everybody's certificates."""
    folder = tmp_path / "pki"
    folder.mkdir()
    made = Authority(folder)
    made.certificate(NAME, server=True)
    for name in (COMPANION, "cloud-ingest", "cloud-delivery"):
        made.certificate(name)
    return made


@pytest.fixture
def start(authority: Authority, broker: Broker, tmp_path: Path) -> Iterator[Callable[[], Door]]:
    """Starts the door, again with the same flash folder."""
    doors: list[Door] = []
    flash = tmp_path / "flash"
    (flash / "beliefs").mkdir(parents=True)
    (tmp_path / "provisioned").write_bytes(policy(1000))
    config = door_config(broker.port)
    for name, file in (("ca", "ca.der"), ("cert", f"{COMPANION}.der"), ("key", f"{COMPANION}.key.der")):
        (flash / f"{name}.der").write_bytes((authority.folder / file).read_bytes())
    (flash / "config.json").write_text(json.dumps(config))

    def make() -> Door:
        setup = {"mode": "uplink", "plain": False, "host": LOOPBACK, "port": broker.port, "name": NAME,
                 "timing": HURRY, "folder": str(flash), "policy": str(tmp_path / "provisioned"), "floor": NOW - 1000,
                 "config": config}  # fmt: skip
        path = tmp_path / f"door{len(doors)}.json"
        path.write_text(json.dumps(setup))
        doors.append(Door(path, 32))
        return doors[-1]

    yield make
    for door in doors:
        if door.alive:
            door.kill()


def point(hotel: Hotel, version: int) -> bytes:
    """The public point that the door tells for a renewal, once it does."""

    def found() -> str | None:
        keys = [s["renewal"]["key"] for s in hotel.ingest.states() if s.get("renewal", {}).get("version") == version]
        return keys[-1] if keys else None

    return bytes.fromhex(hotel.ingest.wait(found))


def certified(authority: Authority, key: bytes) -> bytes:
    """A certificate (DER) for a door's public point."""
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + key)
    return authority.certify(COMPANION, public).public_bytes(serialization.Encoding.DER)


def fingerprint(certificate: bytes) -> str:
    """As the state tells it."""
    return hashlib.sha256(certificate).hexdigest()[:16]


def say(hotel: Hotel, **members: Any) -> None:
    """A renewal, retained."""
    hotel.delivery.say(RENEW, sealed(RENEW, **members), retain=True)


def hidden(networks: list[dict[str, str]], key: bytes = LINK_KEY) -> str:
    """Networks as they travel, from the protocol's text."""
    iv = os.urandom(16)
    padder = padding.PKCS7(128).padder()
    plain = padder.update(json.dumps(networks).encode()) + padder.finalize()
    cipher = Cipher(algorithms.AES(hmac.new(key, b"HW1", hashlib.sha256).digest()), modes.CBC(iv)).encryptor()
    return base64.b64encode(iv + cipher.update(plain) + cipher.finalize()).decode()


def test_a_certificate_is_renewed_with_a_key_made_on_board(
    start: Any, hotel: Hotel, broker: Broker, authority: Authority, tmp_path: Path
) -> None:
    door = start()
    first = (tmp_path / "flash" / "cert.der").read_bytes()
    hotel.ingest.wait(lambda: [s for s in hotel.ingest.states() if s.get("certificate") == fingerprint(first)])
    say(hotel, version=5, what="key")
    key = point(hotel, 5)
    certificate = certified(authority, key)
    say(hotel, version=5, what="certificate", certificate=base64.b64encode(certificate).decode())
    hotel.wait_for_event("update", renewed="certificate")
    hotel.ingest.wait(lambda: [
        s for s in hotel.ingest.states() if s.get("renewed") == 5 and s["certificate"] == fingerprint(certificate)
    ])  # fmt: skip
    assert (tmp_path / "flash" / "cert.der").read_bytes() == certificate
    assert not any("key" in state.get("renewal", {}) for state in hotel.ingest.states()[-1:])
    authority.revoke(x509.load_der_x509_certificate(first))
    broker.kill()
    broker.start()
    hotel.wait_to_be_back()
    door.tell(write="ajar")
    hotel.wait_for_event("ajar")
    door.kill()
    again = start()
    hotel.wait_for_event("boot", 2)
    assert again.alive


def test_a_new_certificate_that_the_broker_refuses_leaves_the_old_in_use(
    start: Any, hotel: Hotel, authority: Authority, tmp_path: Path
) -> None:
    door = start()
    first = (tmp_path / "flash" / "cert.der").read_bytes()
    stranger_folder = tmp_path / "stranger"
    stranger_folder.mkdir()
    stranger = Authority(stranger_folder, "stranger")
    say(hotel, version=5, what="key")
    key = point(hotel, 5)
    wrong = certified(stranger, key)
    say(hotel, version=5, what="certificate", certificate=base64.b64encode(wrong).decode())
    number = len(door.all("link"))
    door.wait(link="down", why="a renewal is tried")
    door.wait("link", link="up", since=number)
    door.tell(write="ajar")
    hotel.wait_for_event("ajar")
    assert (tmp_path / "flash" / "cert.der").read_bytes() == first
    for _ in range(2):
        door.tell(advance_ms=240_000)
        seen = len(door.said)
        door.wait(link="up", since=seen)
    hotel.wait_for_event("fault", fault="renewal", code="certificate")
    right = certified(authority, key)
    say(hotel, version=5, what="certificate", certificate=base64.b64encode(right).decode())
    hotel.wait_for_event("update", renewed="certificate")
    assert (tmp_path / "flash" / "cert.der").read_bytes() == right


def test_a_renewal_that_is_wrong_anywhere_changes_nothing(start: Any, hotel: Hotel, authority: Authority) -> None:
    door = start()
    door.wait(link="up")
    hotel.ack(hotel.wait_for_event("boot"), version=1000)
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    another = base64.b64encode(authority.certify(COMPANION, key).public_bytes(serialization.Encoding.DER)).decode()
    good = {"version": 5, "what": "key"}
    networks = hidden([{"ssid": "New", "password": "x"}])
    wrong = [
        sealed(RENEW, **good)[:-3] + b'x"}',
        sealed(f"{TOPIC}/down/ack", **good),
        json.dumps(good).encode(),
        sealed(RENEW, what="key"),
        sealed(RENEW, version=True, what="key"),
        sealed(RENEW, version=0, what="key"),
        sealed(RENEW, version=5, what="firmware"),
        sealed(RENEW, version=5, what="certificate", certificate=another),
        sealed(RENEW, version=5, what="networks", sealed=hidden([])),
        sealed(RENEW, version=5, what="networks", sealed=hidden([{"ssid": "New"}])),  # type: ignore[list-item]
        sealed(RENEW, version=5, what="networks", sealed=hidden([{"ssid": "a", "password": "b"}], b"k" * 32)),
        sealed(RENEW, version=5, what="networks", sealed=networks[:-4]),
        sealed(RENEW, version=5, what="networks", sealed=5),
        b"x" * 2_049,
    ]
    for payload in wrong:
        hotel.delivery.say(RENEW, payload)
    for _ in range(2_000):
        known = door.ask()
        if known["ignored"] == len(wrong):
            break
    assert known["ignored"] == len(wrong)
    assert known["renewing"] is None
    hotel.delivery.say(RENEW, b"", retain=True)
    assert door.ask()["ignored"] == len(wrong), "an empty one says that there is none"


def test_an_older_renewal_does_not_come_back(start: Any, hotel: Hotel, authority: Authority) -> None:
    door = start()
    say(hotel, version=5, what="key")
    key = point(hotel, 5)
    say(hotel, version=7, what="key")
    newer = point(hotel, 7)
    assert newer != key
    say(hotel, version=5, what="certificate", certificate=base64.b64encode(certified(authority, key)).decode())
    say(hotel, version=7, what="certificate", certificate=base64.b64encode(certified(authority, newer)).decode())
    hotel.wait_for_event("update", renewed="certificate")
    say(hotel, version=6, what="networks", sealed=hidden([{"ssid": "Old", "password": "old"}]))
    door.tell(write="ajar")
    hotel.wait_for_event("ajar")
    assert door.ask()["renewing"] is None
