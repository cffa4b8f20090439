"""Policies: what a door must believe, built, signed, kept, and put out for its companions (protocol section 6)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from peewee import fn

from lockmate import clock, outbox
from lockmate.db import transaction
from lockmate.doors import denials, schedules
from lockmate.doors.errors import PolicyTooLong
from lockmate.doors.link import compact
from lockmate.doors.models import Companion, DoorRules, Policy
from lockmate.doors.rooms import rules_of
from lockmate.keys import issuer, signed, vault
from lockmate.properties.models import Door
from lockmate.protocol import (
    DAY,
    LINK_SALT_BYTES,
    POLICY_BYTES_MAX,
    TOPIC_POLICY,
    TRUST_MAX,
    ZONE_MAX,
)

_RENEW_AHEAD_S = 3 * DAY  # a door that is away for a long weekend still has its hours
_RENEW_LEAST_S = 3_600


def publish(door: Door) -> Policy:
    """Sign the door's present rules as its newest policy, and put it out to each of its companions."""
    with transaction():
        body_of = _document(door, rules_of(door), clock.now_s())
        version = _next_version(door)
        body = compact({"version": version, **body_of})
        if len(body) > POLICY_BYTES_MAX:
            raise PolicyTooLong(door=door.name, bytes=len(body))
        signer = issuer.signer(door.property, "policy")
        policy = Policy.create(
            door=door,
            version=version,
            slot=signer.slot,
            signature=signer.sign(to_be_signed(signer.slot, signer.property_id, door.number, body)),
            body=body,
            hash=hashlib.sha256(body).digest()[:8].hex(),
            made_at=clock.now_ms(),
        )
        for companion in companions_of(door):
            put(companion, policy)
        return policy


def newest(door: Door) -> Policy | None:
    """The policy that the door should hold."""
    found: Policy | None = Policy.select().where(Policy.door == door).order_by(Policy.version.desc()).first()
    return found


def wire(policy: Policy) -> bytes:
    """slot || signature || JSON: what is published, and what goes on the flash."""
    return bytes([policy.slot]) + bytes(policy.signature) + bytes(policy.body)


def put(companion: Companion, policy: Policy) -> None:
    """An outbox row with this policy for one companion."""
    outbox.put(
        "mqtt",
        TOPIC_POLICY % companion.companion_id,
        wire(policy),
        property_id=companion.property_id,
        order_key=f"companion {companion.companion_id}",
        retained=True,
    )


def companions_of(door: Door) -> list[Companion]:
    """The companions in service at a door; a suite has two."""
    return list(
        Companion.select().where(Companion.door == door, Companion.state == "in_service").order_by(Companion.id)
    )


def to_be_signed(slot: int, property_id: bytes, door: int, body: bytes) -> bytes:
    """The Sig_structure of a policy."""
    aad = b"HP1" + bytes([slot]) + property_id + door.to_bytes(4, "big")
    return signed.to_be_signed(aad, body)


def link_salt(door: Door, n: int) -> bytes:
    """What the companions of a door make their link key number `n` with: 16 bytes that a restore does not lose."""
    place = door.property.property_id.encode() + door.number.to_bytes(4, "big") + n.to_bytes(4, "big")
    return vault.derive(b"link salt" + place)[:LINK_SALT_BYTES]


def _document(door: Door, rules: DoorRules, now_s: int) -> dict[str, Any]:
    """All fields but the version."""
    denied = denials.listed(door, now_s, rules.min_iat)
    if denied.min_iat > rules.min_iat:
        rules.min_iat = denied.min_iat
        rules.save()
    trust = issuer.trust(door.property)
    if len(trust) > TRUST_MAX:
        raise PolicyTooLong(door=door.name, keys=len(trust))
    mode, mode_until = _mode(rules, now_s)
    week = [schedules.Hours(tuple(days), begins, ends) for days, begins, ends in json.loads(rules.schedule)]
    schedule = schedules.intervals(week, door.property.timezone, now_s)
    _note_renewal(rules, mode_until, schedule, now_s)
    return {
        "door": door.number,
        "class": door.door_class,
        "zones": [bit for bit in range(ZONE_MAX + 1) if door.zones >> bit & 1],
        "generation": rules.generation,
        "staff_epoch": rules.staff_epoch,
        "emergency_epoch": rules.emergency_epoch,
        "clock_epoch": rules.clock_epoch,
        "min_iat": rules.min_iat,
        "deny": denied.packed,
        "mode": mode,
        "mode_until": mode_until,
        "schedule": schedule,
        "trust": trust,
        "clock_lost": rules.clock_lost,
        "settings": json.loads(rules.settings),
        "issued_at": now_s,
        **({"link": [rules.link_n, link_salt(door, rules.link_n).hex()]} if rules.link_asked else {}),
    }


def _mode(rules: DoorRules, now_s: int) -> tuple[str, int]:
    """The mode with its end: past it the door is normal, and no end is signed further ahead than a day."""
    if rules.mode == "normal" or rules.mode_until <= now_s:
        return "normal", 0
    return rules.mode, min(rules.mode_until, now_s + DAY)


def _note_renewal(rules: DoorRules, mode_until: int, schedule: list[list[int]], now_s: int) -> None:
    """When the next policy is due though nobody changes anything: well before what this one says lapses."""
    due = []
    if mode_until and rules.mode_until > mode_until:
        due.append(now_s + (mode_until - now_s) // 2)
    if schedule:
        due.append(max(now_s + _RENEW_LEAST_S, schedule[-1][0] - _RENEW_AHEAD_S))
    renew_at = min(due) * 1000 if due else None
    if renew_at != rules.renew_at:
        rules.renew_at = renew_at
        DoorRules.update(renew_at=renew_at).where(DoorRules.id == rules.id).execute()


def _next_version(door: Door) -> int:
    """Milliseconds of now, but above the last and above what a companion of the door reported."""
    last: int | None = Policy.select(fn.MAX(Policy.version)).where(Policy.door == door).scalar()
    reported: int | None = Companion.select(fn.MAX(Companion.policy_version)).where(Companion.door == door).scalar()
    return max(clock.now_ms(), (last or 0) + 1, (reported or 0) + 1)
