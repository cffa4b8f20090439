"""The board's pin-out: the profile in `/config.json`, checked before it came here (tools/pinout.py)."""

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CONFIG = "/config.json"


def read() -> "dict[str, Any]":
    """The pin-out. Raises OSError without a configuration, ValueError without a pin-out in it."""
    with open(CONFIG) as file:
        text = json.load(file).get("profile")
    if not isinstance(text, str) or not text.startswith("{"):
        raise ValueError("no pin-out")
    found = json.loads(text)
    if not isinstance(found, dict) or "bolt" not in found:
        raise ValueError("no pin-out")
    return found


def rest(bolt: "dict[str, Any]") -> "list[tuple[int, int]]":
    """The bolt's pins, each with the level at which the lock is let alone."""
    level = 0 if bolt["active"] == "high" else 1
    return [(bolt[name], level) for name in ("pin", "back") if name in bolt]
