"""Doors: what each should believe, what was signed for it, and what its companion says."""

from __future__ import annotations

from lockmate.doors import (
    companions,
    denials,
    link,
    linking,
    policies,
    remote,
    renewals,
    rooms,
    ruling,
    schedules,
    truth,
)
from lockmate.doors.commission import commission
from lockmate.doors.denials import could_open, deny, doors_of
from lockmate.doors.errors import (
    BadCompanion,
    BadMac,
    BadNetworks,
    BadRules,
    BadState,
    CompanionExists,
    DenyListFull,
    DoorOffline,
    GenerationJump,
    LinksChanging,
    NoReason,
    NotARoom,
    NotStaffKey,
    OpenUnderWay,
    PolicyTooLong,
    RoomOccupied,
    TooManyOpens,
)
from lockmate.doors.models import Companion, Denial, DoorRules, JournalLog, Policy, RemoteOpen, Renewal, Revocation
from lockmate.doors.opening import end_staff_key, raise_epoch, reset_token
from lockmate.doors.remote import answer_of, may_open, open_of, open_remotely
from lockmate.doors.reports import Heard, heard
from lockmate.doors.ruling import repair_clock, set_rules, set_zones
from lockmate.doors.schedules import Hours
from lockmate.doors.tending import tend
from lockmate.doors.truth import Truth

__all__ = [
    "BadCompanion",
    "BadMac",
    "BadNetworks",
    "BadRules",
    "BadState",
    "Companion",
    "CompanionExists",
    "Denial",
    "DenyListFull",
    "DoorOffline",
    "DoorRules",
    "GenerationJump",
    "Heard",
    "Hours",
    "JournalLog",
    "LinksChanging",
    "NoReason",
    "NotARoom",
    "NotStaffKey",
    "OpenUnderWay",
    "Policy",
    "PolicyTooLong",
    "RemoteOpen",
    "Renewal",
    "Revocation",
    "RoomOccupied",
    "TooManyOpens",
    "Truth",
    "answer_of",
    "commission",
    "companions",
    "could_open",
    "denials",
    "deny",
    "doors_of",
    "end_staff_key",
    "heard",
    "link",
    "linking",
    "may_open",
    "open_of",
    "open_remotely",
    "policies",
    "raise_epoch",
    "remote",
    "renewals",
    "repair_clock",
    "reset_token",
    "rooms",
    "ruling",
    "schedules",
    "set_rules",
    "set_zones",
    "tend",
    "truth",
]
