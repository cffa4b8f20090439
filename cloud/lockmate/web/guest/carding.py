"""The electronic room card: the page of all cards, and the sheaf of tokens that it shows one after the other."""

from __future__ import annotations

from flask import jsonify, render_template, request
from flask.typing import ResponseReturnValue

from lockmate import claims, clock, notices
from lockmate.web.access import public
from lockmate.web.compress import packed
from lockmate.web.guest import cards, guest, phone
from lockmate.web.numbers import row_number
from lockmate.web.security import limiter


@guest.get("/card")
@public
def card() -> ResponseReturnValue:
    """The cards of this phone."""
    holder = phone.known()
    if holder is None:
        return render_template("guest/card.html", cards=[], waiting=None)
    held = cards.shown(holder)
    now = clock.now_ms()
    return render_template(
        "guest/card.html",
        hotel=cards.hotel_of(held),
        cards=held,
        known=True,
        unread=notices.unread(holder),
        waiting=next((one for one in claims.of_holder(holder) if one.state == "waiting" and one.ends_at > now), None),
    )


@guest.get("/card/sheaf")
@public
@limiter.limit("60/minute", key_func=lambda: f"sheaf:{phone.who()}")
def sheaf() -> ResponseReturnValue:
    """The server's time and the tokens; `slots` asks for the first few only, `key` for one card."""
    slots = row_number(request.args.get("slots"))
    holder = phone.known()
    now = clock.now_s()
    held = cards.keys_shown(holder) if holder else []
    if "key" in request.args:
        held = [key for key in held if key.key_id == request.args["key"]]
    facts = [cards.sheaf(key, now, slots or None) for key in held]
    unread = notices.unread(holder) if holder else 0
    return packed(jsonify({"now": now, "unread": unread, "cards": facts}))
