"""Claims: the desk's QR, the phones that wait, and the key for the one that is picked."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from lockmate import claims
from lockmate.claims import Claim, ClaimEnded
from lockmate.errors import BadField
from lockmate.stays import Guest
from lockmate.web import answers, refusals
from lockmate.web.access import actor, allowed, here
from lockmate.web.desk import desk
from lockmate.web.desk.changing import guest_here
from lockmate.web.numbers import row_number
from lockmate.web.security import limiter
from lockmate.web.texts import t

_RENEW_SECONDS = 180


@dataclass(frozen=True, slots=True)
class Waiting:
    """A claim as the list shows it."""

    claim: Claim
    phone: str
    duplicate: bool


def _facts(guest: Guest | None) -> dict[str, object]:
    rows = [Waiting(row.claim, answers.masked(row.claim.phone), row.duplicate) for row in claims.waiting(here())]
    return {"claims": rows, "guest": guest, "zone": here().timezone}


def _guest() -> Guest | None:
    """The guest for whom a phone is looked for, if any."""
    number = row_number(request.args.get("guest"))
    return Guest.of(here(), number) if number is not None else None


@desk.get("/claims")
@allowed("claim:see")
def claims_page() -> ResponseReturnValue:
    """The phones that wait; for one guest, to pick from."""
    return render_template("desk/claims.html", layout=answers.layout(), **_facts(_guest()))


@desk.get("/claims/list")
@allowed("claim:see")
def claims_list() -> ResponseReturnValue:
    """The list alone, asked for again and again."""
    if refusals.wants_json():
        rows = claims.waiting(here())
        told = [
            {"claim": row.claim.id, "code": row.claim.code, "last4": row.claim.phone[-4:], "duplicate": row.duplicate}
            for row in rows
        ]
        return answers.live_json({"claims": told})
    return answers.live("desk/claims_list.html", **_facts(_guest()))


@desk.get("/guests/<id:guest_id>/authorise")
@allowed("claim:confirm")
def authorise(guest_id: int) -> ResponseReturnValue:
    """Code and last four digits, large, to compare with the phone; ClaimEnded if it does not wait any more."""
    guest, number = guest_here(guest_id), row_number(request.args.get("claim"))
    row = next((row for row in claims.waiting(here()) if row.claim.id == number), None)
    if row is None:
        raise ClaimEnded
    return render_template(
        "desk/authorise.html",
        layout=answers.layout(),
        guest=guest,
        claim=row.claim,
        last4=row.claim.phone[-4:],
        duplicate=row.duplicate,
    )


@desk.post("/guests/<id:guest_id>/authorise")
@allowed("claim:confirm")
@limiter.limit("60/minute")
def authorise_now(guest_id: int) -> ResponseReturnValue:
    """The key for this guest on that phone."""
    guest, number = guest_here(guest_id), row_number(request.form.get("claim"))
    if number is None:
        raise BadField(field="claim")
    claim = Claim.of(here(), number)
    claims.confirm(claim, guest, request.form.get("code", ""), request.form.get("last4", ""), by=actor())
    stay = guest.stay
    key = "guests.key_issued_draft" if stay.state == "draft" else "guests.key_issued"
    flash(t(key, guest=guest.name, room=stay.room.name), "good")
    return redirect(url_for("desk.stay", stay_id=stay.id))


@desk.get("/qr")
@allowed("claim:see")
def qr() -> ResponseReturnValue:
    """The page for guests to scan, with the phones that wait beside it; as JSON, a fresh address."""
    if refusals.wants_json():
        ticket = claims.desk_ticket(here())
        url = current_app.config["LOCKMATE_PUBLIC_URL"] + url_for("guest.claim", t=ticket)
        return {"url": url, "renew_in": _RENEW_SECONDS}
    return render_template("desk/qr.html", **_facts(None))
