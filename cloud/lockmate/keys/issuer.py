"""Issuer keys: one per property and purpose, sealed at rest; a door knows each by its slot (protocol section 2)."""

from __future__ import annotations

from functools import lru_cache
from typing import TypedDict

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockmate import clock
from lockmate.db import transaction
from lockmate.keys import vault
from lockmate.keys.errors import IssuerMissing, SlotTaken
from lockmate.keys.models import IssuerKey
from lockmate.keys.token import Signer
from lockmate.properties.models import Property
from lockmate.protocol import SLOT_MAX, TRUST_KINDS

# the slots of a new property
STANDARD = {0: ("guest", "remote", "reset"), 4: ("staff", "emergency"), 8: ("policy",), 11: ("update",)}
# what a door trusts before its first policy, and after it lost its beliefs (section 6)
_PROVISIONED = ("emergency", "policy", "update")


class TrustEntry(TypedDict):
    """One trusted key, as policies and a door's config carry it."""

    slot: int
    key: str
    kinds: list[str]


def create(
    property: Property, slot: int, kinds: tuple[str, ...], *, seed: bytes | None = None, state: str = "signing"
) -> IssuerKey:
    """A new key for `kinds` in `slot` (0..15); raises SlotTaken. `seed`: 32 bytes, for tests with vectors."""
    alone = {"policy", "update"}.intersection(kinds)
    if not 0 <= slot <= SLOT_MAX or not kinds or set(kinds) - set(TRUST_KINDS) or (alone and len(kinds) > 1):
        raise ValueError(f"no issuer key can have slot {slot} and kinds {kinds}")
    private = Ed25519PrivateKey.from_private_bytes(seed) if seed else Ed25519PrivateKey.generate()
    with transaction():
        live = (IssuerKey.property == property, IssuerKey.slot == slot, IssuerKey.retired_at.is_null())
        if IssuerKey.select().where(*live).exists():
            raise SlotTaken(slot=slot)
        return IssuerKey.create(
            property=property,
            slot=slot,
            kinds=" ".join(kinds),
            public=private.public_key().public_bytes_raw().hex(),
            sealed=vault.seal(private.private_bytes_raw(), _purpose(property.property_id, slot)),
            made_at=clock.now_ms(),
            state=state,
        )


def create_standard(property: Property) -> list[IssuerKey]:
    """The four keys of a new property."""
    with transaction():
        return [create(property, slot, kinds) for slot, kinds in STANDARD.items()]


def signer(property: Property, kind: str) -> Signer:
    """What signs tokens (or policies, updates) of this kind now; raises IssuerMissing.

    One query: a rotation shows at once in every process. The opened key is kept per row, which never changes.
    """
    for row in rows(property):
        if row.state == "signing" and kind in row.kinds.split():
            opened = _opened(row.id, property.property_id, row.slot, bytes(row.sealed))
            return Signer(row.slot, bytes.fromhex(property.property_id), opened.sign)
    raise IssuerMissing(kind=kind)


def trust(property: Property) -> list[TrustEntry]:
    """The keys that a policy names, by slot: those that sign, that will, and that did."""
    named = [row for row in rows(property) if row.state != "gone"]
    return [TrustEntry(slot=row.slot, key=row.public, kinds=row.kinds.split()) for row in named]


def provisioned(property: Property) -> list[TrustEntry]:
    """The keys that go on a door's flash: enough for an emergency, a first policy and an update."""
    entries = []
    for entry in trust(property):
        kinds = [kind for kind in entry["kinds"] if kind in _PROVISIONED]
        if kinds:
            entries.append(TrustEntry(slot=entry["slot"], key=entry["key"], kinds=kinds))
    return entries


def free_slot(property: Property) -> int:
    """The first slot that no key has; raises SlotTaken if there is none."""
    taken = {row.slot for row in rows(property)}
    for slot in range(SLOT_MAX + 1):
        if slot not in taken:
            return slot
    raise SlotTaken(slot=SLOT_MAX)


def purpose_of(row: IssuerKey) -> bytes:
    """What its private key is sealed for."""
    return _purpose(row.property.property_id, row.slot)


def rows(property: Property) -> list[IssuerKey]:
    """The keys whose slots are not free, by slot."""
    return list(
        IssuerKey.select()
        .where(IssuerKey.property == property, IssuerKey.retired_at.is_null())
        .order_by(IssuerKey.slot, IssuerKey.id)
    )


@lru_cache(maxsize=256)
def _opened(row_id: int, property_id: str, slot: int, sealed: bytes) -> Ed25519PrivateKey:  # noqa: ARG001 - names the row
    return Ed25519PrivateKey.from_private_bytes(vault.unseal(sealed, _purpose(property_id, slot)))


def _purpose(property_id: str, slot: int) -> bytes:
    return b"issuer" + bytes.fromhex(property_id) + bytes([slot])
