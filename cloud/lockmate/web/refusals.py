"""The answers to what is refused or goes wrong: a stable code, what happened, what to do."""

from __future__ import annotations

import logging

from flask import Flask, g, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from lockmate.errors import BadField, Refused
from lockmate.settings import Settings
from lockmate.web import reports, texts
from lockmate.web.language import chosen

_LOG = logging.getLogger("lockmate.web")

# what the HTTP layer itself refuses; the rest of 4xx is bad_request
_HTTP = {
    401: "signed_out",
    403: "not_allowed",
    404: "no_page",
    405: "bad_method",
    413: "too_large",
    429: "too_many",
}


def configure_refusals(app: Flask, _settings: Settings) -> None:
    """Answer every kind of failure in the reader's language."""

    @app.errorhandler(Refused)
    def refused(error: Refused) -> ResponseReturnValue:
        return answer(error.code, error.status, error.facts, field_of(error))

    @app.errorhandler(CSRFError)
    def forged_form(_error: CSRFError) -> ResponseReturnValue:
        return answer("stale_form", 400)

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> ResponseReturnValue:
        status = error.code or 500
        if status < 400:
            return error
        return answer(_HTTP.get(status, "bad_request" if status < 500 else "failed"), status)

    @app.errorhandler(Exception)
    def failed(error: Exception) -> ResponseReturnValue:
        _LOG.error("%s %s failed", request.method, request.path, exc_info=error)
        return answer("failed", 500)


def field_of(error: Refused) -> str:
    """The name of the wrong field, as people know it."""
    field = str(error.facts.get("field", ""))
    return texts.word("field", field) if isinstance(error, BadField) and field else ""


def sentences(code: str, facts: dict[str, object] | None = None, field: str = "") -> tuple[str, str]:
    """What happened and what to do. Facts are filled in as they are told; a missing one leaves a dash."""
    known = _Facts(facts or {})
    if field:
        known["field"] = field
    texts_here = texts.catalogue(g.language)
    key = code if texts.has(f"error.{code}.what") else "refused"
    return texts_here[f"error.{key}.what"].format_map(known), texts_here[f"error.{key}.do"].format_map(known)


def answer(code: str, status: int, facts: dict[str, object] | None = None, field: str = "") -> ResponseReturnValue:
    """A page, a part of one, or JSON, as was asked for."""
    if "language" not in g:
        g.language = chosen()
    what, do = sentences(code, facts, field)
    if for_programs():
        return {"code": code, "what": what, "do": do, "facts": _plain(facts or {})}, status
    if wants_json():
        return {"code": code, "what": what, "do": do}, status
    face = "guest" if request.path.startswith("/g/") else "desk"
    whole = not request.headers.get("X-Fragment")
    page = f"{face}/refused.html" if whole else "refusal.html"
    told = reports.of(code, status, facts or {}) if face == "desk" else None
    return render_template(page, code=code, what=what, do=do, status=status, told=told), status


def for_programs() -> bool:
    """Whether one of the interfaces for programs is asked: they get JSON, whatever they say that they take."""
    return request.path.startswith("/api/")


def _plain(facts: dict[str, object]) -> dict[str, object]:
    return {name: value if isinstance(value, (bool, int, str)) else str(value) for name, value in facts.items()}


def wants_json() -> bool:
    """Whether the asker prefers JSON; a browser, or one who takes anything, gets a page."""
    return request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"


class _Facts(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "–"
