"""A door for tests of the virtual companion: its flash image, policies and tokens, signed with the public test keys."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import base45
import cbor2
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tools.hotel.fitting import journal_of
from tools.virtual.image import make_image
from tools.virtual.store import learned

PROPERTY = bytes.fromhex("5c1a9f0e77d2b436")
LINK_KEY = hashlib.sha256(b"lockmate test link key").digest()
KEY_ID = "9f86d081884c7d65"
NOW = 1795453300
_PROTECTED = b"\xa1\x01\x32"
_KINDS = {0: ["guest", "remote", "reset"], 4: ["staff", "emergency"], 8: ["policy"]}


def private(slot: int) -> Ed25519PrivateKey:
    """The test key of a slot, as docs/vectors/make_hk1.py has it."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"lockmate test key %d" % slot).digest())


def trusted() -> list[dict[str, Any]]:
    """The trust list of the test property."""
    raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
    return [
        {"slot": slot, "key": private(slot).public_key().public_bytes(*raw).hex(), "kinds": kinds}
        for slot, kinds in _KINDS.items()
    ]


def _signed(slot: int, aad: bytes, payload: bytes) -> bytes:
    return private(slot).sign(cbor2.dumps(["Signature1", _PROTECTED, aad, payload]))


def policy(version: int = 1000, **changed: Any) -> bytes:
    """A policy's wire for door 801."""
    document = {
        "version": version, "door": 801, "class": "room", "zones": [3], "generation": 42, "staff_epoch": 3,
        "emergency_epoch": 1, "clock_epoch": 0, "min_iat": 0, "deny": "", "mode": "normal", "mode_until": 0,
        "schedule": [], "trust": trusted(), "clock_lost": "guests", "settings": {"bolt_ms": 100}, "issued_at": NOW,
        **changed,
    }  # fmt: skip
    body = json.dumps(document, separators=(",", ":")).encode()
    return bytes([8]) + _signed(8, b"HP1\x08" + PROPERTY + struct.pack(">I", 801), body) + body


def token(*, generation: int = 42, door: int = 801, once: int = 0, key: str = KEY_ID, signer: int = 0) -> str:
    """A guest token's text, good for an hour."""
    return _token(struct.pack(">BBII8sI", 0x10, once << 4, door, 0, bytes.fromhex(key), generation), signer)


def staff_token() -> str:
    """A staff token's text for door 801, good for an hour."""
    return _token(struct.pack(">BBII8sI", 0x14, 0x20, 801, 0, bytes.fromhex(KEY_ID), 3), 4)


def _token(head: bytes, signer: int) -> str:
    record = head + struct.pack(">III", NOW - 100, NOW + 3600, NOW - 200)
    payload = cbor2.dumps({4: NOW + 3600, 5: NOW - 100, 6: NOW - 200, 7: record[2:22]})
    signature = private(signer).sign(cbor2.dumps(["Signature1", _PROTECTED, b"HK1" + record[:2] + PROPERTY, payload]))
    return "HK1:" + base45.b45encode(record + signature).decode()


def config(**changed: Any) -> bytes:
    """A door's config.json, without a broker."""
    document = {
        "companion_id": "c-801-test", "property_id": PROPERTY.hex(), "door": 801, "link_key": LINK_KEY.hex(),
        "broker": None, "trust": trusted(), "wifi": [], "profile": "sim", **changed,
    }  # fmt: skip
    return json.dumps(document).encode()


def flash(folder: Path, files: dict[str, bytes] | None = None) -> Path:
    """A fresh flash image for door 801; `files` in place of what the installer writes."""
    if files is None:
        files = {"/config.json": config(), "/policy": policy()}
    return make_image(folder / "flash.img", files)


def journal(image: Path) -> list[dict[str, Any]]:
    """The events on a flash image, oldest first."""
    return [json.loads(line) for _tag, line in journal_of(image)]


def learned_floor(image: Path) -> int:
    """The clock's floor as it is on a flash image."""
    body = learned(image.read_bytes())
    assert body is not None
    floor: int = struct.unpack_from(">I", body, 16)[0]
    return floor
