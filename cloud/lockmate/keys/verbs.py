"""Keys: issued, made active at check-in, ended."""

from __future__ import annotations

import os

from peewee import JOIN

from lockmate import clock
from lockmate.db import transaction
from lockmate.errors import NotFound
from lockmate.keys.models import Holder, Key
from lockmate.properties.models import Door, Property
from lockmate.protocol import KINDS, LIVES


def issue(
    holder: Holder, door: Door, *, zones: int, starts_at: int, ends_at: int, generation: int | None = None
) -> Key:
    """A key of `holder` for a room and the guests' zones; times in ms.

    Without a `generation` it is only prepared: no token is minted until `activate`.
    """
    with transaction():
        return Key.create(
            property=door.property_id,
            key_id=os.urandom(8).hex(),
            holder=holder,
            door=door,
            zones=zones,
            state="prepared" if generation is None else "active",
            generation=generation or 0,
            starts_at=starts_at,
            ends_at=ends_at,
            issued_at=clock.now_ms(),
        )


def activate(key: Key, generation: int, *, starts_at: int, ends_at: int) -> None:
    """A prepared key opens from now on; a key that ended stays ended."""
    with transaction():
        Key.update(state="active", generation=generation, starts_at=starts_at, ends_at=ends_at).where(
            Key.id == key.id, Key.state == "prepared"
        ).execute()
    _reload(key)


def end(key: Key, reason: str) -> None:
    """No more tokens are minted; ending twice changes nothing. What doors must hear is `doors.deny`."""
    with transaction():
        Key.update(state="ended", ended_at=clock.now_ms(), end_reason=reason).where(
            Key.id == key.id, Key.state != "ended"
        ).execute()
    _reload(key)


def assume_minted(property: Property) -> None:
    """The books were restored from a backup: any key that stands may have tokens out that they do not know of.

    Until each kind's longest life is over: what is told of such a key, and for how long it is denied, goes by that.
    """
    now = clock.now_s()
    with transaction():
        for kind, life in zip(KINDS, LIVES, strict=True):
            Key.update(newest_exp=now + life, newest_iat=now).where(
                Key.property == property, Key.kind == kind, Key.state != "ended", Key.newest_exp < now + life
            ).execute()


def key_of(holder: Holder, key_id: str) -> Key:
    """A key of this holder; anybody else's is not found."""
    found = Key.get_or_none(Key.key_id == key_id, Key.holder == holder)
    if found is None:
        raise NotFound(what="key")
    return found


def keys_of(holder: Holder, *, property: Property | None = None) -> list[Key]:
    """All keys of a holder, with door (none for staff keys) and property joined; newest first."""
    joined = Key.select(Key, Door, Property).join(Door, JOIN.LEFT_OUTER).switch(Key).join(Property)
    query = joined.where(Key.holder == holder)
    if property is not None:
        query = query.where(Key.property == property)
    return list(query.order_by(Key.id.desc()))


def _reload(key: Key) -> None:
    """Bring the caller's row up to date, since it may have been read before the transaction."""
    fresh = Key.get_by_id(key.id)
    for name in ("state", "generation", "starts_at", "ends_at", "ended_at", "end_reason", "newest_exp", "newest_iat"):
        setattr(key, name, getattr(fresh, name))
