"""Who may see what: nothing without a permission, unless a view says it is for everybody."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from flask import Flask, abort, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from lockmate import staff
from lockmate.properties import Property
from lockmate.settings import Settings
from lockmate.staff import Actor

View = TypeVar("View", bound=Callable[..., Any])

ACCOUNT = "account"
_KEY_MAX = 32


def allowed(permission: str) -> Callable[[View], View]:
    """Marks a view as the staff's, with the permission it needs."""

    def mark(view: View) -> View:
        view.permission = permission  # type: ignore[attr-defined]
        return view

    return mark


def public(view: View) -> View:
    """Marks a view as everybody's; it looks itself at what is asked for (a holder's cookie, a ticket)."""
    view.public = True  # type: ignore[attr-defined]
    return view


def configure_access(app: Flask, _settings: Settings) -> None:
    """Look at every request's view before it runs; one without a mark is refused."""
    public(app.view_functions["static"])

    @app.before_request
    def look() -> ResponseReturnValue | None:
        g.actor = None
        if request.endpoint is None:
            return None  # no such page: the router answers
        view = app.view_functions[request.endpoint]
        if getattr(view, "public", False):
            return None
        permission = getattr(view, "permission", None)
        if permission is None:
            abort(403)
        g.actor = signed_in()
        if g.actor is None:
            return to_log_in()
        staff.require(g.actor, permission)
        return None


def signed_in() -> Actor | None:
    """The actor of this session; None if nobody signed in, or the account was closed since."""
    account_id = session.get(ACCOUNT)
    return staff.actor_of(account_id) if isinstance(account_id, int) else None


def to_log_in() -> ResponseReturnValue:
    """A page sends to the log-in; a part of a page, or a program, is told 401."""
    if request.headers.get("X-Fragment") or request.accept_mimetypes.best_match(
        ["text/html", "application/json"]
    ) == "application/json":
        abort(401)
    after = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("desk.log_in", next=after))


def actor() -> Actor:
    """Who asks; only in views that need a permission. With the form's key, so that what is sent twice is done once.

    A form that was filled in anew, after going back to its page, is another request: what was sent is in the key.
    """
    found: Actor = g.actor
    key = request.form.get("request", "")[:_KEY_MAX]
    if not key:
        return found
    sent = request.form.items(multi=True)
    said = sorted((name, value) for name, value in sent if name not in ("csrf_token", "request"))
    told = json.dumps([request.path, said]).encode()
    return replace(found, request=f"{key}.{hashlib.sha256(told).hexdigest()[:16]}")


def here() -> Property:
    """The hotel of who asks."""
    return actor().property
