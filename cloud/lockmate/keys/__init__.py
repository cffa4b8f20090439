"""Keys: the right of one person to open doors, and the tokens that state it."""

from __future__ import annotations

from lockmate.keys import holders, issuer, token, vault
from lockmate.keys.errors import (
    IssuerMissing,
    KeyEnded,
    KeyNotYet,
    SlotTaken,
    TokenMalformed,
    WrongMasterKey,
)
from lockmate.keys.models import Holder, IssuerKey, Key
from lockmate.keys.sheaves import Slot, sheaf
from lockmate.keys.verbs import activate, end, issue, key_of, keys_of

__all__ = [
    "Holder",
    "IssuerKey",
    "IssuerMissing",
    "Key",
    "KeyEnded",
    "KeyNotYet",
    "Slot",
    "SlotTaken",
    "TokenMalformed",
    "WrongMasterKey",
    "activate",
    "end",
    "holders",
    "issue",
    "issuer",
    "key_of",
    "keys_of",
    "sheaf",
    "token",
    "vault",
]
