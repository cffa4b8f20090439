"""Doors: what each should believe, what was signed for it, and what its companion says."""

from __future__ import annotations

from lockmate.doors import companions, denials, link, policies, rooms, truth
from lockmate.doors.commission import commission
from lockmate.doors.denials import deny, doors_of
from lockmate.doors.errors import (
    BadCompanion,
    BadMac,
    BadRules,
    BadState,
    CompanionExists,
    DenyListFull,
    GenerationJump,
    NotARoom,
    PolicyTooLong,
    RoomOccupied,
)
from lockmate.doors.models import Companion, Denial, DoorRules, JournalLog, Policy, Revocation
from lockmate.doors.reports import Heard, heard
from lockmate.doors.truth import Truth

__all__ = [
    "BadCompanion",
    "BadMac",
    "BadRules",
    "BadState",
    "Companion",
    "CompanionExists",
    "Denial",
    "DenyListFull",
    "DoorRules",
    "GenerationJump",
    "Heard",
    "JournalLog",
    "NotARoom",
    "Policy",
    "PolicyTooLong",
    "Revocation",
    "RoomOccupied",
    "Truth",
    "commission",
    "companions",
    "denials",
    "deny",
    "doors_of",
    "heard",
    "link",
    "policies",
    "rooms",
    "truth",
]
