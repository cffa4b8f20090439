"""Cookies, cross-site request forgery, rate limits and the headers that keep pages to themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from flask import Flask, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response

from lockmate.settings import Settings
from lockmate.web.access import signed_in

_SHIFT = timedelta(hours=12)
_BODY_MAX = 64 * 1024
_FILE_MAX = 1024 * 1024

View = TypeVar("View", bound=Callable[..., Any])

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

csrf = CSRFProtect()
# In each process's memory: enough against guessing on one machine; several web machines need a shared store.
limiter = Limiter(get_remote_address, storage_uri="memory://", headers_enabled=False)


def configure_settings(app: Flask, settings: Settings) -> None:
    """Flask's own settings from ours."""
    secure = settings.secure_cookies or settings.public_url.startswith("https://")
    app.config.update(
        SECRET_KEY=settings.secret_key(),
        SESSION_COOKIE_NAME="lockmate_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=secure,
        PERMANENT_SESSION_LIFETIME=_SHIFT,
        # Only what changes the session sends it: else a part of a page that is asked for again and again, and was asked
        # for before a step, brings the session back as it was: without that step's message, or after a log-out.
        SESSION_REFRESH_EACH_REQUEST=False,
        MAX_CONTENT_LENGTH=_BODY_MAX,
        MAX_FORM_MEMORY_SIZE=_BODY_MAX,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a desk page stays open all day
        LOCKMATE_PUBLIC_URL=settings.public_url,
    )


def configure_proxies(app: Flask, settings: Settings) -> None:
    """Who asks, by which name and over which scheme, as the proxies before us tell it; without them nobody is believed.

    Each proxy appends to X-Forwarded-For what it saw, so only the last entries, one for each of ours, are its word;
    limits by address then count the guest and not the proxy.
    """
    count = settings.trusted_proxies
    if count:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]


def roomy(view: View) -> View:
    """Marks a view whose form may carry a file."""
    view.body_max = _FILE_MAX  # type: ignore[attr-defined]
    return view


def configure_csrf(app: Flask, _settings: Settings) -> None:
    """Every POST carries the session's token; a longer form is taken only where a view is marked for it."""

    @app.before_request
    def size() -> None:
        most = getattr(app.view_functions.get(request.endpoint or ""), "body_max", None)
        if most is not None and signed_in() is not None:
            request.max_content_length = request.max_form_memory_size = most

    csrf.init_app(app)


def configure_limits(app: Flask, _settings: Settings) -> None:
    """Limits are written at the views they slow."""
    app.config.setdefault("RATELIMIT_SWALLOW_ERRORS", False)
    limiter.init_app(app)
    limiter.reset()  # the counters are the process's; a new application begins anew


def configure_headers(app: Flask, settings: Settings) -> None:
    """The same on every answer."""
    secure = settings.public_url.startswith("https://")

    @app.after_request
    def headers(answer: Response) -> Response:
        answer.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Referrer-Policy"] = "same-origin"
        answer.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        answer.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), screen-wake-lock=(self)"
        if secure:
            answer.headers["Strict-Transport-Security"] = "max-age=31536000"
        if request.endpoint != "static" and "Cache-Control" not in answer.headers:
            answer.headers["Cache-Control"] = "no-store"
        return answer
