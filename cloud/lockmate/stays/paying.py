"""Payments: recorded as they are taken or given back at the desk; nothing is processed."""

from __future__ import annotations

import re
from typing import NamedTuple

from lockmate import clock
from lockmate.db import transaction
from lockmate.staff import Actor, audit, once
from lockmate.stays.errors import BadPayment, StayEnded
from lockmate.stays.models import Payment, Stay

PAYMENT_METHODS = ("cash", "card", "wechat", "alipay", "transfer", "company", "other")
_CURRENCY = re.compile(r"[A-Z]{3}")
_AMOUNT_MAX = 10**12
_NOTE_MAX = 120


class Paid(NamedTuple):
    """What was paid; `amount_minor` counts the currency's smallest unit, below 0 if it was given back."""

    amount_minor: int
    currency: str
    method: str
    note: str = ""


@once("stay:pay")
def pay(stay: Stay, amount_minor: int, currency: str, method: str, note: str = "", *, by: Actor) -> Payment:
    """Record a payment of a stay, one that has ended too.

    Raises BadPayment, StayEnded for a draft given up, ChangedMeanwhile: what is sent twice is not paid twice.
    """
    by.within(stay.property_id)
    note = " ".join(note.split())
    if amount_minor == 0 or abs(amount_minor) > _AMOUNT_MAX:
        raise BadPayment(field="amount")
    if not _CURRENCY.fullmatch(currency):
        raise BadPayment(field="currency")
    if method not in PAYMENT_METHODS:
        raise BadPayment(field="method")
    if len(note) > _NOTE_MAX or not note.isprintable():
        raise BadPayment(field="note")
    with transaction():
        if Stay.get_by_id(stay.id).state == "discarded":
            raise StayEnded(stay=stay.id)
        stay = stay.lock()
        payment = Payment.create(
            stay=stay,
            at=clock.now_ms(),
            amount_minor=amount_minor,
            currency=currency,
            method=method,
            note=note,
            taken_by=by.name,
        )
        audit.record(by, "stay:pay", f"stay {stay.id}", amount_minor=amount_minor, currency=currency, method=method)
        return payment


def payments_of(stay: Stay) -> list[Payment]:
    """The payments of a stay, oldest first."""
    return list(Payment.select().where(Payment.stay == stay).order_by(Payment.id))
