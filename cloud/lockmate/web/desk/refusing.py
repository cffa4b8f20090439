"""Who was refused at a door, why, and what to do: told to the desk, never by the door's lights."""

from __future__ import annotations

from dataclasses import dataclass

from lockmate.records import Refusal
from lockmate.web.texts import t, word


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal in words."""

    row: Refusal
    who: str
    verdict: str
    why: str


def refused_lines(rows: list[Refusal]) -> list[Refused]:
    """Each with the person, if the door could tell one, the verdict and what to do."""
    return [
        Refused(
            row,
            "" if row.unverified else row.person or t("events.former"),
            word("verdict", row.verdict),
            word("verdict_why", row.verdict),
        )
        for row in rows
    ]
