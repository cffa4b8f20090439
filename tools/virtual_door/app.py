"""The virtual door page's web application: shows the doors, takes codes, gestures, power and network cuts."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, abort, current_app, jsonify, redirect, render_template, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from tools.virtual.companion import CompanionError
from tools.virtual_door.doors import DoorError
from tools.virtual_door.pixels import IMAGE_BYTES_MAX, PixelsError, read_code

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from tools.virtual_door.doors import VirtualDoors

LANGUAGES = ("zh-CN", "en")
_COOKIE = "lockmate_doors_language"  # cookies are shared between ports: a name of our own
_HERE = Path(__file__).parent
_HAND = "X-Lockmate-Hand"  # only our own page can send it: a page of another site would need our leave (CORS)
_CODE_MAX = 4096  # bytes; the firmware must stand longer lines than a token's 151, so they are let through
_STATUS = {"unknown_door": 404, "no_power": 409, "no_cable": 409}
_POLICY = "default-src 'self'; img-src 'self' data: blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

page = Blueprint("doors", __name__)


class _Json(DefaultJSONProvider):
    """Chinese as it is."""

    ensure_ascii = False


@cache
def catalogue(language: str) -> dict[str, Any]:
    """The texts of a language."""
    return tomllib.loads((_HERE / "catalogue" / f"{language}.toml").read_text("utf-8"))


def create_app(doors: VirtualDoors, *, desk_url: str = "") -> Flask:
    """The application for these doors; the front desk's address is shown as a link."""
    app = Flask(__name__)
    app.json = _Json(app)
    app.config["MAX_CONTENT_LENGTH"] = IMAGE_BYTES_MAX + 65_536
    app.config["DESK_URL"] = desk_url
    app.extensions["doors"] = doors
    app.register_blueprint(page)
    return app


def _doors() -> VirtualDoors:
    return cast("VirtualDoors", current_app.extensions["doors"])


def _body() -> dict[str, Any]:
    facts = request.get_json(silent=True)
    if not isinstance(facts, dict):
        raise DoorError("bad_request")
    return facts


def _on() -> bool:
    on = _body().get("on")
    if not isinstance(on, bool):
        raise DoorError("bad_request")
    return on


# --- around every request


@page.before_app_request
def guard() -> None:
    """Only our own page may move a door, and only under loopback's names (a rebound DNS name is not one)."""
    if request.host.rsplit(":", 1)[0] not in {"127.0.0.1", "localhost"}:
        abort(403)
    if request.method == "POST" and request.headers.get(_HAND) != "1":
        abort(403)


@page.after_app_request
def headers(answer: Response) -> Response:
    """The page loads nothing from elsewhere and shows in nobody's frame."""
    answer.headers["Content-Security-Policy"] = _POLICY
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


@page.app_errorhandler(DoorError)
@page.app_errorhandler(PixelsError)
def refused(error: DoorError | PixelsError) -> ResponseReturnValue:
    """A stable code; its sentence is in the catalogue."""
    return jsonify(error=error.code), _STATUS.get(error.code, 400)


@page.app_errorhandler(CompanionError)
def silent(_error: CompanionError) -> ResponseReturnValue:
    """The firmware's process did not do what was asked."""
    return jsonify(error="companion_silent"), 503


@page.app_errorhandler(RequestEntityTooLarge)
def too_large(_error: RequestEntityTooLarge) -> ResponseReturnValue:
    """More than any picture needs."""
    return jsonify(error="image_too_big"), 413


@page.app_errorhandler(HTTPException)
def http_error(error: HTTPException) -> ResponseReturnValue:
    """Everything else that HTTP knows."""
    code = error.code or 500
    return jsonify(error="not_found" if code == 404 else "bad_request"), code


# --- what is seen


@page.get("/")
def all_doors() -> ResponseReturnValue:
    """The page; `?lang=` keeps a language."""
    asked = request.args.get("lang", "")
    if asked in LANGUAGES:
        answer = redirect("/")
        answer.set_cookie(_COOKIE, asked, max_age=31_536_000, samesite="Strict")
        return answer
    kept = request.cookies.get(_COOKIE, "")
    language = kept if kept in LANGUAGES else request.accept_languages.best_match(LANGUAGES, LANGUAGES[0])
    shown = [door.facts() for door in _doors()]
    html = render_template("doors.html", t=catalogue(language), language=language, doors=shown,
                           desk_url=current_app.config["DESK_URL"])
    return html, {"Cache-Control": "no-store"}


@page.get("/doors")
def live() -> ResponseReturnValue:
    """Every door's facts, asked for again and again."""
    answer = jsonify(doors=[door.facts() for door in _doors()])
    answer.headers["Cache-Control"] = "no-cache"
    answer.add_etag()
    return answer.make_conditional(request)


# --- the guest's phone


@page.post("/phone/image")
def phone() -> ResponseReturnValue:
    """A picture of the desk's QR; the address in it, if it is one of our hotel's pages."""
    upload = request.files.get("image")
    if upload is None:
        raise DoorError("nothing_to_scan")
    address = read_code(upload.read(IMAGE_BYTES_MAX + 1))
    desk = urlsplit(current_app.config["DESK_URL"])
    if not address.startswith(f"{desk.scheme}://{desk.netloc}/"):
        raise DoorError("not_our_address")
    return jsonify(address=address)


# --- what a hand does


@page.post("/doors/<companion_id>/scan")
def scan(companion_id: str) -> ResponseReturnValue:
    """A code as text; what a paste leaves around it is no part of it, everything else goes through as it is."""
    text = _body().get("text")
    if not isinstance(text, str) or not text.strip():
        raise DoorError("nothing_to_scan")
    raw = text.strip().encode("utf-8", "replace")
    if len(raw) > _CODE_MAX:
        raise DoorError("code_too_long")
    _doors().the(companion_id).scan(raw)
    return jsonify(bytes=len(raw))


@page.post("/doors/<companion_id>/image")
def image(companion_id: str) -> ResponseReturnValue:
    """A picture of a code; its pixels are read, and the bytes go into the scanner."""
    upload = request.files.get("image")
    if upload is None:
        raise DoorError("nothing_to_scan")
    door = _doors().the(companion_id)
    raw = read_code(upload.read(IMAGE_BYTES_MAX + 1)).encode("utf-8", "replace")
    door.scan(raw)
    return jsonify(bytes=len(raw))


@page.post("/doors/<companion_id>/gesture")
def gesture(companion_id: str) -> ResponseReturnValue:
    """The lock's own card, or the inside handle."""
    _doors().the(companion_id).gesture(str(_body().get("name")))
    return jsonify(done=True)


@page.post("/doors/<companion_id>/sense")
def sense(companion_id: str) -> ResponseReturnValue:
    """Door, privacy switch or housing."""
    _doors().the(companion_id).toggle(str(_body().get("name")), _on())
    return jsonify(done=True)


@page.post("/doors/<companion_id>/power")
def power(companion_id: str) -> ResponseReturnValue:
    """Cut, or given again."""
    door = _doors().the(companion_id)
    if _on():
        door.power_on()
    else:
        door.power_cut()
    return jsonify(done=True)


@page.post("/doors/<companion_id>/network")
def network(companion_id: str) -> ResponseReturnValue:
    """The cable, pulled or plugged."""
    _doors().the(companion_id).network(_on())
    return jsonify(done=True)
