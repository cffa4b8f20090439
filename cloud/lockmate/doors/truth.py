"""What is true at the doors about a key, never more optimistic than they are. It speaks of phone keys only.

`at` is the statement for one key at one door, `of` the one for a key over all the doors it could open; everything that
tells people whether a key opens asks here. docs/truth.md has the pictures.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lockmate import clock
from lockmate.doors.books import Books
from lockmate.doors.denials import could_open, reach
from lockmate.doors.models import Companion, Policy
from lockmate.keys import epochs
from lockmate.keys.models import Key
from lockmate.properties.models import Door

DRIFT_PPM = 1_000  # the widest that a policy may set
FLOOR_S = 3_600  # a power cut may set a door's clock back by this much: it writes its lower bound at least hourly
_ENTRY = 12  # bytes of a deny list's entry, the first 8 its key_id

Kind = Literal["prepared", "open_until", "ended_confirmed", "ended_may_open", "ended"]


@dataclass(frozen=True, slots=True)
class Truth:
    """One statement; times in ms.

    open_until: the right ends at `until`. A token that is out already may open later than that, until `latest`: a stay
        that was shortened, or a door whose clock is behind (None: no bound can be told, as with ended_may_open).
        `ahead`: doors that refuse it all the same, having seen a newer key; the books were restored from a backup.
    ended_confirmed: every door it could open said, at the latest at `at`, that it knows.
    ended_may_open: a door did not say so yet. A token in hand may open until `until` (None: no bound can be told, since
        that door had lost the time, or was not heard since: after a power cut its clock goes on from where it stopped);
        `heard_at` is when the most silent door was last heard.

    Two more, of which no door has anything to say. prepared: opens nothing before check-in. ended: nothing is in
    anybody's hand: no token was made, or no door listens, or each has said that its clock is past the last token.
    """

    kind: Kind
    at: int | None = None
    until: int | None = None
    latest: int | None = None
    heard_at: int | None = None
    doors: tuple[str, ...] = ()  # names of those that did not confirm; of open_until, where `latest` is after `until`
    ahead: tuple[str, ...] = ()


def of(key: Key) -> Truth:
    """The statement for a key over all the doors it could open: the least certain one of them."""
    return of_all([key])[key.id]


def of_all(keys: Sequence[Key], books: Books | None = None) -> dict[int, Truth]:
    """The same for many keys, by row id, in two queries; `books` are those of all doors in their reach, if at hand."""
    books = books or books_of(keys)
    doors = {key.id: [door for door in books.doors if could_open(key, door)] for key in keys}
    _read(books, [(key, door) for key in keys for door in doors[key.id]])
    return {key.id: _together(key, [(door, _at(key, door, books)) for door in doors[key.id]], books) for key in keys}


def books_of(keys: Sequence[Key], *also: Door) -> Books:
    """Of every door that one of these keys could open, and of some more; one query."""
    return Books.where(reach(keys) | Door.id.in_([door.id for door in also]))


def at(key: Key, door: Door) -> Truth:
    """The statement for a key at one door that it could open."""
    books = Books.of(door)
    _read(books, [(key, door)])
    return _at(key, door, books)


def _read(books: Books, pairs: list[tuple[Key, Door]]) -> None:
    """The policies that tell of keys which ended: those from their ends on."""
    since: dict[int, int] = {}
    for key, door in pairs:
        if not _is_in_force(key) and key.newest_exp and books.companions[door.id]:
            since[door.id] = min(_ended_at(key), since.get(door.id, _ended_at(key)))
    if since:
        books.read_policies(since)


def _is_in_force(key: Key) -> bool:
    return bool(key.state == "active" and clock.now_ms() < key.ends_at)


def _ended_at(key: Key) -> int:
    return int(key.ended_at or key.ends_at)


def _at(key: Key, door: Door, books: Books) -> Truth:
    now = clock.now_ms()
    if key.state == "prepared" and not key.newest_exp:  # else its check-in may have been lost with a restore
        return Truth("prepared")
    companions = books.companions[door.id]
    if _is_in_force(key):
        return _stands(key, door, books, now)
    ended_at = _ended_at(key)
    if not key.newest_exp or not companions:
        return Truth("ended", at=ended_at)
    facts = _Facts(key, door, books)
    told = [facts.refuses_since(companion) for companion in companions]
    if all(since is not None for since in told):
        return Truth("ended_confirmed", at=max(since for since in told if since is not None))
    if all(since is not None or facts.is_past(one) for since, one in zip(told, companions, strict=True)):
        return Truth("ended", at=max(ended_at, key.newest_exp * 1000))
    doubtful = [one for since, one in zip(told, companions, strict=True) if since is None and not facts.is_past(one)]
    latest = _latest(key, doubtful, now)
    heard = min(one.heard_at or 0 for one in doubtful) or None
    return Truth(
        "ended_may_open",
        at=ended_at,
        until=latest if latest is None or latest > now else None,
        heard_at=heard,
        doors=(door.name,),
    )


def _stands(key: Key, door: Door, books: Books, now: int) -> Truth:
    """A key in force: until its end, and what a door may take after that."""
    companions = books.companions[door.id]
    latest: int | None = key.ends_at
    if key.newest_exp:
        later = _latest(key, companions, now)
        latest = None if later is None else max(key.ends_at, later)
    facts = _Facts(key, door, books)
    ahead = bool(companions) and all(facts.saw_newer(one) for one in companions)
    late = latest is None or latest > key.ends_at
    return Truth(
        "open_until",
        until=key.ends_at,
        latest=latest,
        doors=(door.name,) if late and companions else (),
        ahead=(door.name,) if ahead else (),
    )


def _latest(key: Key, companions: list[Companion], now: int) -> int | None:
    """Until when (ms) these could take the key's last token, by their own clocks; None if that can't be told."""
    lags = [_lag_s(companion, now) for companion in companions]
    if any(lag is None for lag in lags):
        return None
    return (key.newest_exp + 1 + max((lag for lag in lags if lag is not None), default=0)) * 1000


def _lag_s(companion: Companion, now: int) -> int | None:
    """How far behind the true time the door's lower bound may be; None if it lost the time or was never heard."""
    if companion.heard_at is None or companion.clock_lo is None or companion.clock_hi is None:
        return None
    drift = (now - companion.heard_at) * DRIFT_PPM // 1_000_000_000
    return max(0, companion.heard_at // 1000 + 1 - companion.clock_lo) + drift + 1


class _Facts:
    """What is known about a key at a door: what was signed for it, and what its companions hold of that."""

    def __init__(self, key: Key, door: Door, books: Books) -> None:
        self._key = key
        self._door = door
        self._books = books
        self._clock_epoch = books.rules(door).clock_epoch
        self._said: dict[int, bool] = {}

    def refuses_since(self, companion: Companion) -> int | None:
        """When (ms) this companion said that it refuses the key, for good; None if it did not."""
        if self.saw_newer(companion):
            return int(companion.heard_at or 0)
        if companion.heard_at is None:
            return None
        held = self._books.held(companion)
        if held is None or not self._books.knows(companion):
            return None
        later = [policy for policy in self._books.policies(self._door) if policy.version >= held.version]
        if not all(self._tells(policy) for policy in later):  # a newer one may have reached it since
            return None
        return self._first_confirmed(held) or companion.policy_confirmed_at

    def saw_newer(self, companion: Companion) -> bool:
        """Whether the room's door told of a later generation than the key's: it never goes back below that."""
        key = self._key
        return self._is_room_of(key) and companion.generation > key.generation

    def _is_room_of(self, key: Key) -> bool:
        """Whether generations tell of this key here; one that is only prepared has none yet."""
        return key.kind == "guest" and self._door.id == key.door_id and key.generation > 0

    def is_past(self, companion: Companion) -> bool:
        """Whether the door said that its clock is so far past the last token that no power cut brings that back.

        Not if it said so before its clock was repaired (`clock_epoch`): that sets it back.
        """
        if companion.clock_lo is None or companion.clock_lo - FLOOR_S <= self._key.newest_exp:
            return False
        if not self._clock_epoch:
            return True
        named = [one for one in self._books.policies(self._door) if one.version == companion.policy_version]
        return any(self._books.said(held)["clock_epoch"] == self._clock_epoch for held in named)

    def _first_confirmed(self, held: Policy) -> int | None:
        """When the door first said it: a later policy does not make that younger."""
        first: int | None = None
        for policy in self._books.policies(self._door):
            told = policy.confirmed_at is not None and policy.made_at >= _ended_at(self._key)
            if policy.version > held.version or not told:
                continue
            if not self._tells(policy):
                break
            first = policy.confirmed_at
        return first

    def _tells(self, policy: Policy) -> bool:
        if policy.id not in self._said:
            self._said[policy.id] = self._reads(self._books.said(policy))
        return self._said[policy.id]

    def _reads(self, said: dict[str, Any]) -> bool:
        """Whether a door that holds this policy refuses every token of the key that is out."""
        key = self._key
        if key.newest_exp < said["issued_at"] <= clock.now_s() and said["clock_epoch"] == self._clock_epoch:
            return True  # a door that took it knows that the last token is over; unless our own clock ran ahead
        if key.kind == "guest":
            if said["min_iat"] > key.newest_iat:
                return True
            if self._is_room_of(key) and said["generation"] > key.generation:
                return True
        elif key.end_reason == "raised" and said[f"{key.kind}_epoch"] == epochs.of(key.property, key.kind):
            return True
        listed, key_id = base64.b64decode(said["deny"]), bytes.fromhex(key.key_id)
        return any(listed[n : n + 8] == key_id for n in range(0, len(listed), _ENTRY))


def _together(key: Key, told: list[tuple[Door, Truth]], books: Books) -> Truth:
    """One statement of several: what any of the doors may still do counts."""
    if not told:
        return Truth("prepared") if key.state == "prepared" else Truth("ended", at=_ended_at(key))
    statements = [one for _, one in told]
    first = statements[0]
    if first.kind == "prepared":
        return first
    may = [one for one in statements if one.kind == "ended_may_open"]
    if may:
        lasts = [one.until for one in may]
        return Truth(
            "ended_may_open",
            at=may[0].at,
            until=None if None in lasts else max(one for one in lasts if one is not None),
            heard_at=None if any(one.heard_at is None for one in may) else min(one.heard_at or 0 for one in may),
            doors=tuple(name for one in may for name in one.doors),
        )
    if first.kind == "open_until":
        lasts = [one.latest for one in statements]
        return Truth(
            "open_until",
            until=first.until,
            latest=None if None in lasts else max(one for one in lasts if one is not None),
            doors=tuple(name for one in statements for name in one.doors),
            ahead=tuple(name for one in statements for name in one.ahead),
        )
    past = [one.at for (door, one) in told if one.kind == "ended" and books.companions[door.id]]
    confirmed = [one.at for one in statements if one.kind == "ended_confirmed"]
    if past or not confirmed:
        return Truth("ended", at=max(one.at or 0 for one in statements))
    return Truth("ended_confirmed", at=max(at for at in confirmed if at is not None))

