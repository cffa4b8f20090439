"""What changes a stay: longer or shorter, another room and back, undone, re-keyed, paid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from lockmate import stays
from lockmate.errors import BadField
from lockmate.keys import Key
from lockmate.stays import PAYMENT_METHODS, Guest, Move, Stay
from lockmate.web import answers, money, reports, times
from lockmate.web.access import actor, allowed, here
from lockmate.web.desk import desk, forms
from lockmate.web.desk.lodging import paid, warn_of_planned
from lockmate.web.desk.rooming import room_tiles
from lockmate.web.numbers import row_number
from lockmate.web.texts import t


def stay_here(stay_id: int) -> Stay:
    """This hotel's stay; what fails from here on is about its room.

    As the page showed it, if it says so: a step that was sent twice, or asked about before another one, is refused.
    """
    found = Stay.of(here(), stay_id)
    reports.about(found.room.name)
    shown = row_number(request.form.get("version"))
    found.version = shown if shown is not None else found.version
    return found


def guest_here(guest_id: int) -> Guest:
    """The same for a guest."""
    found = Guest.of(here(), guest_id)
    reports.about(found.stay.room.name)
    return found


@dataclass(frozen=True, slots=True)
class Question:
    """A step that is asked about before it is done: what it is, what happens to which keys, and the button."""

    title: str
    does: str
    go: str
    action: str
    back: str
    section: str = "in_house"
    danger: bool = False
    also: str = ""  # what this step leaves as it is, and is easily overlooked
    version: int | None = None  # of the stay, where doing it twice is not the same as once


def asked(question: Question) -> str:
    """The page of a question, in a dialog or whole."""
    return render_template("desk/question.html", layout=answers.layout(), question=question)


def _to(stay: Stay, text: str) -> ResponseReturnValue:
    flash(text, "good")
    return redirect(url_for("desk.stay", stay_id=stay.id))


@desk.get("/stays/<id:stay_id>/extend")
@allowed("stay:change")
def extend(stay_id: int) -> ResponseReturnValue:
    """Until when?"""
    found, zone = stay_here(stay_id), here().timezone
    return render_template(
        "desk/extend.html",
        layout=answers.layout(),
        stay=found,
        zone=zone,
        today=times.today(zone).isoformat(),
        until=times.local(found.ends_at, zone),
    )


@desk.post("/stays/<id:stay_id>/extend")
@allowed("stay:change")
def extend_now(stay_id: int) -> ResponseReturnValue:
    """The keys follow, longer or shorter."""
    found = stay_here(stay_id)
    until = f"{forms.sent('departure')}T{forms.sent('time') or here().check_out_time}"
    changed = stays.reschedule(found, ends_at=forms.moment_of("departure", until, here().timezone), by=actor())
    warn_of_planned(changed)
    until = times.full(changed.ends_at, here().timezone)
    longer = changed.ends_at >= found.ends_at
    return _to(changed, t("extend.done_longer", until=until) if longer else t("extend.done_shorter", until=until))


@desk.get("/stays/<id:stay_id>/move")
@allowed("stay:change")
def move(stay_id: int) -> ResponseReturnValue:
    """Where to, and when the old room closes."""
    return render_template(
        "desk/move.html",
        layout=answers.layout(),
        stay=stay_here(stay_id),
        rooms=room_tiles(here()),
        grace=here().move_grace_minutes,
    )


@desk.post("/stays/<id:stay_id>/move")
@allowed("stay:change")
def move_now(stay_id: int) -> ResponseReturnValue:
    """The keys follow to the other room."""
    found, to = stay_here(stay_id), forms.door_of(here(), request.form.get("room", ""))
    at_once = forms.sent("when") == "at_once"
    moved = stays.move(found, to, by=actor(), at_once=at_once)
    warn_of_planned(Stay.get_by_id(found.id))
    facts = {"old": moved.from_room.name, "new": to.name}
    return _to(found, t("move.done_at_once", **facts) if at_once else t("move.done", **facts))


def last_move(moves: list[Move]) -> Move | None:
    """The move that one may move back from, of a stay's moves, newest first."""
    return next((move for move in moves if move.how != "back"), None)


@desk.get("/stays/<id:stay_id>/move-back")
@allowed("stay:change")
def move_back(stay_id: int) -> ResponseReturnValue:
    """Asks."""
    found = stay_here(stay_id)
    last = last_move(stays.moves_of(found))
    if last is None:
        raise stays.NothingToMoveBack(room=found.room.name)
    facts = {"old": last.from_room.name, "new": last.to_room.name}
    return asked(
        Question(
            title=t("move_back.title", **facts),
            does=t("move_back.does", **facts) if last.closed_at else t("move_back.does_running", **facts),
            go=t("move_back.go"),
            action=url_for("desk.move_back", stay_id=found.id),
            back=url_for("desk.stay", stay_id=found.id),
            version=found.version,
        )
    )


@desk.post("/stays/<id:stay_id>/move-back")
@allowed("stay:change")
def move_back_now(stay_id: int) -> ResponseReturnValue:
    """To the room one came from."""
    found = stay_here(stay_id)
    stays.move_back(found, by=actor())
    return _to(found, t("move_back.done", room=Stay.get_by_id(found.id).room.name))


@desk.get("/stays/<id:stay_id>/undo-check-out")
@allowed("stay:check_out")
def undo_check_out(stay_id: int) -> ResponseReturnValue:
    """Asks."""
    found = stay_here(stay_id)
    return asked(
        Question(
            title=t("undo.title", room=found.room.name),
            does=t("undo.does", room=found.room.name),
            go=t("undo.go"),
            action=url_for("desk.undo_check_out", stay_id=found.id),
            back=url_for("desk.stay", stay_id=found.id),
        )
    )


@desk.post("/stays/<id:stay_id>/undo-check-out")
@allowed("stay:check_out")
def undo_check_out_now(stay_id: int) -> ResponseReturnValue:
    """In house again, with new keys on the same phones."""
    found = stay_here(stay_id)
    stays.undo_check_out(found, by=actor())
    return _to(found, t("undo.done", room=found.room.name))


@desk.get("/stays/<id:stay_id>/rekey")
@allowed("stay:change")
def rekey(stay_id: int) -> ResponseReturnValue:
    """Whose phone is lost?"""
    found = stay_here(stay_id)
    held = [guest for guest in found.present() if guest.key is not None and guest.key.state == "active"]
    also = {guest.id: t("site.comma").join(card_names(stays.also_on_phones(found, [guest]))) for guest in held}
    return render_template("desk/rekey.html", layout=answers.layout(), stay=found, held=held, also=also)


def card_names(held: Iterable[Key]) -> list[str]:
    """Keys as the desk calls them: by the room, or by whose staff key it is."""
    return [t("rekey.room", room=key.door.name) if key.door is not None else str(key.label) for key in held]


@desk.post("/stays/<id:stay_id>/rekey")
@allowed("stay:change")
def rekey_now(stay_id: int) -> ResponseReturnValue:
    """Lost phones' keys end, the others get new ones where they are."""
    found = stay_here(stay_id)
    numbers = {row_number(text) for text in request.form.getlist("lost")}
    lost = [guest for guest in found.present() if guest.id in numbers]
    if not lost:
        raise BadField(field="lost")
    others = card_names(stays.also_on_phones(found, lost))
    stays.rekey(found, lost, by=actor())
    if others:
        flash(t("rekey.also", cards=t("site.comma").join(others)), "warn")
    return _to(found, t("rekey.done", guests=t("site.comma").join(guest.name for guest in lost)))


@desk.get("/stays/<id:stay_id>/payments")
@allowed("stay:pay")
def payments(stay_id: int) -> ResponseReturnValue:
    """The form for one more payment."""
    return render_template(
        "desk/pay.html",
        layout=answers.layout(),
        stay=stay_here(stay_id),
        form={"amount": "", "method": PAYMENT_METHODS[0], "note": ""},
        methods=PAYMENT_METHODS,
        property=here(),
    )


@desk.post("/stays/<id:stay_id>/payments")
@allowed("stay:pay")
def pay_now(stay_id: int) -> ResponseReturnValue:
    """Written down; the money itself goes elsewhere."""
    found = stay_here(stay_id)
    told = paid(forms.sent("amount"), forms.sent("method"), forms.sent("note"))
    stays.pay(found, *told, by=actor())
    return _to(found, t("payments.done", amount=money.shown(told.amount_minor, told.currency)))


@desk.get("/guests/<id:guest_id>/rename")
@allowed("stay:name_guest")
def rename(guest_id: int) -> ResponseReturnValue:
    """Another name or number."""
    return render_template("desk/rename.html", layout=answers.layout(), guest=guest_here(guest_id))


@desk.post("/guests/<id:guest_id>/rename")
@allowed("stay:name_guest")
def rename_now(guest_id: int) -> ResponseReturnValue:
    """The keys stay as they are."""
    guest = guest_here(guest_id)
    stays.rename_guest(guest, forms.sent("name"), forms.sent("phone"), by=actor())
    return _to(guest.stay, t("rename.done"))


@desk.get("/guests/<id:guest_id>/remove")
@allowed("stay:name_guest")
def remove(guest_id: int) -> ResponseReturnValue:
    """Asks."""
    guest = guest_here(guest_id)
    facts = {"guest": guest.name, "room": guest.stay.room.name}
    held = guest.key is not None and guest.key.state != "ended"
    return asked(
        Question(
            title=t("remove.title", **facts),
            does=t("remove.does", **facts) if held else t("remove.does_no_key", **facts),
            go=t("remove.go"),
            action=url_for("desk.remove", guest_id=guest.id),
            back=url_for("desk.stay", stay_id=guest.stay_id),
            danger=True,
        )
    )


@desk.post("/guests/<id:guest_id>/remove")
@allowed("stay:name_guest")
def remove_now(guest_id: int) -> ResponseReturnValue:
    """The key ends, and the doors are told."""
    guest = guest_here(guest_id)
    stays.remove_guest(guest, by=actor())
    return _to(guest.stay, t("remove.done", guest=guest.name))


@desk.get("/guests/<id:guest_id>/authorise-again")
@allowed("claim:confirm")
def authorise_again(guest_id: int) -> ResponseReturnValue:
    """Whose phone, of all that hold a key here, is this guest's too?"""
    guest = guest_here(guest_id)
    return render_template("desk/authorise_again.html", layout=answers.layout(), guest=guest, others=_who_hold(guest))


@desk.post("/guests/<id:guest_id>/authorise-again")
@allowed("claim:confirm")
def authorise_again_now(guest_id: int) -> ResponseReturnValue:
    """A key for this room on a phone that holds one already."""
    guest = guest_here(guest_id)
    other = Guest.of(here(), forms.row_of("other"))
    stays.authorise_again(guest, holder_of=other, by=actor())
    return _to(guest.stay, t("guests.key_issued", guest=guest.name, room=guest.stay.room.name))


def _who_hold(guest: Guest) -> list[Guest]:
    """Guests of other stays in house whose phones hold a key: those of the same name or number first."""
    others = [
        other
        for stay in stays.in_house(here())
        if stay.id != guest.stay_id
        for other in stay.present()
        if other.key is not None and other.key.state == "active"
    ]
    same = {guest.name.casefold(), guest.phone} - {""}
    return sorted(others, key=lambda other: not {other.name.casefold(), other.phone} & same)
