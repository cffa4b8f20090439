"""Claims: opened by a guest's phone, listed and confirmed at the desk."""

from __future__ import annotations

import hmac
import secrets
from collections import Counter
from typing import NamedTuple

from peewee import Expression

from lockmate import clock
from lockmate.claims.errors import ClaimEnded, ClaimSettled, DeskBusy, WrongCode, WrongDigits
from lockmate.claims.models import Claim
from lockmate.claims.tickets import check_ticket
from lockmate.db import transaction
from lockmate.errors import NotFound
from lockmate.keys import issue_staff
from lockmate.keys.models import Holder, Key
from lockmate.properties.models import Property
from lockmate.staff import Actor, audit, once
from lockmate.stays import Guest, authorise, phone_of

CLAIM_MS = 15 * 60 * 1000
_LETTERS = "ACDEFHJKLMNPRTUVWXY"  # none that is taken for a digit or another letter: no B G I O Q S Z
_DIGITS = "2346789"
_TRIES = 50


class ClaimRow(NamedTuple):
    """A waiting phone; `duplicate`: another one waits with the same number."""

    claim: Claim
    duplicate: bool


def open(ticket: str, holder: Holder, phone: str) -> Claim:  # noqa: A001 - a claim is opened
    """A phone begins to wait; an earlier claim of the same browser is withdrawn.

    Raises TicketEnded, BadTicket, BadPhone, DeskBusy.
    """
    property = check_ticket(ticket)
    number = phone_of(phone)
    now = clock.now_ms()
    with transaction():
        Claim.update(state="withdrawn").where(_is_waiting(property, now), Claim.holder == holder).execute()
        return Claim.create(
            property=property,
            holder=holder,
            phone=number,
            code=_free_code(property, now),
            made_at=now,
            ends_at=now + CLAIM_MS,
        )


def waiting(property: Property) -> list[ClaimRow]:
    """The phones that wait now, oldest first."""
    claims = list(Claim.select().where(_is_waiting(property, clock.now_ms())).order_by(Claim.id))
    numbers = Counter(claim.phone for claim in claims)
    return [ClaimRow(claim, numbers[claim.phone] > 1) for claim in claims]


@once("claim:confirm")
def confirm(claim: Claim, guest: Guest, code: str, last4: str, *, by: Actor) -> Key:
    """The desk compared code and last four digits with the phone before it: the guest gets the key.

    Raises WrongCode, WrongDigits, ClaimEnded, ClaimSettled, and what `stays.authorise` raises.
    """
    by.within(claim.property_id)
    with transaction():
        claim = _compared(claim, code, last4)
        key = authorise(guest, claim.holder, claim.phone, by=by)
        claim.state, claim.key = "confirmed", key
        claim.save()
        audit.record(by, "claim:confirm", f"claim {claim.id}", guest=guest.id, key=key.key_id)
        return key


@once("claim:confirm_staff")
def confirm_staff(
    claim: Claim,
    code: str,
    last4: str,
    *,
    zones: int,
    label: str,
    starts_at: int,
    ends_at: int,
    kind: str = "staff",
    by: Actor,
) -> Key:
    """The same for one of the staff: that phone gets a staff (or emergency) key for these zones and times (ms).

    Raises WrongCode, WrongDigits, ClaimEnded, ClaimSettled, and what `keys.issue_staff` raises.
    """
    by.within(claim.property_id)
    with transaction():
        claim = _compared(claim, code, last4)
        key = issue_staff(claim.holder, claim.property, zones, label, starts_at, ends_at, kind, by=by)
        Holder.update(phone=claim.phone).where(Holder.id == claim.holder_id).execute()
        claim.state, claim.key = "confirmed", key
        claim.save()
        audit.record(by, "claim:confirm_staff", f"claim {claim.id}", key=key.key_id)
        return key


def withdraw(claim: Claim) -> None:
    """The guest does not wait any more; one that is settled stays so."""
    with transaction():
        Claim.update(state="withdrawn").where(Claim.id == claim.id, Claim.state == "waiting").execute()
    claim.state = Claim.get_by_id(claim.id).state


def of_holder(holder: Holder) -> list[Claim]:
    """All claims of a browser, newest first."""
    return list(Claim.select().where(Claim.holder == holder).order_by(Claim.id.desc()))


def claim_of(holder: Holder, claim_id: int) -> Claim:
    """This browser's claim; anybody else's is not found."""
    found = Claim.get_or_none(Claim.id == claim_id, Claim.holder == holder)
    if found is None:
        raise NotFound(what="claim")
    return found


def _compared(claim: Claim, code: str, last4: str) -> Claim:
    """The claim as it is now, if it waits and both were compared right."""
    claim = Claim.get_by_id(claim.id)
    if claim.state != "waiting":
        raise ClaimSettled(state=claim.state)
    if claim.ends_at <= clock.now_ms():
        raise ClaimEnded
    if not _same(_plain(code), _plain(claim.code)):
        raise WrongCode
    if not _same(last4.strip(), claim.phone[-4:]):
        raise WrongDigits
    return claim


def _is_waiting(property: Property, now: int) -> Expression:
    """The condition, for a query."""
    condition: Expression = (Claim.property == property) & (Claim.state == "waiting") & (Claim.ends_at > now)
    return condition


def _free_code(property: Property, now: int) -> str:
    used = {claim.code for claim in Claim.select(Claim.code).where(_is_waiting(property, now))}
    for _ in range(_TRIES):
        one, two, three = (secrets.choice(_DIGITS) for _ in range(3))
        code = f"{secrets.choice(_LETTERS)}{one}-{two}{three}"
        if code not in used:
            return code
    raise DeskBusy


def _plain(code: str) -> str:
    return "".join(code.upper().split()).replace("-", "")


def _same(a: str, b: str) -> bool:
    return hmac.compare_digest(a.encode(), b.encode())
