"""The front desk's pages; every one needs a permission."""

from __future__ import annotations

from flask import Blueprint, request
from werkzeug.wrappers import Response

desk = Blueprint("desk", __name__)


@desk.after_request
def go(answer: Response) -> Response:
    """A form that was sent from within a dialog is told where the page goes on."""
    if request.method == "POST" and request.headers.get("X-Fragment") and 300 <= answer.status_code < 400:
        told = Response(status=204, headers={"X-Go": answer.headers["Location"]})
        for cookie in answer.headers.getlist("Set-Cookie"):
            told.headers.add("Set-Cookie", cookie)
        return told
    return answer


from lockmate.web.desk import (  # noqa: E402 - they hang on `desk`
    alarming,
    changing,
    claiming,
    closing,
    delivering,
    doorways,
    fitting,
    importing,
    lodging,
    opening,
    ordering,
    recording,
    rehearsing,
    rooming,
    ruling,
    sessions,
    staffing,
    staying,
    stickers,
)

__all__ = [
    "alarming",
    "changing",
    "claiming",
    "closing",
    "delivering",
    "desk",
    "doorways",
    "fitting",
    "importing",
    "lodging",
    "opening",
    "ordering",
    "recording",
    "rehearsing",
    "rooming",
    "ruling",
    "sessions",
    "staffing",
    "staying",
    "stickers",
]
