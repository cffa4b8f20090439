"""The inbox: what became of this phone's cards, and where letters about it go."""

from __future__ import annotations

from flask import g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from lockmate import notices
from lockmate.keys import BadEmail, holders
from lockmate.web import letters, refusals
from lockmate.web.access import public
from lockmate.web.guest import cards, guest, phone
from lockmate.web.security import limiter

_SHOWN = 50


@guest.get("/inbox")
@public
def inbox() -> ResponseReturnValue:
    """The notices, newest first; those not read yet are marked."""
    return _inbox("", None)


def _inbox(email: str, wrong: tuple[str, str] | None) -> str:
    holder = phone.known()
    rows = notices.of(holder, _SHOWN) if holder else []
    return render_template(
        "guest/inbox.html",
        holder=holder,
        hotel=cards.hotel_of(cards.shown(holder)) if holder else None,
        notices=[(row, letters.words(row.kind, row.told, g.language)) for row in rows],
        by_letter=letters.on(),
        unread=any(row.read_at is None for row in rows),
        email=email or (holder.email if holder else ""),
        wrong=wrong,
        after=url_for("guest.inbox"),
    )


@guest.post("/inbox/read")
@public
def inbox_read() -> ResponseReturnValue:
    """Everything was seen."""
    holder = phone.known()
    if holder is not None:
        notices.read(holder)
    return redirect(url_for("guest.inbox"))


@guest.post("/inbox/email")
@public
@limiter.limit("10/minute", key_func=lambda: f"email:{phone.who()}")
def inbox_email() -> ResponseReturnValue:
    """Where letters go; an empty field stops them."""
    holder = phone.known()
    address = request.form.get("email", "")
    if holder is None:
        return redirect(url_for("guest.inbox"))
    try:
        holders.set_email(holder, address)
    except BadEmail as error:
        return _inbox(address, refusals.sentences(error.code, error.facts, refusals.field_of(error))), error.status
    return redirect(url_for("guest.inbox"))
