"""Sends scripts, styles and sheaves compressed, so that a guest's card loads on a poor network.

Only what repeats nothing that an asker sent: the length of a compressed page would tell its secrets.
"""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

from flask import Flask, request
from werkzeug.wrappers import Response

from lockmate.settings import Settings

_TEXTS = {".css", ".js", ".mjs", ".svg"}
_LEAST = 512


def configure_static(app: Flask, _settings: Settings) -> None:
    """Replace the body of a static answer by its compressed form where the browser takes it."""
    folder = Path(app.static_folder or "")
    app.config.setdefault("SEND_FILE_MAX_AGE_DEFAULT", None)

    @app.after_request
    def compressed(answer: Response) -> Response:
        if request.endpoint != "static" or not request.view_args:
            return answer
        file = folder / request.view_args["filename"]
        if file.suffix not in _TEXTS:
            return answer
        answer.vary.add("Accept-Encoding")
        if answer.status_code == 200 and request.accept_encodings["gzip"] > 0 and request.method == "GET":
            body = _packed(file, file.stat().st_mtime_ns)
            if body is not None:
                answer.direct_passthrough = False
                answer.close()
                answer.response = [body]
                answer.content_length = len(body)
                answer.content_encoding = "gzip"
        return answer


def packed(answer: Response) -> Response:
    """An answer made of our own facts alone, compressed where the browser takes it."""
    answer.vary.add("Accept-Encoding")
    if request.accept_encodings["gzip"] > 0:
        answer.set_data(gzip.compress(answer.get_data(), 1, mtime=0))  # tokens are noise: more effort gains 5 %
        answer.content_encoding = "gzip"
    return answer


@cache
def _packed(file: Path, _changed: int) -> bytes | None:
    text = file.read_bytes()
    return gzip.compress(text, 9, mtime=0) if len(text) >= _LEAST else None
