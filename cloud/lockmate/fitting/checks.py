"""The checks of an acceptance: facts in, what has passed out. What the board can sense is never asked of a person.

Pure: no clock, no database. Evidence is the door's own events, each with a tag under its link key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

# in the order in which a person walks through them
HEARD, POLICY, CLOCK, SIGNAL = "heard", "policy", "clock", "signal"
VALID, LIGHT, SOUND, BOLT, AJAR = "valid", "light", "sound", "bolt", "ajar"
EXPIRED, TAMPERED, WRONG_DOOR = "expired", "tampered", "wrong_door"
CARD, INSIDE, FORCED, PRIVACY = "card_open", "inside_open", "forced", "privacy"
CHECKS: Final = (
    HEARD, POLICY, CLOCK, SIGNAL, VALID, LIGHT, SOUND, BOLT, AJAR, EXPIRED, TAMPERED, WRONG_DOOR, CARD, INSIDE, FORCED,
    PRIVACY,
)  # fmt: skip
CODES: Final = (VALID, EXPIRED, TAMPERED, WRONG_DOOR)  # checks for which the laptop shows a code
ASKED: Final = (LIGHT, SOUND, BOLT)  # what a person may have to answer; the bolt only where nothing senses it
# which inputs of the board a sensed check needs; without them it can't be made and is not asked for
_NEEDS: Final[Mapping[str, frozenset[str]]] = {
    AJAR: frozenset({"door"}),
    CARD: frozenset({"motor"}),
    INSIDE: frozenset({"handle"}),
    FORCED: frozenset({"door", "bolt"}),
    PRIVACY: frozenset({"privacy"}),
}
_KINDS: Final = {AJAR: "ajar", CARD: "card_open", INSIDE: "inside_open", FORCED: "forced", PRIVACY: "privacy_on"}
_REFUSALS: Final = {EXPIRED: "expired", TAMPERED: "forged", WRONG_DOOR: "wrong_door"}
RSSI_LEAST: Final = -78  # dBm: below it a door is lost with the first closed lift
CLOCK_MOST: Final = 60  # seconds between the bounds of the door's clock


@dataclass(frozen=True, slots=True)
class Seen:
    """An event of the companion since the acceptance began."""

    kind: str
    verdict: str
    key_id: str
    at: int  # ms, when it came in
    log: str
    seq: int
    tag: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known when the checks are judged; times in ms."""

    key_id: str
    heard_at: int | None
    started_at: int
    policy_confirmed_at: int | None  # when the door confirmed its newest policy; None while it is behind
    clock: tuple[int, int | None]  # [lo, hi] seconds
    senses: frozenset[str]
    rssi: int | None
    throws: int | None  # of the bolt in our pulses since the acceptance began; None: not told, or the door restarted
    events: Sequence[Seen]
    answers: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """state: "passed", "waiting", "failed", or "absent" where this door has no sense for it."""

    name: str
    how: str  # "sensed" | "asked"
    state: str
    at: int | None = None
    evidence: Seen | None = None
    note: str = ""  # a verdict or figure that tells why it is not passed


def judge(facts: Facts) -> list[Check]:
    """Every check, in order."""
    return [_one(name, facts) for name in CHECKS]


def missing(checks: Sequence[Check]) -> list[str]:
    """The names of those that still have to pass."""
    return [check.name for check in checks if check.state not in ("passed", "absent")]


def _one(name: str, facts: Facts) -> Check:
    heard = facts.heard_at is not None and facts.heard_at >= facts.started_at
    if name == HEARD:
        return _sensed(name, heard, facts.heard_at)
    if not heard:
        return Check(name, "sensed", "waiting")  # what it senses, and how it does, is not known yet
    if name == POLICY:
        return _sensed(name, facts.policy_confirmed_at is not None, facts.policy_confirmed_at)
    if name == CLOCK:
        lo, hi = facts.clock
        right = hi is not None and hi - lo <= CLOCK_MOST
        return _sensed(name, right, facts.heard_at, "" if hi is None else f"± {hi - lo} s")
    if name == SIGNAL:
        if facts.rssi is None:
            return Check(name, "sensed", "absent")
        return _sensed(name, facts.rssi >= RSSI_LEAST, facts.heard_at, f"{facts.rssi} dBm")
    if name == VALID:
        return _valid(facts)
    if name == BOLT and "bolt" in facts.senses:
        return _sensed(name, bool(facts.throws), facts.heard_at)
    if name in ASKED:
        return _asked(name, facts)
    if name in _REFUSALS:
        return _by_event(name, facts, lambda seen: seen.kind == "refused" and seen.verdict == _REFUSALS[name])
    if not _NEEDS[name] <= facts.senses:
        return Check(name, "sensed", "absent")
    return _by_event(name, facts, lambda seen: seen.kind == _KINDS[name])


def _valid(facts: Facts) -> Check:
    found = _by_event(VALID, facts, lambda seen: seen.kind == "opened" and seen.key_id == facts.key_id)
    if found.state == "passed":
        return found
    refused = [seen for seen in facts.events if seen.kind == "refused" and seen.key_id == facts.key_id]
    if refused:
        return Check(VALID, "sensed", "failed", refused[-1].at, refused[-1], refused[-1].verdict)
    return found


def _by_event(name: str, facts: Facts, wanted: Callable[[Seen], bool]) -> Check:
    for seen in facts.events:
        if wanted(seen):
            return Check(name, "sensed", "passed", seen.at, seen)
    return Check(name, "sensed", "waiting")


def _sensed(name: str, passed: bool, at: int | None, note: str = "") -> Check:
    return Check(name, "sensed", "passed" if passed else "waiting", at if passed else None, None, note)


def _asked(name: str, facts: Facts) -> Check:
    answer = facts.answers.get(name)
    state = "waiting" if answer is None else "passed" if answer else "failed"
    return Check(name, "asked", state)
