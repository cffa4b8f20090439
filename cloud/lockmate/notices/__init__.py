"""Notices: what a holder is told, in the inbox of their pages and by letter (e-mail)."""

from __future__ import annotations

from lockmate.notices.errors import BadNotice
from lockmate.notices.models import Notice
from lockmate.notices.verbs import CHANNEL, KINDS, about, of, put, read, unread

__all__ = ["CHANNEL", "KINDS", "BadNotice", "Notice", "about", "of", "put", "read", "unread"]
