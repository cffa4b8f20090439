"""The browser that a guest holds in the hand: found by its cookie, or met for the first time."""

from __future__ import annotations

from flask import current_app, g, request
from werkzeug.wrappers import Response

from lockmate.keys import Holder, holders

COOKIE = "lockmate_phone"
_HALF_YEAR = 182 * 86_400


def known() -> Holder | None:
    """Whose phone this is; None for one that never claimed here."""
    secret = request.cookies.get(COOKIE, "")
    return holders.of(secret) if secret else None


def who() -> str:
    """One browser, for rate limits; all guests of a hotel may share its network's address."""
    return request.cookies.get(COOKIE) or request.remote_addr or ""


def known_or_new() -> tuple[Holder, str | None]:
    """The holder, and the secret of one that is new; one that is spent (a phone was lost) gives way to a new one."""
    found = known()
    return (found, None) if found and not holders.is_spent(found) else holders.new(g.language)


def remember(answer: Response, secret: str | None) -> Response:
    """Give a new holder its cookie; scripts can't read it, and other sites' forms don't send it."""
    if secret is not None:
        answer.set_cookie(
            COOKIE,
            secret,
            max_age=_HALF_YEAR,
            path="/g/",
            httponly=True,
            samesite="Lax",
            secure=current_app.config["SESSION_COOKIE_SECURE"],
        )
    return answer
