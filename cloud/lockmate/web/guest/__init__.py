"""The guests' pages; a guest is known by the secret in a cookie, and sees what is theirs."""

from __future__ import annotations

from flask import Blueprint

guest = Blueprint("guest", __name__)

from lockmate.web.guest import carding, carrying, claiming, offline, reading, stickers  # noqa: E402 - they hang on `guest`

__all__ = ["carding", "carrying", "claiming", "guest", "offline", "reading", "stickers"]
