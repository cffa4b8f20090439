"""Acceptance: a guided check that a door must pass before it enters service, and the certificate that it did.

The laptop only shows codes and asks what nobody can sense. Everything else is judged here, by what the door itself
tells the cloud under its link key: so a certificate can't be had for a door that was never there.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from typing import Any

from peewee import JOIN

from lockmate import clock, pki
from lockmate.db import transaction
from lockmate.doors import policies, rooms
from lockmate.doors.models import Companion
from lockmate.errors import BadField, NotFound
from lockmate.fitting import checks
from lockmate.fitting.checks import Check, Facts, Seen
from lockmate.fitting.errors import AcceptanceOver, ChecksMissing, NoCompanion, SeveralCompanions
from lockmate.fitting.models import Acceptance, Board
from lockmate.keys import epochs, issuer
from lockmate.keys.token import Signer, mint
from lockmate.properties.models import Door, Property
from lockmate.protocol import GUEST, STAFF, U32_MAX
from lockmate.records.models import Event
from lockmate.staff import Actor, audit

KIND = "lockmate acceptance 1"
LASTS_S = 3_600
_ASK_AGAIN_MS = 5_000


@dataclass(frozen=True, slots=True)
class Progress:
    """An acceptance as it stands.

    elsewhere: the companion of another door refused a wrong door's code meanwhile: the two doors may have each other's.
    proof: a code for that other door; held here, it opens (`swapped`) or is refused by the door's own companion.
    """

    row: Acceptance
    checks: list[Check]
    elsewhere: str = ""
    proof: str = ""
    swapped: bool = False


def start(door: Door, companion_id: str = "", *, by: Actor) -> Acceptance:
    """Begin with the companion of a door; an acceptance of it that is under way ends. Raises NoCompanion.

    A suite's door has two: `companion_id` says which, or SeveralCompanions is raised. The door's policy is made anew,
    so that it must be confirmed now.
    """
    by.within(door.property_id)
    companion = _companion(door, companion_id)
    now, key_id = clock.now_ms(), os.urandom(8)
    with transaction():
        policies.publish(door)
        Acceptance.update(finished_at=now).where(
            Acceptance.companion == companion, Acceptance.finished_at.is_null()
        ).execute()
        last = Event.select().order_by(Event.id.desc()).first()
        made = Acceptance.create(
            property=door.property,
            door=door,
            companion=companion,
            actor=by.name,
            started_at=now,
            asked_at=now,
            first_event=last.id if last else 0,
            throws=_report(companion).get("throws", 0),
            key_id=key_id.hex(),
            codes=json.dumps(_codes(door, key_id, now // 1000)),
        )
        audit.record(by, "acceptance:start", f"companion {companion.companion_id}", door=door.name)
        return made


def of(property: Property, acceptance_id: int) -> Acceptance:
    """One of this hotel's; another's is not found."""
    found: Acceptance | None = Acceptance.get_or_none(Acceptance.id == acceptance_id, Acceptance.property == property)
    if found is None:
        raise NotFound(what="acceptance")
    return found


def codes_of(row: Acceptance) -> dict[str, str]:
    """The text of the code for each check that shows one."""
    found: dict[str, str] = json.loads(row.codes)
    return found


def look(row: Acceptance) -> Progress:
    """How far it is; asks the door for a fresh report where one is needed. Raises AcceptanceOver."""
    with transaction():
        row = Acceptance.get_by_id(row.id)
        _require_open(row)
        judged = checks.judge(_facts(row))
        opened = any(check.name == checks.VALID and check.state == "passed" for check in judged)
        bolt = any(check.name == checks.BOLT and check.how == "sensed" and check.state != "passed" for check in judged)
        if opened and bolt and clock.now_ms() - row.asked_at >= _ASK_AGAIN_MS:
            row.asked_at = clock.now_ms()
            row.save()
            policies.publish(row.door)  # the report that follows it tells of the bolt
    other, swapped = _elsewhere(row)
    if other is None or other.door is None:
        return Progress(row, judged)
    proof = "" if swapped else _proof(row, other.door)
    return Progress(row, judged, str(other.companion_id), proof, swapped)


def answer(row: Acceptance, name: str, seen: bool, *, by: Actor) -> None:
    """What the person at the door saw or heard. Raises BadField for what the board senses itself."""
    by.within(row.property_id)
    if name not in checks.ASKED or (name == checks.BOLT and "bolt" in _senses(Companion.get_by_id(row.companion_id))):
        raise BadField(field="check", value=name)
    with transaction():
        row = Acceptance.get_by_id(row.id)
        _require_open(row)
        row.answers = json.dumps(json.loads(row.answers) | {name: seen})
        row.save()


def finish(row: Acceptance, *, by: Actor) -> Acceptance:
    """Sign the certificate. Raises ChecksMissing with what has not passed; a second call changes nothing."""
    by.within(row.property_id)
    with transaction():
        row = Acceptance.get_by_id(row.id)
        if row.document is not None:
            return row
        _require_open(row)
        judged = checks.judge(_facts(row))
        lacking = checks.missing(judged)
        if lacking:
            raise ChecksMissing(checks=", ".join(lacking))
        row.finished_at = clock.now_ms()
        row.document = _document(row, judged)
        row.signature = pki.authority(row.property.property_id).sign(row.document)
        row.save()
        audit.record(by, "acceptance:pass", f"companion {row.companion.companion_id}", door=row.door.name)
        return row


def signed(row: Acceptance) -> tuple[bytes, bytes]:
    """The certificate and its signature. Raises NotFound while there is none."""
    if row.document is None or row.signature is None:
        raise NotFound(what="certificate")
    return bytes(row.document), bytes(row.signature)


def passed(companion: Companion) -> Acceptance | None:
    """The newest certificate of this companion since it was enrolled here; None if it has none."""
    found: Acceptance | None = (
        Acceptance.select()
        .where(
            Acceptance.companion == companion,
            Acceptance.document.is_null(False),
            Acceptance.started_at >= companion.enrolled_at,
            Acceptance.door == companion.door_id,
        )
        .order_by(Acceptance.id.desc())
        .first()
    )
    return found


def waits(door: Door) -> bool:
    """Whether an installer has fitted a companion here that has not passed: the door is not in service yet."""
    passed_here = (
        (Acceptance.companion == Companion.id) & (Acceptance.door == door) & Acceptance.document.is_null(False)
        & (Acceptance.started_at >= Companion.enrolled_at)
    )  # fmt: skip
    query = (
        Board.select(Board.id)
        .join(Companion)
        .join(Acceptance, JOIN.LEFT_OUTER, on=passed_here)
        .where(Companion.door == door, Companion.state == "in_service", Acceptance.id.is_null())
    )
    return bool(query.exists())


def _companion(door: Door, companion_id: str) -> Companion:
    found = [one for one in policies.companions_of(door) if companion_id in ("", one.companion_id)]
    if not found:
        raise NoCompanion(door=door.name)
    if len(found) > 1:
        raise SeveralCompanions(door=door.name, companions=", ".join(one.companion_id for one in found))
    return found[0]


def _kind_of(door: Door, key_id: bytes) -> tuple[Signer, dict[str, Any]]:
    """Who signs for a door, and as what. A free room is tried with a guest's code, all other doors with a staff key's:
    a guest's would end the right of whoever lives there.
    """
    rules = rooms.rules_of(door)
    guest = door.door_class == "room" and not rules.taken
    generation = rules.generation if guest else epochs.of(door.property, "staff")
    common = {"kind": GUEST if guest else STAFF, "key_id": key_id, "generation": generation}
    return issuer.signer(door.property, "guest" if guest else "staff"), common


def _codes(door: Door, key_id: bytes, now_s: int) -> dict[str, str]:
    """A code for each check that shows one."""
    signer, common = _kind_of(door, key_id)
    here: dict[str, Any] = {"door": door.number, "nbf": now_s - 60, "exp": now_s + LASTS_S, "iat": now_s - 60}
    ended = here | {"nbf": now_s - 7_200, "exp": now_s - 3_600, "iat": now_s - 7_200}
    tampered = replace(signer, sign=lambda message: _changed(signer.sign(message)))
    return {
        checks.VALID: mint(signer, **common, **here),
        checks.EXPIRED: mint(signer, **common, **ended),
        checks.TAMPERED: mint(tampered, **common, **here),
        checks.WRONG_DOOR: mint(signer, **common, **(here | {"door": _another(door)})),
    }


def _changed(signature: bytes) -> bytes:
    return signature[:-1] + bytes([signature[-1] ^ 1])


def _another(door: Door) -> int:
    """A door number that is none of this hotel's: what is shown here must open nothing elsewhere."""
    taken = {other.number for other in Door.select(Door.number).where(Door.property == door.property)}
    return next(number for number in range(U32_MAX, 0, -1) if number not in taken)


def _facts(row: Acceptance) -> Facts:
    companion: Companion = Companion.get_by_id(row.companion_id)
    door = row.door
    newest = policies.newest(door)
    in_step = newest is not None and (companion.policy_version, companion.policy_hash) == (newest.version, newest.hash)
    report = _report(companion)
    throws = report.get("throws")
    events = Event.select().where(Event.companion == companion, Event.id > row.first_event).order_by(Event.id)
    return Facts(
        key_id=row.key_id,
        heard_at=companion.heard_at,
        started_at=row.started_at,
        policy_confirmed_at=companion.policy_confirmed_at if in_step else None,
        clock=(companion.clock_lo or 0, companion.clock_hi),
        senses=_senses(companion),
        rssi=report.get("rssi") if type(report.get("rssi")) is int else None,
        throws=throws if type(throws) is int and throws != row.throws else None,
        events=[
            Seen(event.kind, event.verdict, event.key_id, event.received_at, event.log, event.seq, event.tag)
            for event in events
        ],
        answers=json.loads(row.answers),
    )


def _report(companion: Companion) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(companion.report)
    return found


def _senses(companion: Companion) -> frozenset[str]:
    told = _report(companion).get("senses")
    return frozenset(name for name in told if isinstance(name, str)) if isinstance(told, list) else frozenset()


def _elsewhere(row: Acceptance) -> tuple[Companion | None, bool]:
    """The companion of another door that may hang here, and whether it proved it by opening for the code of `_proof`.

    A refusal as wrong door tells no key: it may come from a guest who stands before the wrong door there. So it only
    asks for the proof, and no longer once the door's own companion has seen a code itself.
    """
    others = (
        Event.select(Event, Companion)
        .join(Companion)
        .where(
            Event.property == row.property, Event.id > row.first_event, Event.companion != row.companion,
            Companion.state == "in_service", Companion.door.is_null(False),
        )
        .order_by(Event.id.desc())
    )  # fmt: skip
    opened = others.where(Event.kind == "opened", Event.key_id == row.key_id).first()
    if opened is not None:
        return opened.companion, True
    mine = Event.select().where(
        Event.companion == row.companion, Event.id > row.first_event, Event.kind << ("opened", "refused")
    )
    refused = others.where(Event.kind == "refused", Event.verdict == "wrong_door").first()
    if refused is None or mine.exists() or _in_its_place(refused.companion):
        return None, False
    return refused.companion, False


def _in_its_place(companion: Companion) -> bool:
    """Whether it opened for the codes of its own acceptance, by a second installer, within the last hour."""
    recent = Acceptance.select(Acceptance.key_id).where(
        Acceptance.companion == companion, Acceptance.started_at > clock.now_ms() - LASTS_S * 1000
    )
    opened = Event.select().where(Event.companion == companion, Event.kind == "opened", Event.key_id << recent)
    return opened.exists()


def _proof(row: Acceptance, other: Door) -> str:
    signer, common = _kind_of(other, bytes.fromhex(row.key_id))
    began_s = row.started_at // 1000 - 60
    return mint(signer, **common, door=other.number, nbf=began_s, exp=began_s + LASTS_S, iat=began_s)


def _document(row: Acceptance, judged: list[Check]) -> bytes:
    """The certificate: what was checked, how, and by which lines of the door's journal."""
    companion: Companion = Companion.get_by_id(row.companion_id)
    report, board = _report(companion), Board.get_or_none(Board.companion == companion)
    newest = policies.newest(row.door)
    document = {
        "kind": KIND,
        "property": {"id": row.property.property_id, "name": row.property.name},
        "door": {"number": row.door.number, "name": row.door.name, "class": row.door.door_class},
        "companion": {
            "id": companion.companion_id, "certificate": companion.certificate_serial,
            "board": board.serial if board else "", "chip": board.chip if board else "",
            "firmware": report.get("firmware", ""), "senses": sorted(_senses(companion)), "rssi": report.get("rssi"),
        },
        "policy": {"version": newest.version, "hash": newest.hash} if newest else None,
        "checks": [
            {"name": check.name, "how": check.how, "state": check.state, "at": check.at, "note": check.note,
             "evidence": {"log": seen.log, "seq": seen.seq, "tag": seen.tag} if (seen := check.evidence) else None}
            for check in judged
        ],
        "by": row.actor,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
    }  # fmt: skip
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def _require_open(row: Acceptance) -> None:
    if row.finished_at is not None or row.started_at + LASTS_S * 1000 <= clock.now_ms():
        raise AcceptanceOver(door=row.door.name)
