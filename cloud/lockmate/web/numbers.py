"""Row numbers in addresses and forms: only those that a database can hold."""

from __future__ import annotations

from flask import Flask
from werkzeug.routing import IntegerConverter

from lockmate.settings import Settings

_MOST = (1 << 63) - 1


class RowNumber(IntegerConverter):
    """`<id:stay_id>`; a larger one is no page."""

    def __init__(self, map: object, *args: object, **options: object) -> None:  # noqa: A002 - werkzeug's name
        super().__init__(map, *args, **{"max": _MOST, **options})  # type: ignore[arg-type]


def configure_numbers(app: Flask, _settings: Settings) -> None:
    """Known before the faces are put in."""
    app.url_map.converters["id"] = RowNumber


def row_number(text: str | None) -> int | None:
    """The number in a field, or None if there is none."""
    if not text or not text.isascii() or not text.isdecimal() or len(text) > 19 or int(text) > _MOST:
        return None
    return int(text)
