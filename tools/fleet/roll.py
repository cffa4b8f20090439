"""The roll of a fleet: doors enrolled in a hotel, each with its link key and certificate, written for the shards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from lockmate import doors, keys, pki, properties
from lockmate.db import transaction
from lockmate.keys.models import Key
from lockmate.properties.models import Door
from lockmate.staff import Actor

if TYPE_CHECKING:
    from collections.abc import Callable

    from lockmate.properties import Property

_AT_A_TIME = 250


def write(folder: Path, property: Property, count: int, place: tuple[str, int, str],
          told: Callable[[int], None] = lambda _done: None) -> Path:
    """Enrol `count` doors with a companion each, by the cloud's own verbs; the file for `shard`.

    place: the broker's host, port and name.
    Only what is missing of an earlier roll in the same folder is made.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / "roll.json"
    key_id = _key_id(property)
    listed = json.loads(file.read_text("utf-8"))["doors"] if file.exists() else []
    while len(listed) < count:
        with transaction():
            for number in range(len(listed), min(count, len(listed) + _AT_A_TIME)):
                listed.append(_enrol(folder, property, 10_000 + number))
        told(len(listed))
    host, port, name = place
    told_to_shards = {"host": host, "port": port, "name": name, "key_id": key_id, "doors": listed}
    file.write_text(json.dumps(told_to_shards), "utf-8")
    return file


def _key_id(property: Property) -> str:
    """A key that the books know: an open by another would be an alarm."""
    if not Key.select().where(Key.property == property).exists():
        keys.printed_set(property, by=Actor.system(property))
    found: str = Key.get(Key.property == property).key_id
    return found


def _enrol(folder: Path, property: Property, number: int) -> dict[str, str]:
    door: Door = properties.add_door(property, number, str(number), "room")
    companion_id = f"fleet-{number:06}"
    device = pki.device_key(companion_id)
    enrolled = doors.companions.enrol(property, door, companion_id, device.request)
    files = enrolled.files
    key = serialization.load_der_private_key(device.key_der, None)
    certificate = x509.load_der_x509_certificate(files["/cert.der"])
    private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(*private)
    (folder / f"{companion_id}.pem").write_bytes(pem)
    if not (folder / "ca.pem").exists():
        ca = x509.load_der_x509_certificate(files["/ca.der"])
        (folder / "ca.pem").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    return {"id": companion_id, "link_key": enrolled.config["link_key"]}
