"""Dead letters: what was to go out and was given up, for people to see, and to try again."""

from __future__ import annotations

from lockmate import outbox
from lockmate.db import transaction
from lockmate.errors import NotFound
from lockmate.notices.errors import LetterTooLate
from lockmate.outbox import Outbox
from lockmate.properties import Property
from lockmate.staff import Actor, audit


def undelivered(property: Property, limit: int = 100) -> list[Outbox]:
    """What this hotel gave up, newest first."""
    return outbox.dead(property.id, limit)


def try_again(letter_id: int, *, by: Actor) -> Outbox:
    """Put a dead letter back among those to go, from its first attempt.

    Raises NotFound if the hotel has no such dead letter, LetterTooLate if its time is over or a newer one went instead.
    """
    with transaction():
        row: Outbox | None = Outbox.get_or_none(
            Outbox.id == letter_id, Outbox.property == by.property, Outbox.state == "dead"
        )
        if row is None:
            raise NotFound(what="letter")
        if not outbox.again(row):
            raise LetterTooLate(address=row.address)
        audit.record(by, "delivery:retry", f"outbox {row.id}", channel=row.channel, address=row.address)
        return row
