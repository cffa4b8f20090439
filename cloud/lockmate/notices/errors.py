"""What may be wrong with a notice."""

from __future__ import annotations

from lockmate.errors import BadField, Refused


class BadNotice(BadField):
    """A kind that nobody would find words for."""

    code = "bad_notice"


class LetterTooLate(Refused):
    """Its time is over, or a newer one for the same address went instead."""

    code = "letter_too_late"
