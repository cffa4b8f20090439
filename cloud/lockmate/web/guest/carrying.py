"""The cards go to another browser or phone: a link that is taken once, within ten minutes."""

from __future__ import annotations

from flask import current_app, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from lockmate.keys import holders
from lockmate.web.access import public
from lockmate.web.guest import cards, guest, phone
from lockmate.web.security import limiter


@guest.get("/carry")
@public
def carry() -> ResponseReturnValue:
    """What it does, and the button that makes the link."""
    holder = phone.known()
    held = cards.shown(holder) if holder else []
    return render_template("guest/carry.html", hotel=cards.hotel_of(held), held=held, link=None)


@guest.post("/carry")
@public
@limiter.limit("6/minute", key_func=lambda: f"carry:{phone.who()}")
def carry_now() -> ResponseReturnValue:
    """The link, as a code to scan and as a text to copy; it is shown this once."""
    holder = phone.known()
    held = cards.shown(holder) if holder else []
    if holder is None or not held:
        return redirect(url_for("guest.carry"))
    path = url_for("guest.arrive", secret=holders.carry_link(holder))
    link = f"{current_app.config['LOCKMATE_PUBLIC_URL']}{path}"
    after = url_for("guest.carry")
    return render_template("guest/carry.html", hotel=cards.hotel_of(held), held=held, link=link, after=after)


@guest.get("/carry/<secret>")
@public
@limiter.limit("20/minute")
def arrive(secret: str) -> ResponseReturnValue:
    """Shows whose cards come, and asks: somebody else's must not slip into this browser, nor push out its own.

    A program that looks at links in a chat does not use this one up.
    """
    holder, offers = phone.known(), holders.offered_by(secret)
    mine = cards.shown(holder) if holder is not None and holder.id != offers.id else []
    return render_template("guest/arrive.html", secret=secret, comes=cards.shown(offers), mine=mine)


@guest.post("/carry/<secret>")
@public
@limiter.limit("20/minute")
def take(secret: str) -> ResponseReturnValue:
    """This browser holds the cards too."""
    _, own = holders.take(secret)
    return phone.remember(redirect(url_for("guest.card")), own)
