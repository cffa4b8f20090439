"""What every request and template has: an open database, texts, times."""

from __future__ import annotations

import secrets

from flask import Flask, g, request

from lockmate import clock
from lockmate.db import database
from lockmate.settings import LANGUAGES, Settings
from lockmate.web import texts, times
from lockmate.web.language import chosen


def configure_database(app: Flask, _settings: Settings) -> None:
    """One connection per request, from the pool and back to it."""

    @app.before_request
    def connect() -> None:
        if request.endpoint != "static":
            database.connect(reuse_if_open=True)
            g.connected = True

    @app.teardown_request
    def close(_error: BaseException | None) -> None:
        if g.pop("connected", False) and not database.is_closed():
            database.close()


def configure_templates(app: Flask, _settings: Settings) -> None:
    """Names that templates may use."""
    app.jinja_env.globals.update(
        t=texts.t,
        word=texts.word,
        day=times.day,
        moment=times.moment,
        full=times.full,
        iso=times.iso,
        languages=LANGUAGES,
        request_key=lambda: secrets.token_urlsafe(12),  # of one form on one page: sent twice, it is done once
    )
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True

    @app.context_processor
    def names() -> dict[str, object]:
        if "language" not in g:
            g.language = chosen()
        return {"language": g.language, "actor": g.get("actor"), "now_s": clock.now_s()}
