"""The service worker: it must lie under /g/ to bring the guest's pages without the network."""

from __future__ import annotations

from flask import current_app
from werkzeug.wrappers import Response

from lockmate.web.access import public
from lockmate.web.guest import guest


@guest.get("/sw.js")
@public
def service_worker() -> Response:
    """The script; browsers ask for it again and take a new one at once."""
    answer = current_app.send_static_file("js/serviceworker.js")
    answer.headers["Cache-Control"] = "no-cache"
    return answer
