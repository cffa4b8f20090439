"""What is kept of some doors, read at once however many they are: their rules, their companions, what each holds."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any

from peewee import JOIN, fn

from lockmate.doors.models import Companion, DoorRules, Policy
from lockmate.properties.models import Door

_LEFT = JOIN.LEFT_OUTER


class Books:
    """Of some doors, by row id: the companions in service, the newest policy, and the one that each companion named."""

    def __init__(self, rows: Iterable[Any]) -> None:
        """From the rows of `_query`: a door for each of its companions."""
        self.doors: list[Door] = []
        self.companions: dict[int, list[Companion]] = {}
        self.newest: dict[int, Policy | None] = {}
        self._rules: dict[int, DoorRules | None] = {}
        self._held: dict[int, Policy] = {}
        self._policies: dict[int, list[Policy]] = {}
        self._said: dict[int, dict[str, Any]] = {}
        for row in rows:
            if row.id not in self.companions:
                self.doors.append(row)
                self.companions[row.id] = []
                self.newest[row.id], self._rules[row.id] = row.newest, row.kept
            if row.companion is not None:
                self.companions[row.id].append(row.companion)
                if row.companion.held is not None:
                    self._held[row.companion.id] = row.companion.held

    @classmethod
    def of(cls, *doors: Door) -> Books:
        """One query, for these doors."""
        return cls.where(Door.id.in_([door.id for door in doors]))

    @classmethod
    def where(cls, which: Any) -> Books:
        """The same for all doors that a condition names."""
        return cls(_query().where(which).order_by(Door.id, Companion.id))

    def rules(self, door: Door) -> DoorRules:
        """What the door's next policy says; of a door that had none yet, what the first will say."""
        kept = self._rules[door.id]
        return kept if kept is not None else DoorRules(door=door, generation=int(door.door_class == "room"))

    def reported(self, door: Door) -> int:
        """The highest generation that a companion of the door has told; 0 if none did."""
        return max((companion.generation for companion in self.companions[door.id]), default=0)

    def held(self, companion: Companion) -> Policy | None:
        """The policy whose version the companion reported: version, hash and when it was made; None if unknown here."""
        return self._held.get(companion.id)

    def knows(self, companion: Companion) -> bool:
        """Whether what it reported is what we signed under that version."""
        held = self.held(companion)
        return held is not None and held.hash == companion.policy_hash

    def read_policies(self, since: dict[int, int]) -> None:
        """One query: what `policies` has for these doors, those made since a moment (ms) and those still to arrive."""
        wanted = []
        for door_id, made_at in since.items():
            named = [self._held[one.id].version for one in self.companions[door_id] if one.id in self._held]
            self._policies[door_id] = []
            if named:
                newer = (Policy.version >= min(named)) | (Policy.made_at >= made_at)
                wanted.append((Policy.door == door_id) & newer)
        if not wanted:
            return
        told = (Policy.id, Policy.door, Policy.version, Policy.body, Policy.made_at, Policy.confirmed_at)
        query = Policy.select(*told).where(reduce(or_, wanted))
        for policy in query.order_by(Policy.version.desc()):
            self._policies[policy.door_id].append(policy)

    def policies(self, door: Door) -> list[Policy]:
        """Newest first; empty until they were read."""
        return self._policies.get(door.id, [])

    def said(self, policy: Policy) -> dict[str, Any]:
        """Its document."""
        if policy.id not in self._said:
            self._said[policy.id] = json.loads(bytes(policy.body))
        return self._said[policy.id]


def _query() -> Any:
    newest, held, other = Policy.alias(), Policy.alias(), Policy.alias()
    last = other.select(fn.MAX(other.version)).where(other.door == Door.id)
    there = (Companion.door == Door.id) & (Companion.state == "in_service")
    told = (held.id, held.version, held.hash, held.made_at)
    return (
        Door.select(Door, DoorRules, Companion, *told, newest.id, newest.version, newest.hash, newest.confirmed_at)
        .join(DoorRules, _LEFT, attr="kept")
        .switch(Door)
        .join(Companion, _LEFT, on=there, attr="companion")
        .join(held, _LEFT, on=((held.door == Door.id) & (held.version == Companion.policy_version)), attr="held")
        .switch(Door)
        .join(newest, _LEFT, on=((newest.door == Door.id) & (newest.version == last)), attr="newest")
    )
