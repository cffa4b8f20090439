"""Issuer keys are replaced without any door being left behind; the keys that seal secrets at rest are replaced at once.

A rotation goes through four stages, each waiting for the doors (protocol section 2): the new key is *coming* until
every companion in service has confirmed a policy that lists it; then it is *signing*, and the old one *going* until
its last token has expired; then *gone* from the lists until every companion has confirmed that; then its slot is free.
`advance` does what can be done now and tells which companions hold it back; it may be called again at any time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lockmate import clock
from lockmate.db import transaction
from lockmate.doors import link, policies
from lockmate.doors.errors import BadRules, LinksChanging
from lockmate.doors.models import Companion, DoorRules, Policy
from lockmate.keys import issuer, vault
from lockmate.keys.models import IssuerKey
from lockmate.properties.models import Door, Property
from lockmate.protocol import KINDS, LIVES
from lockmate.staff import Actor, audit

PURPOSES = {kinds[0]: kinds for kinds in issuer.STANDARD.values()}
_MARGIN_S = 120  # a token that another process was signing when the key changed


@dataclass(frozen=True, slots=True)
class Rotation:
    """Where a rotation is. stage: "coming", "going", "gone" or "done"; `behind`: companions that are waited for;
    `until_s`: when the old key's last token has expired, while that is waited for."""

    stage: str
    behind: tuple[str, ...] = ()
    until_s: int = 0


def advance(property: Property, purpose: str, *, by: Actor) -> Rotation:
    """Begin to replace the key of a purpose ("guest", "staff", "policy", "update"), or go on with it.

    Call again until the stage is "done". Raises BadRules for another purpose.
    """
    by.within(property.id)
    if purpose not in PURPOSES:
        raise BadRules(field="purpose", value=purpose)
    with transaction():
        rows = {row.state: row for row in issuer.rows(property) if row.kinds.split()[0] == purpose}
        if "gone" in rows:
            return _free(property, rows["gone"], by)
        if "going" in rows:
            return _drop(property, rows["going"], by)
        if "coming" in rows:
            return _switch(property, rows["signing"], rows["coming"], by)
        made = issuer.create(property, issuer.free_slot(property), PURPOSES[purpose], state="coming")
        _publish(property)
        audit.record(by, "key:rotate", f"slot {made.slot}", purpose=purpose, stage="coming")
        return Rotation("coming", _behind(property, made, listed=True))


def _switch(property: Property, old: IssuerKey, new: IssuerKey, by: Actor) -> Rotation:
    """Every companion knows the new key: it signs from now on."""
    behind = _behind(property, new, listed=True)
    if behind:
        return Rotation("coming", behind)
    lives = [LIVES[KINDS.index(kind)] for kind in old.kinds.split() if kind in KINDS]
    last = clock.now_s() + max(lives, default=0) + _MARGIN_S
    IssuerKey.update(state="going", last_exp=last).where(IssuerKey.id == old.id).execute()
    IssuerKey.update(state="signing").where(IssuerKey.id == new.id).execute()
    audit.record(by, "key:rotate", f"slot {new.slot}", purpose=new.kinds, stage="signing", instead_of=old.slot)
    return Rotation("going", until_s=last)


def _drop(property: Property, old: IssuerKey, by: Actor) -> Rotation:
    """The old key's last token has expired: no list names it any more."""
    if clock.now_s() <= old.last_exp:
        return Rotation("going", until_s=old.last_exp)
    IssuerKey.update(state="gone").where(IssuerKey.id == old.id).execute()
    _publish(property)
    audit.record(by, "key:rotate", f"slot {old.slot}", purpose=old.kinds, stage="gone")
    return Rotation("gone", _behind(property, old, listed=False))


def _free(property: Property, old: IssuerKey, by: Actor) -> Rotation:
    """Every companion has forgotten it: the slot may get another key, and the private key is wiped."""
    behind = _behind(property, old, listed=False)
    if behind:
        return Rotation("gone", behind)
    IssuerKey.update(retired_at=clock.now_ms(), sealed=b"").where(IssuerKey.id == old.id).execute()
    audit.record(by, "key:rotate", f"slot {old.slot}", purpose=old.kinds, stage="done")
    return Rotation("done")


def _behind(property: Property, key: IssuerKey, *, listed: bool) -> tuple[str, ...]:
    """The companions in service whose confirmed policy does not list (or still lists) a key; by id."""
    late = []
    boards = Companion.select().where(Companion.property == property, Companion.state == "in_service")
    for board in boards.order_by(Companion.companion_id):
        held = Policy.get_or_none(Policy.door == board.door_id, Policy.version == board.policy_version)
        if held is None or board.heard_at is None or held.hash != board.policy_hash or _lists(held, key) != listed:
            late.append(board.companion_id)
    return tuple(late)


def _lists(policy: Policy, key: IssuerKey) -> bool:
    said: dict[str, Any] = json.loads(bytes(policy.body))
    return any((entry["slot"], entry["key"]) == (key.slot, key.public) for entry in said["trust"])


def _publish(property: Property) -> None:
    for door in Door.select().where(Door.property == property).order_by(Door.id):
        policies.publish(door)


def reseal(to: Path) -> tuple[int, int]:
    """Seal all secrets in the database under the master key in the file `to`; (issuer keys, link keys).

    One transaction; raises LinksChanging while link keys change. Every process must be started anew with that key at
    once: the former opens nothing any more.
    """
    with transaction():
        if DoorRules.select().where(DoorRules.link_asked).exists():
            raise LinksChanging
        issuers, links = list(IssuerKey.select().where(IssuerKey.retired_at.is_null())), list(Companion.select())
        for row in issuers:
            sealed = vault.reseal(bytes(row.sealed), issuer.purpose_of(row), to)
            IssuerKey.update(sealed=sealed).where(IssuerKey.id == row.id).execute()
        for board in links:
            sealed = vault.reseal(bytes(board.link_key), link.purpose_of(board.companion_id), to)
            Companion.update(link_key=sealed).where(Companion.id == board.id).execute()
    return len(issuers), len(links)
