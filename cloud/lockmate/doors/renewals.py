"""New certificates and networks for companions in service, over the air (protocol section 6, Renewal).

The door makes its own key and tells the public half under its link key; it tries what is new before it lets go of what
it has. The old certificate is revoked when the door has said that the new one is in use.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from peewee import fn

from lockmate import clock, outbox, pki
from lockmate.db import transaction
from lockmate.doors import certificates, link
from lockmate.doors.errors import BadNetworks
from lockmate.doors.models import Companion, Renewal
from lockmate.errors import NotFound
from lockmate.protocol import TOPIC_RENEW
from lockmate.staff import Actor, audit

if TYPE_CHECKING:
    from collections.abc import Sequence

DUE_MS = 3 * 365 * 86_400_000  # before a certificate's end: doors that are away for years still get theirs
_UNKNOWN_MS = 10 * 365 * 86_400_000  # what those certificates last whose end was not written down
_AGAIN_MS = 600_000
_PULL_MS = 20_000
_AT_A_TIME = 20
_NETWORKS_MAX, _SSID_MAX, _PASSWORD_MAX = 8, 32, 64  # bytes, IEEE 802.11
_PLAIN_MAX = 1_400  # bytes, so that the document has at most the 2,048 that a door reads
_SEAL = b"HW1"
_POINT_HEX = 128


def renew_certificate(companion: Companion, *, by: Actor) -> Renewal:
    """Ask a companion to make a new key; its certificate follows by itself. Takes the place of a renewal under way."""
    return _begin(companion, "key", {}, by)


def renew_networks(companion: Companion, networks: Sequence[tuple[str, str]], *, by: Actor) -> Renewal:
    """Give a companion other networks, (name, password) in order of preference. Raises BadNetworks.

    The door keeps those it has until it has reached the broker by one of the new.
    """
    if not 0 < len(networks) <= _NETWORKS_MAX:
        raise BadNetworks(count=len(networks))
    for name, password in networks:
        if not 0 < len(name.encode()) <= _SSID_MAX or len(password.encode()) > _PASSWORD_MAX:
            raise BadNetworks(network=name)
    listed = [{"ssid": name, "password": password} for name, password in networks]
    plain = json.dumps(listed, ensure_ascii=False, separators=(",", ":")).encode()
    if len(plain) > _PLAIN_MAX:
        raise BadNetworks(bytes=len(plain))
    return _begin(companion, "networks", {"sealed": seal(link.key_of(companion), plain)}, by)


def seal(link_key: bytes, plain: bytes, iv: bytes = b"") -> str:
    """AES-256-CBC under the link key's own seal key, base64(iv || blocks); the document's mac proves who said it."""
    iv = iv or os.urandom(16)
    padder = padding.PKCS7(128).padder()
    padded = padder.update(plain) + padder.finalize()
    cipher = Cipher(algorithms.AES(hmac.digest(link_key, _SEAL, "sha256")), modes.CBC(iv)).encryptor()
    return base64.b64encode(iv + cipher.update(padded) + cipher.finalize()).decode()


def unseal(link_key: bytes, sealed: str) -> bytes:
    """What `seal` sealed under this key."""
    raw = base64.b64decode(sealed)
    cipher = Cipher(algorithms.AES(hmac.digest(link_key, _SEAL, "sha256")), modes.CBC(raw[:16])).decryptor()
    unpadder = padding.PKCS7(128).unpadder()
    return unpadder.update(cipher.update(raw[16:]) + cipher.finalize()) + unpadder.finalize()


def seal_anew(companion: Companion, former: bytes) -> None:
    """A companion's link key changed from `former`: what is under way is said under the one in force.

    Inside the caller's transaction.
    """
    row = under_way(companion)
    if row is None:
        return
    members = link.read(companion, bytes(row.payload))
    if "sealed" in members:
        members["sealed"] = seal(link.key_of(companion), unseal(former, members["sealed"]))
    _say(companion, row, row.what, members)


def heard(companion: Companion, report: dict[str, Any]) -> None:
    """What a state that was kept says of a renewal under way; inside the caller's transaction.

    A state is also the pull: a broker that was killed forgets what it retained a moment ago, so what the door does not
    show to have heard is said again.
    """
    row: Renewal | None = Renewal.get_or_none(Renewal.companion == companion.id, Renewal.done_at.is_null())
    if row is None:
        return
    if row.what == "key":
        told = report.get("renewal")
        if isinstance(told, dict) and told.get("version") == row.version:
            _certify(companion, row, told.get("key"))
            return
    elif row.what == "certificate" and report.get("certificate") == row.fingerprint:
        _take_over(companion, row)
        return
    elif row.what == "networks" and report.get("renewed") == row.version:
        _finish(companion, row)
        return
    now = clock.now_ms()
    if row.put_at <= now - _PULL_MS:
        Renewal.update(put_at=now).where(Renewal.id == row.id).execute()
        _put(companion, bytes(row.payload))


def abandon(companion: Companion) -> None:
    """Forget what was under way: the board got its secrets by cable, or is gone. Inside the caller's transaction."""
    if Renewal.delete().where(Renewal.companion == companion.id).execute():
        _put(companion, b"")


def under_way(companion: Companion) -> Renewal | None:
    """The renewal that is not finished."""
    found: Renewal | None = Renewal.get_or_none(Renewal.companion == companion.id, Renewal.done_at.is_null())
    return found


def tend(now: int) -> int:
    """Begin what is due, a few at a time, and put out again what may have been lost; how many."""
    ends = fn.COALESCE(Companion.certificate_ends, Companion.enrolled_at + _UNKNOWN_MS)
    busy = Renewal.select(Renewal.companion).where(Renewal.done_at.is_null())
    due = Companion.select().where(Companion.state == "in_service", ends <= now + DUE_MS, Companion.id.not_in(busy))
    done = 0
    for companion in list(due.order_by(ends).limit(_AT_A_TIME)):
        if pki.authority(companion.property.property_id).ends_ms <= (companion.certificate_ends or 0):
            continue  # none can last longer than its CA
        renew_certificate(companion, by=Actor.system(companion.property))
        done += 1
    lost = Renewal.select(Renewal, Companion).join(Companion).where(
        Renewal.done_at.is_null(), Companion.online, Renewal.put_at <= now - _AGAIN_MS)  # fmt: skip
    for row in list(lost.limit(_AT_A_TIME)):
        with transaction():
            Renewal.update(put_at=now).where(Renewal.id == row.id).execute()
            _put(row.companion, bytes(row.payload))
        done += 1
    return done


def _begin(companion: Companion, what: str, members: dict[str, Any], by: Actor) -> Renewal:
    by.within(companion.property_id)
    with transaction():
        companion = Companion.get_by_id(companion.id)
        if companion.state != "in_service":
            raise NotFound(what="companion")
        former: Renewal | None = Renewal.get_or_none(Renewal.companion == companion.id)
        told = json.loads(companion.report).get("renewed", 0)
        known = [former.version if former else 0, told if isinstance(told, int) else 0]
        version = max(clock.now_ms(), *(number + 1 for number in known))
        Renewal.delete().where(Renewal.companion == companion.id).execute()
        row: Renewal = Renewal.create(companion=companion, version=version, what=what, payload=b"",
                                      made_at=clock.now_ms(), put_at=clock.now_ms())  # fmt: skip
        _say(companion, row, what, members)
        audit.record(by, "companion:renew", f"companion {companion.companion_id}", what=what)
        return row


def _certify(companion: Companion, row: Renewal, key: object) -> None:
    """A certificate for the key that the door made; a key that is none changes nothing."""
    if not isinstance(key, str) or len(key) != _POINT_HEX:
        return
    try:
        point = bytes.fromhex(key)
        certificate = pki.authority(companion.property.property_id).certify(point, companion.companion_id)
    except (ValueError, pki.BadRequest):
        return
    row.what = "certificate"
    row.serial = certificates.serial_of(certificate)
    row.fingerprint = certificates.fingerprint_of(certificate)
    row.ends_at = certificates.ends_of(certificate)
    text = base64.b64encode(certificates.der_of(certificate)).decode()
    _say(companion, row, "certificate", {"certificate": text})


def _take_over(companion: Companion, row: Renewal) -> None:
    """The door uses its new certificate: the old one is refused from now on."""
    old = companion.certificate_serial
    Companion.update(certificate_serial=row.serial, certificate_ends=row.ends_at).where(
        Companion.id == companion.id
    ).execute()
    certificates.revoke(companion.property, old)
    _finish(companion, row)


def _finish(companion: Companion, row: Renewal) -> None:
    Renewal.update(done_at=clock.now_ms(), payload=b"").where(Renewal.id == row.id).execute()
    _put(companion, b"")
    audit.record(Actor.system(companion.property), "companion:renewed", f"companion {companion.companion_id}",
                 what=row.what)  # fmt: skip


def _say(companion: Companion, row: Renewal, what: str, members: dict[str, Any]) -> None:
    topic = TOPIC_RENEW % companion.companion_id
    row.payload = link.seal(companion, topic, {"version": row.version, "what": what, **members})
    row.put_at = clock.now_ms()
    row.save()
    _put(companion, row.payload)


def _put(companion: Companion, payload: bytes) -> None:
    """Retained, so that a door that is away hears it when it is back; empty: there is none any more."""
    outbox.put("mqtt", TOPIC_RENEW % companion.companion_id, payload, property_id=companion.property_id,
               order_key=f"renewal {companion.companion_id}", retained=True)  # fmt: skip
