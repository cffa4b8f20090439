"""Which language a page is in, and the switch that changes it."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, Flask, current_app, g, redirect, request
from werkzeug.wrappers import Response

from lockmate.settings import LANGUAGES, Settings
from lockmate.web import texts
from lockmate.web.access import public

COOKIE = "lockmate_language"
_YEAR = 365 * 86_400

switch = Blueprint("language", __name__)


def configure_language(app: Flask, settings: Settings) -> None:
    """Choose a language before anything of a request can fail: errors have texts too."""
    texts.load_all()
    app.config["LOCKMATE_LANGUAGE"] = settings.language

    @app.before_request
    def choose() -> None:
        g.language = chosen()


def chosen() -> str:
    """The one switched to (or kept at log in), else the browser's, else the house's."""
    kept = request.cookies.get(COOKIE, "")
    if kept in LANGUAGES:
        return kept
    for wanted in request.accept_languages.values():
        for language in LANGUAGES:
            if wanted.lower().split("-")[0] == language.lower().split("-")[0]:
                return language
    return str(current_app.config["LOCKMATE_LANGUAGE"])


def keep(answer: Response, language: str) -> Response:
    """Remember the language in a cookie."""
    answer.set_cookie(
        COOKIE,
        language,
        max_age=_YEAR,
        httponly=True,
        samesite="Lax",
        secure=current_app.config["SESSION_COOKIE_SECURE"],
    )
    return answer


@switch.post("/language")
@public
def change() -> Response:
    """Switch, and back to the page one came from."""
    language = request.form.get("language", "")
    answer = redirect(safe_path(request.form.get("next", "")))
    return keep(answer, language) if language in LANGUAGES else answer


def safe_path(path: str) -> str:
    """A path of this site, or its root: a form must not send people elsewhere."""
    parts = urlsplit(path)
    clean = not parts.scheme and not parts.netloc and path.startswith("/") and not path.startswith("//")
    return path if clean and "\\" not in path and path.isprintable() else "/desk/"
