"""Who works here: accounts, what their role allows, and the audit trail of what they did."""

from __future__ import annotations

from lockmate.staff import audit, requests, systems
from lockmate.staff.actor import PERMISSIONS, Actor, require
from lockmate.staff.errors import (
    AccountExists,
    BadAccount,
    BadSystem,
    NeedsPerson,
    NotAllowed,
    RequestReused,
    SystemExists,
    WrongPassword,
    WrongToken,
)
from lockmate.staff.models import Account, Audit, Request, System
from lockmate.staff.requests import once
from lockmate.staff.verbs import actor_of, create_account, set_sheaf, sign_in

__all__ = [
    "PERMISSIONS",
    "Account",
    "AccountExists",
    "Actor",
    "Audit",
    "BadAccount",
    "BadSystem",
    "NeedsPerson",
    "NotAllowed",
    "Request",
    "RequestReused",
    "System",
    "SystemExists",
    "WrongPassword",
    "WrongToken",
    "actor_of",
    "audit",
    "create_account",
    "once",
    "requests",
    "require",
    "set_sheaf",
    "sign_in",
    "systems",
]
