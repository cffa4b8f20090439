"""Fields of a JSON body, each checked where it enters."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from flask import g, request

from lockmate.errors import BadField
from lockmate.properties import Property
from lockmate.staff import Actor

_WIFI_MOST = 8


def actor() -> Actor:
    """Who asks, by the session."""
    found: Actor = g.actor
    return found


def here() -> Property:
    """The hotel of the session."""
    return actor().property


def sent() -> dict[str, Any]:
    """The body: a JSON object. Raises BadField."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise BadField(field="body")
    return body


def text(body: dict[str, Any], name: str, most: int = 200, default: str | None = None) -> str:
    """A string; raises BadField unless it is one, or missing where there is a default."""
    value = body.get(name, default)
    if not isinstance(value, str) or len(value) > most:
        raise BadField(field=name)
    return value


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


def octets(body: dict[str, Any], name: str, most: int = 4_096) -> bytes:
    """Bytes in base64; raises BadField."""
    try:
        return base64.b64decode(text(body, name, most * 4 // 3 + 4), validate=True)
    except (binascii.Error, ValueError):
        raise BadField(field=name) from None


def networks(body: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """The Wi-Fi list, [{"ssid", "password"}]; raises BadField."""
    value = body.get("wifi", [])
    if not isinstance(value, list) or len(value) > _WIFI_MOST:
        raise BadField(field="wifi")
    found = []
    for network in value:
        if not isinstance(network, dict):
            raise BadField(field="wifi")
        found.append((text(network, "ssid", 32), text(network, "password", 63)))
    return tuple(found)
