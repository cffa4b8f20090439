"""A guest's phone asks for a key: the number entered, the code shown, the wait."""

from __future__ import annotations

from flask import make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from lockmate import claims, clock
from lockmate.claims import Claim
from lockmate.errors import BadPhone, NotFound
from lockmate.keys import BadEmail, holders
from lockmate.properties import Property
from lockmate.web import answers, letters, refusals
from lockmate.web.access import public
from lockmate.web.guest import guest, phone
from lockmate.web.security import limiter

_TICKET = "ticket"


@guest.get("/claim")
@public
def claim() -> ResponseReturnValue:
    """The form, for who comes from the desk's QR; else where to find that."""
    ticket = request.args.get("t") or session.get(_TICKET, "")
    if not ticket:
        return render_template("guest/scan.html", sticker=False)
    hotel = claims.check_ticket(ticket)
    session[_TICKET] = ticket  # for who starts again
    return _form(ticket, hotel)


def _form(
    ticket: str, hotel: Property, *, number: str = "", email: str = "", wrong: tuple[str, str] | None = None
) -> str:
    return render_template(
        "guest/claim.html", hotel=hotel, ticket=ticket, phone=number, email=email, wrong=wrong, by_letter=letters.on()
    )


@guest.post("/claim")
@public
@limiter.limit("120/minute")
@limiter.limit("20/minute", key_func=lambda: f"claim:{phone.who()}")
def claim_now() -> ResponseReturnValue:
    """The phone begins to wait."""
    ticket, number, email = (request.form.get(name, "") for name in ("t", "phone", "email"))
    hotel = claims.check_ticket(ticket)
    holder, secret = phone.known_or_new()
    try:
        if email.strip():
            holders.set_email(holder, email)
        opened = claims.open(ticket, holder, number)
    except (BadPhone, BadEmail) as error:
        if refusals.wants_json():
            raise
        wrong = refusals.sentences(error.code, error.facts, refusals.field_of(error))
        page = make_response(_form(ticket, hotel, number=number, email=email, wrong=wrong), error.status)
        return phone.remember(page, secret)
    return phone.remember(redirect(url_for("guest.waiting", code=opened.code)), secret)


def _mine(code: str) -> Claim:
    """This browser's newest claim with that code; anybody else's is not found."""
    holder = phone.known()
    found = next((one for one in claims.of_holder(holder) if one.code == code), None) if holder else None
    if found is None:
        raise NotFound(what="claim")
    return found


def _state(claim: Claim) -> str:
    """waiting, confirmed, withdrawn; or ended, by time."""
    return "ended" if claim.state == "waiting" and claim.ends_at <= clock.now_ms() else claim.state


@guest.get("/claim/<code>")
@public
def waiting(code: str) -> ResponseReturnValue:
    """The code, large, until the desk has confirmed it."""
    mine = _mine(code)
    state = _state(mine)
    if state == "confirmed":
        return redirect(url_for("guest.card"))
    return render_template(
        "guest/waiting.html",
        hotel=mine.property,
        claim=mine,
        state=state,
        last4=mine.phone[-4:],
        left=max(0, mine.ends_at - clock.now_ms()) // 1000,
    )


@guest.get("/claim/<code>/state")
@public
def waiting_state(code: str) -> ResponseReturnValue:
    """The state alone, asked for again and again."""
    return answers.live_json({"state": _state(_mine(code))})


@guest.post("/claim/<code>/withdraw")
@public
def withdraw(code: str) -> ResponseReturnValue:
    """A wrong number: back to the form."""
    claims.withdraw(_mine(code))
    return redirect(url_for("guest.claim"))
