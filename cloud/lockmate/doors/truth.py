"""What is true at the doors about a key, never more optimistic than they are. It speaks of phone keys only."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Literal

from lockmate import clock
from lockmate.doors import policies
from lockmate.doors.denials import doors_of
from lockmate.doors.models import Companion, Policy
from lockmate.keys.models import Key
from lockmate.properties.models import Door

_DRIFT_PPM = 1_000  # the widest that a policy may set
_FLOOR_S = 3_600  # a power cut may set a door's clock back by this much: it writes its lower bound at least hourly
_ENTRY = 12  # bytes of a deny list's entry, the first 8 its key_id

Kind = Literal["prepared", "open_until", "ended_confirmed", "ended_may_open", "ended"]


@dataclass(frozen=True, slots=True)
class Truth:
    """One statement; times in ms.

    prepared: opens nothing before check-in.
    open_until: `until` is the key's end; new tokens are made until then.
    ended_confirmed: every door it could open said, at the latest at `at`, that it knows.
    ended_may_open: a door did not say so yet. A token in hand may open until `until` (None: no bound can be
        told, since that door had lost the time, or was not heard since: after a power cut its clock goes on from
        where it stopped); `heard_at` is when the most silent door was last heard.
    ended: nothing is in anybody's hand: no token was made, or no door listens, or each has said that its clock is
        past the last token.
    """

    kind: Kind
    at: int | None = None
    until: int | None = None
    heard_at: int | None = None
    doors: tuple[str, ...] = ()  # names of those that did not confirm


def of(key: Key) -> Truth:
    """The statement for a key over all the doors it could open."""
    if key.state == "prepared":
        return Truth("prepared")
    now = clock.now_ms()
    if key.state == "active" and now < key.ends_at:
        return Truth("open_until", until=key.ends_at)
    ended_at = key.ended_at or key.ends_at
    if not key.newest_exp:
        return Truth("ended", at=ended_at)
    unconfirmed, confirmed = [], []
    past = False
    for door in doors_of(key):
        companions = policies.companions_of(door)
        if not companions:
            continue
        at = _confirmed_at(key, door, companions)
        if at is not None:
            confirmed.append(at)
        elif all(_is_past(companion, key) for companion in companions):
            past = True
        else:
            unconfirmed.append((door, companions))
    if unconfirmed:
        return _may_open(key, unconfirmed, ended_at, now)
    if past:
        return Truth("ended", at=max(ended_at, key.newest_exp * 1000))
    return Truth("ended_confirmed", at=max(confirmed)) if confirmed else Truth("ended", at=ended_at)


def _may_open(key: Key, doors: list[tuple[Door, list[Companion]]], ended_at: int, now: int) -> Truth:
    """Until when a door that did not confirm could still take the key's last token, by that door's own clock."""
    companions = [companion for _, of_door in doors for companion in of_door]
    heard = [companion.heard_at for companion in companions]
    lags = [_lag_s(companion, now) for companion in companions]
    until = None
    if all(lag is not None for lag in lags):
        bound = (key.newest_exp + 1 + max(lag for lag in lags if lag is not None)) * 1000
        until = bound if bound > now else None
    return Truth(
        "ended_may_open",
        at=ended_at,
        until=until,
        heard_at=min(at or 0 for at in heard) or None,
        doors=tuple(door.name for door, _ in doors),
    )


def _is_past(companion: Companion, key: Key) -> bool:
    """Whether the door said that its clock is so far past the last token that no power cut brings that back."""
    return companion.clock_lo is not None and companion.clock_lo - _FLOOR_S > key.newest_exp


def _lag_s(companion: Companion, now: int) -> int | None:
    """How far behind the true time the door's lower bound may be; None if it lost the time or was never heard."""
    if companion.heard_at is None or companion.clock_lo is None or companion.clock_hi is None:
        return None
    drift = (now - companion.heard_at) * _DRIFT_PPM // 1_000_000_000
    return max(0, companion.heard_at // 1000 + 1 - companion.clock_lo) + drift + 1


def _confirmed_at(key: Key, door: Door, companions: list[Companion]) -> int | None:
    """When the door said that it knows: a policy that tells of the end, or, at its room, a later generation."""
    since = key.ended_at or key.ends_at
    confirmed = Policy.select().where(
        Policy.door == door, Policy.made_at >= since, Policy.confirmed_at.is_null(False)
    )
    for policy in confirmed.order_by(Policy.version).iterator():
        if _tells(policy, key, door):
            return int(policy.confirmed_at)
    if (
        key.kind == "guest"
        and door.id == key.door_id
        and all(companion.generation > key.generation for companion in companions)
    ):
        return max(companion.heard_at or 0 for companion in companions)
    return None


def _tells(policy: Policy, key: Key, door: Door) -> bool:
    """Whether a door that holds it refuses the last token. When it was made says little if our clock jumped."""
    said = json.loads(bytes(policy.body))
    if said["issued_at"] > key.newest_exp:
        return True
    if key.kind == "guest":
        if said["min_iat"] > key.newest_iat:
            return True
        if door.id == key.door_id and said["generation"] > key.generation:
            return True
    listed, key_id = base64.b64decode(said["deny"]), bytes.fromhex(key.key_id)
    return any(listed[n : n + 8] == key_id for n in range(0, len(listed), _ENTRY))
