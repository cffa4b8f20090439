"""What the house refuses: errors with a stable code, an HTTP status and facts for the sentence shown to people.

The sentences are in the catalogues, under `error.<code>.what` and `error.<code>.do`.
"""

from __future__ import annotations

from typing import ClassVar


class Refused(Exception):
    """A verb said no. `facts` fill the sentence; they hold nothing secret."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 409

    def __init__(self, **facts: object) -> None:
        super().__init__(self.code, facts)
        self.facts = facts

    def __str__(self) -> str:
        told = ", ".join(f"{name}={value}" for name, value in self.facts.items())
        return f"{self.code} ({told})" if told else self.code


class NotFound(Refused):
    """No such thing here; another hotel's is not found either."""

    code = "not_found"
    status = 404


class BadField(Refused):
    """A field from outside is wrong; `facts["field"]` names it."""

    code = "bad_field"
    status = 400


class BadPhone(BadField):
    """Not a phone number: 6 to 15 digits, perhaps after a +."""

    code = "bad_phone"


class BadDates(BadField):
    """Departure is not after arrival, or a date is not one."""

    code = "bad_dates"


def all_codes() -> dict[str, type[Refused]]:
    """Every code that an imported domain can answer with, for the test that each has its sentence."""
    found: dict[str, type[Refused]] = {}
    waiting: list[type[Refused]] = [Refused]
    while waiting:
        kind = waiting.pop()
        found[kind.code] = kind
        waiting.extend(kind.__subclasses__())
    return found
