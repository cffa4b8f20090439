"""The cloud's side of the line for tests, written from the protocol's text: it shares no code with either half."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tools.processes import LOOPBACK
from tools.tests.net_parts import NAME, Cloud

if TYPE_CHECKING:
    from tools.tests.net_parts import Broker

COMPANION = "c-801-test"
DOOR = 801
LINK_KEY = bytes(range(32))
PROPERTY = bytes.fromhex("5c1a9f0e77d2b436")
NOW = 1_795_453_300
TOPIC = f"lm/1/{COMPANION}"
POLICY_KEY = Ed25519PrivateKey.from_private_bytes(b"p" * 32)
TRUST = [{"slot": 8, "key": POLICY_KEY.public_key().public_bytes_raw().hex(), "kinds": ["policy"]}]


def sealed(topic: str, link_key: bytes = LINK_KEY, **members: Any) -> bytes:
    """A JSON document with its mac, as the protocol says."""
    text = json.dumps(members, separators=(",", ":"))[:-1].encode()
    return text + b',"mac":"' + hmac.new(link_key, topic.encode() + text, hashlib.sha256).hexdigest().encode() + b'"}'


def bstr(data: bytes) -> bytes:
    """A CBOR byte string."""
    size = len(data)
    head = bytes([0x40 + size]) if size < 24 else b"\x58" + bytes([size]) if size < 256 else b"\x59" + size.to_bytes(2)
    return head + data


def policy(version: int, key: Ed25519PrivateKey = POLICY_KEY, **changes: Any) -> bytes:
    """A signed policy for the door."""
    document = {
        "version": version,
        "door": DOOR,
        "class": "room",
        "zones": [],
        "generation": 3,
        "staff_epoch": 0,
        "emergency_epoch": 0,
        "clock_epoch": 0,
        "min_iat": 0,
        "deny": "",
        "mode": "normal",
        "mode_until": 0,
        "schedule": [],
        "trust": TRUST,
        "clock_lost": "guests",
        "settings": {},
        "issued_at": NOW,
        **changes,
    }
    payload = json.dumps(document, separators=(",", ":")).encode()
    aad = b"HP1\x08" + PROPERTY + DOOR.to_bytes(4)
    signed = b"\x84\x6aSignature1\x43\xa1\x01\x32" + bstr(aad) + bstr(payload)
    return b"\x08" + key.sign(signed) + payload


def hash_of(wire: bytes) -> str:
    """A policy's hash as `state` tells it."""
    return hashlib.sha256(wire[65:]).hexdigest()[:16]


class Hotel:
    """Both of the cloud's accounts, speaking for one door."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.link_keys = [LINK_KEY]  # those that the door may speak under, the newest last
        self.ingest = Cloud(broker, "cloud-ingest")
        self.delivery = Cloud(broker, "cloud-delivery")

    def events(self) -> list[dict[str, Any]]:
        """Every event heard, once each, by seq; every tag is checked."""
        found: dict[int, dict[str, Any]] = {}
        for line in self.ingest.lines():
            tag, _, body = line.partition(" ")
            assert tag in {hmac.new(key, body.encode(), hashlib.sha256).hexdigest()[:16] for key in self.link_keys}
            event = {**json.loads(body), "tag": tag}
            assert found.setdefault(event["seq"], event) == event, "a written line never changes"
        return [found[seq] for seq in sorted(found)]

    def wait_for_event(self, kind: str, number: int = 1, **facts: Any) -> dict[str, Any]:
        """The number-th event of a kind with these facts, once it is here."""

        def found() -> dict[str, Any] | None:
            match = [e for e in self.events() if e["kind"] == kind and all(e.get(k) == v for k, v in facts.items())]
            return match[number - 1] if len(match) >= number else None

        event: dict[str, Any] = self.ingest.wait(found)
        return event

    def ack(
        self, event: dict[str, Any], at: int = NOW, version: int = 0, key: bytes = LINK_KEY, **changes: Any
    ) -> None:
        """Tell the door that everything up to this event is stored."""
        document = {
            "log": event["log"],
            "seq": event["seq"],
            "tag": event["tag"],
            "at": at,
            "door": DOOR,
            "policy_version": version,
            **changes,
        }
        self.ingest.say(f"{TOPIC}/down/ack", sealed(f"{TOPIC}/down/ack", key, **document))

    def state(self, **facts: Any) -> dict[str, Any]:
        """The first state with these facts, its mac checked, once it is here."""

        def found() -> dict[str, Any] | None:
            for message in list(self.ingest.heard):
                if message.topic.endswith("/state") and b'"online"' not in message.payload:
                    text, mac = message.payload[:-74], message.payload[-66:-2]
                    said = message.topic.encode() + text
                    assert mac in {hmac.new(key, said, hashlib.sha256).hexdigest().encode() for key in self.link_keys}
                    document: dict[str, Any] = json.loads(text + b"}")
                    if all(document.get(name) == value for name, value in facts.items()):
                        return document
            return None

        state: dict[str, Any] = self.ingest.wait(found)
        return state

    def wait_to_be_back(self) -> None:
        """After a restart of the broker: listen again, or what the doors say meanwhile goes nowhere."""
        self.ingest.wait(lambda: self.ingest.again() == 2)

    def close(self) -> None:
        """Go home."""
        self.ingest.close()
        self.delivery.close()


def door_config(port: int) -> dict[str, Any]:
    """What a provisioned companion of this door has in `/config.json`; port: the broker's."""
    return {
        "companion_id": COMPANION,
        "property_id": PROPERTY.hex(),
        "door": DOOR,
        "link_key": LINK_KEY.hex(),
        "broker": {"host": LOOPBACK, "port": port, "name": NAME},
        "trust": TRUST,
        "wifi": [],
    }
