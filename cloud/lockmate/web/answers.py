"""Shapes of answers that several views give: parts of pages, and answers that a browser may keep."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import jsonify, make_response, render_template, request
from werkzeug.wrappers import Response


def is_part() -> bool:
    """Whether a page's own script asks for a part of it."""
    return bool(request.headers.get("X-Fragment"))


def layout() -> str:
    """The layout of a page that is also shown inside a dialog."""
    return "desk/part.html" if is_part() else "desk/page.html"


def live(template: str, **facts: Any) -> Response:
    """A part that is asked for again and again: 304 while it is the same."""
    return tagged(make_response(render_template(template, **facts)))


def live_json(facts: dict[str, object]) -> Response:
    """The same for JSON."""
    return tagged(jsonify(facts))


def tagged(answer: Response) -> Response:
    """Give an answer the ETag of its body, and answer 304 if the browser has it."""
    answer.set_etag(hashlib.sha256(answer.get_data()).hexdigest()[:32], weak=True)
    answer.headers["Cache-Control"] = "private, no-cache"
    answer.vary.update(["Cookie", "Accept-Language"])
    return answer.make_conditional(request)


def masked(phone: str) -> str:
    """A phone number of which only the last four digits are shown."""
    return f"•••• {phone[-4:]}" if phone else ""
