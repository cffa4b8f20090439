"""Amounts of money, as people of a language write them."""

from __future__ import annotations

import re

from babel.numbers import format_currency, get_currency_precision
from flask import g

from lockmate.errors import BadField

_AMOUNT = re.compile(r"(-?)([0-9]{1,9})(?:[.,]([0-9]{1,3}))?")


def read(name: str, text: str, currency: str) -> int:
    """An amount in the currency's smallest unit; below 0 if it was given back. Raises BadField."""
    found = _AMOUNT.fullmatch(text.replace(" ", "").replace("−", "-"))
    digits = get_currency_precision(currency)
    part = (found[3] or "") if found else ""
    if found is None or len(part) > digits:
        raise BadField(field=name)
    amount: int = int(found[2]) * 10**digits + int(part.ljust(digits, "0") or 0)
    return -amount if found[1] else amount


def shown(amount_minor: int, currency: str) -> str:
    """`¥380.00`, by the reader's language."""
    value = amount_minor / 10 ** get_currency_precision(currency)
    return str(format_currency(value, currency, locale=g.language.replace("-", "_")))
