"""The sheaf: the run of short tokens a phone holds, so that its QR changes even while the phone is offline."""

from __future__ import annotations

from typing import NamedTuple

from lockmate.db import transaction
from lockmate.keys import epochs, issuer
from lockmate.keys.errors import KeyEnded, KeyNotYet
from lockmate.keys.models import Key
from lockmate.keys.token import Minter, mint
from lockmate.protocol import DAY, KINDS, LIVES


class Slot(NamedTuple):
    """One token: valid from `nbf` to `exp` (seconds), as the QR's text."""

    nbf: int
    exp: int
    text: str


def sheaf(key: Key, now_s: int, *, slots: int | None = None) -> list[Slot]:
    """The tokens of `key` from now, cut to the key's bounds: at most 24 h of them (12 h for staff), or `slots`.

    Raises KeyEnded or KeyNotYet. A fixed number of queries whatever the length. That they were minted is written
    before they are signed: a key that ends meanwhile is denied until the last of them ended.
    """
    before = key
    with transaction():
        key = Key.get_by_id(before.id)
        key.property, key.door = before.property, before.door  # which a key keeps for good, and callers have joined
        bounds = _bounds(key, now_s)[: None if slots is None else max(1, slots)]
        signer = issuer.signer(key.property, key.kind)
        generation = key.generation if key.kind == "guest" else epochs.of(key.property, key.kind)
        newest = max(key.newest_exp, bounds[-1][1])
        noted = Key.update(newest_exp=newest, newest_iat=max(key.newest_iat, now_s))
        if not noted.where(Key.id == key.id, Key.state == "active").execute():
            raise KeyEnded  # meanwhile, in another process
    minter = Minter(
        signer,
        kind=KINDS.index(key.kind),
        key_id=bytes.fromhex(key.key_id),
        generation=generation,
        iat=now_s,
        door=key.door.number if key.door is not None else 0,
        zones=key.zones,
        over_privacy=key.kind == "emergency",
    )
    return [Slot(nbf, exp, minter.mint(nbf, exp)) for nbf, exp in bounds]


def rehearsal(key: Key, now_s: int) -> str:
    """The token that the phone would show now, for a question that is asked in the house (`doors.dryrun`).

    Of a key that ended, the last one that is out. It is noted nowhere, since it must never leave. Raises KeyNotYet for
    a key that opens nothing yet, KeyEnded for one of which no token was ever made.
    """
    try:
        nbf, exp = _bounds(key, now_s)[0]
        iat = now_s
    except KeyEnded:
        if not key.newest_exp:
            raise
        nbf, exp, iat = key.newest_iat, key.newest_exp, key.newest_iat
    return mint(
        issuer.signer(key.property, key.kind),
        kind=KINDS.index(key.kind),
        key_id=bytes.fromhex(key.key_id),
        generation=key.generation if key.kind == "guest" else epochs.of(key.property, key.kind),
        nbf=nbf,
        exp=exp,
        iat=iat,
        door=key.door.number if key.door is not None else 0,
        zones=key.zones,
        over_privacy=key.kind == "emergency",
    )


def _bounds(key: Key, now_s: int) -> list[tuple[int, int]]:
    """(nbf, exp) of each slot; slots are aligned to multiples of their length."""
    starts, ends = key.starts_at // 1000, key.ends_at // 1000
    if key.state == "ended" or now_s >= ends:
        raise KeyEnded
    last = min(ends, now_s + min(DAY, LIVES[KINDS.index(key.kind)]))
    if key.state != "active" or starts >= last:
        raise KeyNotYet
    length, overlap = key.property.slot_seconds, key.property.overlap_seconds
    first = max(now_s, starts) // length * length
    bounds = []
    for start in range(first, last, length):
        nbf, exp = max(start - overlap, starts), min(start + length + overlap, last)
        if max(nbf, now_s) < exp:
            bounds.append((nbf, exp))
    return bounds
