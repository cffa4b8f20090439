"""The stickers for the doors: a code that opens the guest's page at that door, ready to print."""

from __future__ import annotations

from flask import current_app, render_template, url_for
from flask.typing import ResponseReturnValue

from lockmate.properties import Door
from lockmate.web.access import allowed, here
from lockmate.web.desk import desk


@desk.get("/stickers")
@allowed("door:see")
def stickers() -> ResponseReturnValue:
    """One for every door of the house."""
    found = Door.select().where(Door.property == here()).order_by(Door.door_class.desc(), Door.number)
    return render_template("desk/stickers.html", property=here(), stickers=[(door, _address(door)) for door in found])


def _address(door: Door) -> str:
    place = url_for("guest.sticker", property_id=here().property_id, number=door.number)
    return f"{current_app.config['LOCKMATE_PUBLIC_URL']}{place}"
