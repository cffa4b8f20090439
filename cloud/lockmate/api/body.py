"""Fields of a JSON body, each checked where it enters, and who asks: what every interface for programs shares."""

from __future__ import annotations

from typing import Any

from flask import g, request

from lockmate.errors import BadField
from lockmate.properties import Property
from lockmate.staff import Actor


def actor() -> Actor:
    """Who asks, by the session or the token."""
    found: Actor = g.actor
    return found


def here() -> Property:
    """The hotel of who asks."""
    return actor().property


def sent() -> dict[str, Any]:
    """The body: a JSON object. Raises BadField."""
    try:
        body = request.get_json(silent=True)
    except RecursionError:
        raise BadField(field="body") from None
    if not isinstance(body, dict):
        raise BadField(field="body")
    return body


def text(body: dict[str, Any], name: str, most: int = 200, default: str | None = None) -> str:
    """A string; raises BadField unless it is one that a database takes, or missing where there is a default."""
    value = body.get(name, default)
    if not isinstance(value, str) or len(value) > most or not kept(value):
        raise BadField(field=name)
    return value


def kept(value: str) -> bool:
    """Whether a database takes this: JSON and paths may carry NUL and halves of a pair of UTF-16, which none does."""
    return not any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in value)


def number(body: dict[str, Any], name: str) -> int:
    """An integer; raises BadField."""
    value = body.get(name)
    if type(value) is not int:
        raise BadField(field=name)
    return value


def flag(body: dict[str, Any], name: str) -> bool:
    """True or false; raises BadField."""
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise BadField(field=name)
    return value


def bearer(header: str) -> str:
    """The secret of an Authorization header; empty if it carries none."""
    kind, _, secret = header.partition(" ")
    return secret.strip() if kind.lower() == "bearer" else ""
