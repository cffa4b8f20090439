"""Keys: the right of one person to open doors, and the tokens that state it."""

from __future__ import annotations

from lockmate.keys import epochs, holders, issuer, token, vault
from lockmate.keys.errors import (
    BadEmail,
    BadStaffKey,
    CarryEnded,
    IssuerMissing,
    KeyEnded,
    KeyNotYet,
    SlotTaken,
    TokenMalformed,
    WrongMasterKey,
)
from lockmate.keys.models import Browser, Carry, Epoch, Holder, IssuerKey, Key
from lockmate.keys.sheaves import Slot, sheaf
from lockmate.keys.staffing import end_printed, issue_staff, printed_set, staff_keys
from lockmate.keys.verbs import activate, assume_minted, end, issue, key_of, keys_of

__all__ = [
    "BadEmail",
    "BadStaffKey",
    "Browser",
    "Carry",
    "CarryEnded",
    "Epoch",
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
    "assume_minted",
    "end",
    "end_printed",
    "epochs",
    "holders",
    "issue",
    "issue_staff",
    "issuer",
    "key_of",
    "keys_of",
    "printed_set",
    "sheaf",
    "staff_keys",
    "token",
    "vault",
]
