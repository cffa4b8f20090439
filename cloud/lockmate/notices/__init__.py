"""Notices: what a holder is told, in the inbox of their pages and by letter (e-mail)."""

from __future__ import annotations

from lockmate.notices.errors import BadNotice, LetterTooLate
from lockmate.notices.models import Notice
from lockmate.notices.undelivered import try_again, undelivered
from lockmate.notices.verbs import CHANNEL, KINDS, about, of, put, read, unread

__all__ = [
    "CHANNEL",
    "KINDS",
    "BadNotice",
    "LetterTooLate",
    "Notice",
    "about",
    "of",
    "put",
    "read",
    "try_again",
    "undelivered",
    "unread",
]
