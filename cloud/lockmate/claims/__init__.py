"""Claims: a phone waits at the desk and is picked."""

from __future__ import annotations

from lockmate.claims.errors import (
    BadTicket,
    ClaimEnded,
    ClaimSettled,
    DeskBusy,
    TicketEnded,
    WrongCode,
    WrongDigits,
)
from lockmate.claims.models import Claim
from lockmate.claims.tickets import check_ticket, desk_ticket
from lockmate.claims.verbs import ClaimRow, claim_of, confirm, of_holder, open, waiting, withdraw  # noqa: A004 - verb

__all__ = [
    "BadTicket",
    "Claim",
    "ClaimEnded",
    "ClaimRow",
    "ClaimSettled",
    "DeskBusy",
    "TicketEnded",
    "WrongCode",
    "WrongDigits",
    "check_ticket",
    "claim_of",
    "confirm",
    "desk_ticket",
    "of_holder",
    "open",
    "waiting",
    "withdraw",
]
