"""The sticker on a door: who has a right there opens by holding a button; everybody else learns nothing.

A stranger, another guest, a door that is none and a hotel that is none get the same answer.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import jsonify, render_template, url_for
from flask.typing import ResponseReturnValue

from lockmate import doors
from lockmate.errors import NotFound
from lockmate.keys import Holder, Key
from lockmate.properties import Door, Property
from lockmate.web import refusals
from lockmate.web.access import public
from lockmate.web.guest import cards, guest, phone
from lockmate.web.numbers import row_number
from lockmate.web.security import limiter
from lockmate.web.texts import has, t

_BY_ADDRESS = "600/minute"  # all guests of a hotel may share one
_NOT_ASKED = {"door_offline": "offline", "open_under_way": "busy", "too_many_opens": "too_often"}


@dataclass(frozen=True, slots=True)
class _Right:
    holder: Holder
    door: Door
    key: Key


def _who() -> str:
    return f"sticker:{phone.who()}"


def _right(property_id: str, number: str) -> _Right | None:
    """This phone's right at that door."""
    holder, of_door = phone.known(), row_number(number)
    if holder is None or of_door is None:
        return None
    query = Door.select(Door, Property).join(Property)
    door = query.where(Property.property_id == property_id, Door.number == of_door).first()
    key = doors.may_open(holder, door) if door is not None else None
    return _Right(holder, door, key) if key is not None else None


def _nothing() -> ResponseReturnValue:
    if refusals.wants_json():
        return jsonify(state="refused", what=t("scan.title"), do=t("scan.hint")), 403
    return render_template("guest/scan.html", sticker=True), 403


@guest.get("/d/<property_id>/<number>")
@public
@limiter.limit(_BY_ADDRESS)
@limiter.limit("60/minute", key_func=_who)
def sticker(property_id: str, number: str) -> ResponseReturnValue:
    """The page at a door: hold to open, and the QR below it."""
    right = _right(property_id, number)
    if right is None:
        return _nothing()
    shown = cards.of([key for key in cards.keys_shown(right.holder) if key.id == right.key.id])
    return render_template("guest/sticker.html", hotel=right.door.property, door=right.door, cards=shown)


@guest.post("/d/<property_id>/<number>/open")
@public
@limiter.limit(_BY_ADDRESS)
@limiter.limit("30/minute", key_func=_who)
def open_door(property_id: str, number: str) -> ResponseReturnValue:
    """Ask the door; the domain refuses where it is off line, is being asked, or was asked too often."""
    right = _right(property_id, number)
    if right is None:
        return _nothing()
    try:
        asked = doors.open_remotely(right.door, key_id_of=right.key)
    except (doors.DoorOffline, doors.OpenUnderWay, doors.TooManyOpens) as error:  # in a guest's words, not the desk's
        return jsonify(_words(_NOT_ASKED[error.code], error.code)), error.status
    return jsonify(_told(asked) | {"ask": url_for("guest.opening", open_id=asked.id)})


@guest.get("/opens/<id:open_id>")
@public
@limiter.limit("300/minute", key_func=lambda: f"opens:{phone.who()}")
def opening(open_id: int) -> ResponseReturnValue:
    """What the door answered; only who asked it may know."""
    holder = phone.known()
    if holder is None:
        raise NotFound(what="open")
    return jsonify(_told(doors.open_of(holder, open_id)))


def _told(asked: doors.RemoteOpen) -> dict[str, str]:
    """waiting | opened | refused (with the door's reason) | offline | no_answer, and the words for it."""
    answer = doors.answer_of(asked)
    return _words(answer if answer in {"waiting", "opened", "offline", "no_answer"} else "refused", answer)


def _words(state: str, code: str) -> dict[str, str]:
    name = next(one for one in (code, state) if has(f"opening.what.{one}"))
    return {"state": state, "code": code, "what": t(f"opening.what.{name}"), "do": t(f"opening.do.{name}")}
