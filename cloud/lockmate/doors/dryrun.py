"""Would this key open this door now? Answered by the firmware's own gate, from what the door last told of itself.

The files under `companion.core` are the very ones that run on the door (docs/decisions/0007). What they are given is
what is known here: the policy that the door reported and we signed, its generation, and its clock, gone on since by its
drift. What a door learned and did not tell is not known: it says so where that may matter.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from companion.core import gate, names
from companion.core import policy as door_policy
from companion.core.ed25519 import Verifier
from lockmate import clock
from lockmate.doors import policies
from lockmate.doors.models import Companion, Policy
from lockmate.keys import sheaves
from lockmate.keys.models import Key
from lockmate.properties.models import Door

_DRIFT_PPM = 100  # unless the policy says otherwise (protocol section 5)

Caveat = Literal["never_heard", "unknown_policy", "time_lost", "silent", "behind", "offline"]
SILENT_MS = 30 * 60_000  # a door on line is heard at least this often


@dataclass(frozen=True, slots=True)
class Answer:
    """What one companion of the door would say.

    verdict: as the gate's; "" if nothing can be said of it, and a caveat tells why. `then`: what it would say once it
    holds its newest rules, where that is another verdict. `heard_at` in ms.
    """

    companion: Companion
    verdict: str
    then: str = ""
    caveats: tuple[Caveat, ...] = ()

    @property
    def opens(self) -> bool:
        """Whether the door would open."""
        return self.verdict == "open"

    @property
    def mend(self) -> str:
        """What a person can do, as a stable code: the verdict's own, or what keeps us from knowing."""
        if self.opens:
            return "later" if self.then and self.then != "open" else ""
        if self.then == "open":
            return "behind"
        return self.verdict or self.caveats[0]


def would_open(key: Key, door: Door, *, privacy: bool = False) -> list[Answer]:
    """One answer for each companion of the door; none if it has no companion.

    The token is the one that the phone would show now, or of a key that ended the last one that is out; it never
    leaves here. `privacy`: whether the door's privacy switch is on, as its records say. Raises KeyNotYet for a key that
    is only prepared.
    """
    now = clock.now_ms()
    text = sheaves.rehearsal(key, now // 1000)
    newest = policies.newest(door)
    return [_answer(companion, text, newest, now, privacy=privacy) for companion in policies.companions_of(door)]


def _answer(companion: Companion, text: str, newest: Policy | None, now: int, *, privacy: bool) -> Answer:
    if companion.heard_at is None:
        return Answer(companion, "", caveats=("never_heard",))
    held = Policy.get_or_none(Policy.door == companion.door, Policy.version == companion.policy_version)
    if companion.policy_version and (held is None or held.hash != companion.policy_hash):
        return Answer(companion, "", caveats=("unknown_policy",))
    beliefs = _Beliefs(companion, held, privacy=privacy)
    interval = _interval(companion, beliefs.drift_ppm, now)
    verdict = _judge(text, beliefs, interval)
    then = ""
    if newest is not None and (held is None or newest.version > held.version):
        then = _judge(text, _Beliefs(companion, newest, privacy=privacy), interval)
    caveats: list[Caveat] = []
    if interval[1] is None:
        caveats.append("time_lost")
    if not companion.online:
        caveats.append("offline")
    if now - companion.heard_at > SILENT_MS:
        caveats.append("silent")
    if newest is not None and companion.policy_version < newest.version:
        caveats.append("behind")
    return Answer(companion, verdict, then if then != verdict else "", tuple(caveats))


def _judge(text: str, beliefs: _Beliefs, interval: tuple[int, int | None]) -> str:
    verdict, _token, _learns = gate.judge(text, names.ROAD_QR, beliefs, interval, 0)
    return str(names.name_of(verdict))


def _interval(companion: Companion, drift_ppm: int, now: int) -> tuple[int, int | None]:
    """The clock that it told of, gone on since: [lo, hi] in seconds."""
    passed = max(0, now - (companion.heard_at or now))
    lo = (companion.clock_lo or 0) + passed * (1_000_000 - drift_ppm) // 1_000_000_000
    if companion.clock_hi is None:
        return lo, None
    return lo, companion.clock_hi - (-passed * (1_000_000 + drift_ppm) // 1_000_000_000)


class _Beliefs:
    """What the gate asks of a door, from a policy and what the companion reported; no policy: of one that lost it."""

    def __init__(self, companion: Companion, held: Policy | None, *, privacy: bool) -> None:
        door = companion.door
        assert door is not None  # it is one of a door's companions
        self.property_id = bytes.fromhex(companion.property.property_id)
        self.door: int = door.number
        self.privacy = privacy
        self._policy = None
        self.is_room, self.zones = True, 0
        self.staff_epoch = self.emergency_epoch = self.min_iat = 0
        self.guests_when_lost = True
        self.generation: int = companion.generation
        self.drift_ppm = _DRIFT_PPM
        if held is not None:
            policy = self._policy = door_policy.Policy(policies.wire(held), json.loads(bytes(held.body)))
            self.is_room, self.zones = policy.is_room, policy.zones
            self.staff_epoch, self.emergency_epoch = policy.staff_epoch, policy.emergency_epoch
            self.min_iat, self.guests_when_lost = policy.min_iat, policy.guests_when_lost
            self.generation = max(self.generation, policy.generation)
            self.drift_ppm = policy.settings.get("drift_ppm", _DRIFT_PPM)

    def verifier(self, slot: int, kind: int) -> Verifier | None:
        """The issuer key of a slot, if it is trusted for a kind."""
        if self._policy is None:
            return None
        for trusted in self._policy.trust:
            if trusted.slot == slot and kind in trusted.kinds:
                return Verifier(trusted.key)
        return None

    def denied(self, key_id: bytes) -> bool:
        """Whether a key is on the deny list."""
        return self._policy is not None and bool(self._policy.denied(key_id))

    def mode(self, lo: int, hi: int | None) -> str:
        """The mode in force."""
        return "normal" if self._policy is None else str(self._policy.mode_at(lo, hi))

    def locked_out(self, _road: int, _now_ms: int) -> bool:
        """Two seconds after a forged code: nothing that lasts."""
        return False

    def was_used(self, _key_id: bytes) -> bool:
        """A card is no token that opens once."""
        return False

    def used_full(self) -> bool:
        """See `was_used`."""
        return False
