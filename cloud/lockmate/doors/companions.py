"""Companions: enrolled (everything that goes on their flash), heard, retired."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from peewee import JOIN

from lockmate import clock, pki
from lockmate import settings as house
from lockmate.db import transaction
from lockmate.doors import certificates, denials, link, linking, policies, renewals
from lockmate.doors.certificates import REVOKING
from lockmate.doors.errors import BadCompanion, CompanionExists
from lockmate.doors.models import Companion, JournalLog, Revocation
from lockmate.doors.reports import Heard, heard
from lockmate.errors import NotFound
from lockmate.keys import issuer
from lockmate.properties.models import Door, Property
from lockmate.protocol import COMPANION_ID
from lockmate.staff import Actor, audit, once

__all__ = [
    "REVOKING", "Enrolment", "Heard", "assign", "by_id", "crl", "enrol", "heard", "offline", "renew", "replace",
    "retire",
]

_RESERVED = "cloud-"  # common names of the cloud's own workers


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A companion, and what goes on its flash beside its own key; `files` hold its link key: kept nowhere else."""

    companion: Companion
    config: dict[str, Any] = field(repr=False)
    files: dict[str, bytes] = field(repr=False)


def enrol(
    property: Property,
    door: Door | None,
    companion_id: str,
    request: bytes,
    *,
    profile: str = "sim",
    wifi: tuple[tuple[str, str], ...] = (),
    by: Actor | None = None,
) -> Enrolment:
    """A companion enters service at a door: certificate, link key, config and the door's current policy.

    `door`: None for a spare, which waits for one. `request`: for a certificate, by the key that the device keeps
    (`pki.device_key`). `wifi`: (name, password) of networks to try. A retired id may be enrolled again; raises
    BadCompanion, pki.BadRequest, or CompanionExists while it is in service.
    """
    if not COMPANION_ID.fullmatch(companion_id) or companion_id.startswith(_RESERVED):
        raise BadCompanion(field="companion_id", value=companion_id)
    if door is not None and door.property_id != property.id:
        raise NotFound(what="door")
    ca = pki.authority(property.property_id)
    certificate = ca.sign_request(request, companion_id)
    link_key = os.urandom(32)
    by = by or Actor.system(property)
    by.within(property.id)
    with transaction():
        companion = _enter(property, door, companion_id, link_key, certificate)
        audit.record(by, "companion:enrol", f"companion {companion_id}", door=door.name if door else "")
        if door is not None:
            denials.inherit(door)
            linking.expect(companion, door)
        config = _config(property, door, companion_id, link_key, profile, wifi)
        policy = policies.publish(door) if door is not None else None
    files = {
        "/config.json": link.compact(config),
        "/ca.der": ca.der,
        "/cert.der": certificates.der_of(certificate),
    }
    if policy is not None:
        files["/policy"] = policies.wire(policy)
    return Enrolment(companion, config, files)


def renew(companion: Companion, request: bytes, *, by: Actor) -> bytes:
    """A new certificate (DER) for a new key of a companion in service; the old one goes on the revocation list."""
    by.within(companion.property_id)
    certificate = pki.authority(companion.property.property_id).sign_request(request, companion.companion_id)
    with transaction():
        _require_in_service(companion)
        old, companion.certificate_serial = companion.certificate_serial, certificates.serial_of(certificate)
        Companion.update(
            certificate_serial=companion.certificate_serial, certificate_ends=certificates.ends_of(certificate)
        ).where(Companion.id == companion.id).execute()
        certificates.revoke(companion.property, old)
        renewals.abandon(companion)
        audit.record(by, "companion:renew", f"companion {companion.companion_id}")
    return certificates.der_of(certificate)


def assign(spare: Companion, door: Door, *, by: Actor) -> None:
    """A spare takes its place at a door; it learns which from its next fresh ack. Raises CompanionExists."""
    by.within(spare.property_id)
    if door.property_id != spare.property_id:
        raise NotFound(what="door")
    with transaction():
        _require_in_service(spare)
        waiting = (Companion.id == spare.id, Companion.door.is_null())
        if not Companion.update(door=door).where(*waiting).execute():
            raise CompanionExists(companion=spare.companion_id)
        spare.door = door
        linking.expect(spare, door)
        policies.publish(door)
        audit.record(by, "companion:assign", f"companion {spare.companion_id}", door=door.name)


@once("companion:retire")
def retire(companion: Companion, *, by: Actor) -> None:
    """Take a companion out of service that is off the wall: its door is not asked about it any more.

    Its certificate goes on the revocation list, which the broker is made to read (delivery/revoking.py). One that still
    hangs beside its lock goes on opening for the keys that it knows: take it down first.
    """
    by.within(companion.property_id)
    with transaction():
        Companion.update(state="retired", online=False).where(Companion.id == companion.id).execute()
        companion.state, companion.online = "retired", False
        certificates.revoke(companion.property, companion.certificate_serial)
        renewals.abandon(companion)
        audit.record(by, "companion:retire", f"companion {companion.companion_id}")


def replace(companion: Companion, companion_id: str, request: bytes, *, profile: str = "sim",
            wifi: tuple[tuple[str, str], ...] = (), by: Actor) -> Enrolment:
    """Another board in the place of this one, at the same door, in one transaction: the door is never without.

    `companion_id` may be the same: a board that was wiped is provisioned anew, with new secrets.
    """
    door = companion.door
    if companion.state != "in_service" or door is None:
        raise NotFound(what="companion")
    with transaction():
        retire(companion, by=by)
        return enrol(companion.property, door, companion_id, request, profile=profile, wifi=wifi, by=by)


def crl(property: Property) -> bytes:
    """The property's certificate revocation list (PEM)."""
    rows = Revocation.select().where(Revocation.property == property).order_by(Revocation.id)
    return pki.authority(property.property_id).crl((row.serial, row.at) for row in rows)


def by_id(companion_id: str) -> Companion | None:
    """The companion with this id, in service or retired, with door and property joined."""
    found: Companion | None = (
        Companion.select(Companion, Door, Property)
        .join(Door, JOIN.LEFT_OUTER)
        .switch(Companion)
        .join(Property)
        .where(Companion.companion_id == companion_id)
        .first()
    )
    return found


def offline(companion: Companion) -> None:
    """The broker published its last will: a hint for the online light, nothing else."""
    with transaction():
        Companion.update(online=False).where(Companion.id == companion.id).execute()
    companion.online = False


def _require_in_service(companion: Companion) -> None:
    if Companion.get_by_id(companion.id).state != "in_service":
        raise NotFound(what="companion")


def _enter(
    property: Property, door: Door | None, companion_id: str, link_key: bytes, certificate: x509.Certificate
) -> Companion:
    """The row of a companion that enters service; an earlier service of that id is forgotten but for its records."""
    companion = Companion.get_or_none(Companion.companion_id == companion_id)
    if companion is not None and (companion.state == "in_service" or companion.property_id != property.id):
        raise CompanionExists(companion=companion_id)
    fresh = {
        "property": property,
        "door": door,
        "link_key": link.seal_key(companion_id, link_key),
        "certificate_serial": certificates.serial_of(certificate),
        "certificate_ends": certificates.ends_of(certificate),
        "state": "in_service",
        "enrolled_at": clock.now_ms(),
        "online": False,
        "heard_at": None,
        "log": "",
        "seq": 0,
        "policy_version": 0,
        "policy_hash": "",
        "policy_confirmed_at": None,
        "generation": 0,
        "clock_lo": None,
        "clock_hi": None,
        "report": "{}",
        "resent_at": 0,
        "link_n": 0,
        "link_other": None,
    }
    if companion is None:
        return Companion.create(companion_id=companion_id, **fresh)
    JournalLog.delete().where(JournalLog.companion == companion).execute()
    Companion.update(**fresh).where(Companion.id == companion.id).execute()
    return Companion.get_by_id(companion.id)


def _config(
    property: Property,
    door: Door | None,
    companion_id: str,
    link_key: bytes,
    profile: str,
    wifi: tuple[tuple[str, str], ...],
) -> dict[str, Any]:
    broker = house.current()
    return {
        "companion_id": companion_id,
        "property_id": property.property_id,
        "door": door.number if door is not None else 0,
        "link_key": link_key.hex(),
        "broker": {"host": broker.broker_host, "port": broker.broker_port, "name": broker.broker_name},
        "trust": issuer.provisioned(property),
        "wifi": [{"ssid": name, "password": password} for name, password in wifi],
        "profile": profile,
    }
