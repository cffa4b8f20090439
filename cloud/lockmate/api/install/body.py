"""Fields of a JSON body that only installers' tools send: octets and Wi-Fi networks."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from lockmate.api.body import actor, flag, here, number, sent, text
from lockmate.errors import BadField

__all__ = ["actor", "flag", "here", "networks", "number", "octets", "sent", "text"]

_WIFI_MOST = 8


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
