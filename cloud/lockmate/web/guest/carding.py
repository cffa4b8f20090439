"""The electronic room card: the page, and the sheaf of tokens that it shows one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import jsonify, render_template, request
from flask.typing import ResponseReturnValue

from lockmate import claims, clock, keys
from lockmate.keys import Holder, Key, KeyEnded, KeyNotYet
from lockmate.stays import Guest, Order, Stay
from lockmate.web.access import public
from lockmate.web.compress import packed
from lockmate.web.guest import guest, phone
from lockmate.web.numbers import row_number
from lockmate.web.security import limiter

_ENDED_SHOWN_MS = 86_400_000  # a card that ended is shown for a day more


@dataclass(frozen=True, slots=True)
class Card:
    """A key as its holder sees it; a page whose `words` differ from the sheaf's is loaded anew."""

    key: Key
    order: str

    @property
    def words(self) -> str:
        """What the page says of it: the same in the sheaf's answer."""
        return f"{self.key.door.name} {self.key.starts_at // 1000} {self.key.ends_at // 1000}"


def _cards(holder: Holder) -> list[Key]:
    """The keys that are shown, newest first: those in force, else the last one that ended."""
    since = clock.now_ms() - _ENDED_SHOWN_MS
    found = [key for key in keys.keys_of(holder) if key.state != "ended" or (key.ended_at or 0) > since]
    return [key for key in found if key.state != "ended"] or found[:1]


def _orders(shown: list[Key]) -> dict[int, str]:
    """The order numbers by key."""
    query = Guest.select(Guest.key, Order.number).join(Stay).join(Order).where(Guest.key.in_(shown))
    rows: Any = query.dicts()
    return {row["key"]: row["number"] for row in rows}


@guest.get("/card")
@public
def card() -> ResponseReturnValue:
    """The cards of this phone."""
    holder = phone.known()
    if holder is None:
        return render_template("guest/card.html", cards=[], waiting=None)
    shown = _cards(holder)
    orders = _orders(shown)
    now = clock.now_ms()
    return render_template(
        "guest/card.html",
        hotel=shown[0].property if shown else None,
        cards=[Card(key, orders.get(key.id, "")) for key in shown],
        waiting=next((one for one in claims.of_holder(holder) if one.state == "waiting" and one.ends_at > now), None),
    )


@guest.get("/card/sheaf")
@public
@limiter.limit("60/minute", key_func=lambda: f"sheaf:{request.cookies.get(phone.COOKIE) or request.remote_addr}")
def sheaf() -> ResponseReturnValue:
    """The server's time and the tokens; `slots` asks for the first few only."""
    slots = row_number(request.args.get("slots"))
    holder = phone.known()
    now = clock.now_s()
    shown = _cards(holder) if holder else []
    return packed(jsonify({"now": now, "cards": [_facts(key, now, slots or None) for key in shown]}))


def _facts(key: Key, now: int, slots: int | None) -> dict[str, object]:
    try:
        tokens = [list(slot) for slot in keys.sheaf(key, now, slots=slots)]
    except (KeyEnded, KeyNotYet):
        tokens = []
    return {
        "key": key.key_id,
        "room": key.door.name,
        "state": key.state,
        "generation": key.generation,
        "from": key.starts_at // 1000,
        "until": key.ends_at // 1000,
        "slots": tokens,
    }
