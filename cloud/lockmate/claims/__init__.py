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
from lockmate.claims.verbs import (
    ClaimRow,
    claim_of,
    confirm,
    confirm_staff,
    of_holder,
    open,  # noqa: A004 - a claim is opened
    waiting,
    withdraw,
)

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
    "confirm_staff",
    "desk_ticket",
    "of_holder",
    "open",
    "waiting",
    "withdraw",
]
