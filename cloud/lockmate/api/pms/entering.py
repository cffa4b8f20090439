"""Who may ask: a token that `lockmate pms connect` made; and the key under which each change is done once."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import g, request

from lockmate import staff
from lockmate.api.body import bearer
from lockmate.errors import BadField

IDEMPOTENCY = "Idempotency-Key"
_KEY_MAX = 100
_TOKEN_MAX = 80  # longer ones are wrong: what is remembered of them is bounded


def for_systems(permission: str) -> Callable[[Any], Any]:
    """Marks a view as another system's; looks at its token, and at the key of what changes something."""

    def mark(view: Any) -> Any:
        @wraps(view)
        def looked_at(**words: Any) -> Any:
            token = bearer(request.headers.get("Authorization", ""))
            g.actor = staff.systems.actor_of(token, _key() if request.method != "GET" else "")
            staff.require(g.actor, permission)
            return view(**words)

        looked_at.public = True  # type: ignore[attr-defined]  # no account of the desk is needed: see above
        return looked_at

    return mark


def token_told() -> str:
    """What counts as one asker for the limit: the token, whoever brings it; who brings none is one asker, too."""
    return bearer(request.headers.get("Authorization", ""))[:_TOKEN_MAX] or "none"


def _key() -> str:
    """Raises BadField unless it is there: a change that was sent twice must be seen as one."""
    key = request.headers.get(IDEMPOTENCY, "").strip()
    if not 0 < len(key) <= _KEY_MAX:
        raise BadField(field=IDEMPOTENCY)
    return key
