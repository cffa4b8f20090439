"""Into the session and out of it, and what it may see: the hotel and its doors."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import current_app, g, request, url_for

from lockmate import clock, fitting, staff
from lockmate.api.install import install
from lockmate.api.install.body import actor, here, sent, text
from lockmate.fitting.fleet import DoorRow


def for_installers(permission: str = "companion:enrol") -> Callable[[Any], Any]:
    """Marks a view as an installer's; looks at the session's secret and at what its role may do."""

    def mark(view: Any) -> Any:
        @wraps(view)
        def looked_at(**words: Any) -> Any:
            kind, _, secret = request.headers.get("Authorization", "").partition(" ")
            session = fitting.codes.session_of(secret if kind == "Bearer" else "")
            g.session, g.actor = session, fitting.codes.actor_of(session)
            staff.require(g.actor, permission)
            return view(**words)

        looked_at.public = True  # type: ignore[attr-defined]  # no account of the desk is needed: see above
        return looked_at

    return mark


def for_everybody(view: Any) -> Any:
    """Marks a view as open: the one that takes the code. `app` limits how often an address may try."""
    view.public = True
    return view


@install.post("/session")
@for_everybody
def begin() -> Any:
    """A code for a session: `{code, laptop}`."""
    body = sent()
    session, secret = fitting.codes.sign_in(text(body, "code", 40), text(body, "laptop", 80, ""))
    return {"secret": secret, "ends_at": session.ends_at, "hotel": _hotel(session.property)}


@install.delete("/session")
@for_installers()
def end() -> Any:
    """The laptop leaves."""
    fitting.codes.end(here(), g.session.id, by=actor())
    return {"ended": True}


@install.get("/doors")
@for_installers()
def doors() -> Any:
    """The hotel, every door with how far it is, the boards without a door, and the time."""
    return {
        "hotel": _hotel(here()),
        "now": clock.now_ms(),
        "doors": [_door(row) for row in fitting.fleet.doors(here())],
        "boards": [
            {"serial": row.board.serial, "chip": row.board.chip, "state": row.state, "firmware": row.board.firmware,
             "spare_code": row.board.spare_code}
            for row in fitting.fleet.boards(here())
        ],
    }  # fmt: skip


def _hotel(property: Any) -> dict[str, object]:
    return {"id": property.property_id, "name": property.name, "timezone": property.timezone}


def _door(row: DoorRow) -> dict[str, object]:
    place = url_for("guest.sticker", property_id=here().property_id, number=row.door.number)
    return {
        "number": row.door.number, "name": row.door.name, "class": row.door.door_class, "state": row.state,
        "lacks": row.lacks, "sticker": f"{current_app.config['LOCKMATE_PUBLIC_URL']}{place}",
        "companions": [
            {"id": one.companion.companion_id, "state": one.state, "online": one.companion.online,
             "heard_at": one.companion.heard_at, "acceptance": one.acceptance_id}
            for one in row.fitted
        ],
    }  # fmt: skip
