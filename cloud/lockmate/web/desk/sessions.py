"""Log in and out."""

from __future__ import annotations

from flask import redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from lockmate import staff
from lockmate.staff import WrongPassword
from lockmate.web import language, refusals
from lockmate.web.access import ACCOUNT, public, signed_in
from lockmate.web.desk import desk
from lockmate.web.security import limiter


def _name() -> str:
    """Guessing at one name from one place; from all places together would let anybody lock a desk out."""
    return f"log-in:{request.remote_addr}:{request.form.get('name', '').strip().casefold()[:40]}"


@desk.get("/login")
@public
def log_in() -> ResponseReturnValue:
    """The form."""
    if signed_in() is not None:
        return redirect(url_for("desk.rack"))
    return render_template("desk/log_in.html", name="", after=request.args.get("next", ""), wrong=None)


@desk.post("/login")
@public
@limiter.limit("30/minute")
@limiter.limit("10/minute;60/hour", key_func=_name)
def log_in_now() -> ResponseReturnValue:
    """Look at name and password; a new session begins, so that none can be planted."""
    name, after = request.form.get("name", ""), request.form.get("next", "")
    try:
        actor = staff.sign_in(name, request.form.get("password", ""))
    except WrongPassword as error:
        if refusals.wants_json():
            raise
        page = render_template("desk/log_in.html", name=name, after=after, wrong=refusals.sentences(error.code))
        return page, error.status
    session.clear()
    session.permanent = True
    session[ACCOUNT] = actor.account_id
    answer = redirect(language.safe_path(after))
    if language.COOKIE in request.cookies or actor.account_id is None:
        return answer
    return language.keep(answer, staff.Account.get_by_id(actor.account_id).language)


@desk.post("/logout")
@public
def log_out() -> ResponseReturnValue:
    """Forget the session."""
    session.clear()
    return redirect(url_for("desk.log_in"))
