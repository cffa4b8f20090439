"""Other systems that may act in a hotel: let in by a token that is shown once, and kept only as its hash."""

from __future__ import annotations

import hashlib
import secrets

from lockmate import clock
from lockmate.db import transaction
from lockmate.errors import NotFound
from lockmate.properties.models import Property
from lockmate.staff import audit
from lockmate.staff.actor import PMS, Actor
from lockmate.staff.errors import BadSystem, SystemExists, WrongToken
from lockmate.staff.models import System

_PREFIX = "lmp_"  # so that a token that lies about is known for what it is
_NAME_MAX = 40


def connect(property: Property, name: str, *, by: Actor) -> tuple[System, str]:
    """Let a PMS in: its row, and the token (256 random bits) that is kept nowhere. Raises BadSystem, SystemExists."""
    by.within(property.id)
    name = " ".join(name.split())
    if not 0 < len(name) <= _NAME_MAX or not name.isprintable():
        raise BadSystem(field="name")
    token = _PREFIX + secrets.token_urlsafe(32)
    with transaction():
        if System.select().where(*_live(property), System.name == name).exists():
            raise SystemExists(name=name)
        row = System.create(property=property, name=name, token_hash=_hash(token), made_at=clock.now_ms())
        audit.record(by, "system:connect", f"system {row.id}", name=name)
    return row, token


def end(property: Property, name: str, *, by: Actor) -> None:
    """Its token is good for nothing from now on. Raises NotFound."""
    by.within(property.id)
    with transaction():
        row = System.get_or_none(*_live(property), System.name == name)
        if row is None:
            raise NotFound(what="system")
        System.update(ended_at=clock.now_ms()).where(System.id == row.id).execute()
        audit.record(by, "system:end", f"system {row.id}", name=name)


def of_property(property: Property) -> list[System]:
    """Those that are let in, by name."""
    return list(System.select().where(*_live(property)).order_by(System.name))


def actor_of(token: str, request: str = "") -> Actor:
    """Who brings this token; `request`: the key under which it asks for something to be done once. Raises WrongToken.

    It is no person: what only a person may confirm is refused to it (`NeedsPerson`).
    """
    row: System | None = System.get_or_none(System.token_hash == _hash(token), System.ended_at.is_null())
    if row is None:
        raise WrongToken
    key = f"system {row.id}:{_hash(request)[:40]}" if request else ""
    return Actor(None, f"pms {row.name}", row.property, PMS, key)


def _live(property: Property) -> tuple[object, ...]:
    return System.property == property, System.ended_at.is_null()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
