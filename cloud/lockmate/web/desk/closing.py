"""Orders that do not come: cancelled, or a no-show; and groups that come all at once."""

from __future__ import annotations

from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from lockmate import stays
from lockmate.errors import BadField, Refused
from lockmate.stays import Order, Stay
from lockmate.web import refusals
from lockmate.web.access import actor, allowed, here
from lockmate.web.desk import desk, forms
from lockmate.web.desk.changing import Question, asked
from lockmate.web.desk.rooming import Tile, room_tiles
from lockmate.web.numbers import row_number
from lockmate.web.texts import t

_GROUP_MAX = 60


@desk.get("/orders/<id:order_id>/cancel")
@allowed("order:cancel")
def cancel_order(order_id: int) -> ResponseReturnValue:
    """Asks."""
    return _ask(order_id, "cancel_order")


@desk.post("/orders/<id:order_id>/cancel")
@allowed("order:cancel")
def cancel_order_now(order_id: int) -> ResponseReturnValue:
    """Not wanted any more."""
    order = Order.of(here(), order_id)
    stays.orders.cancel(order, by=actor())
    flash(t("cancel_order.done", number=order.number), "good")
    return redirect(url_for("desk.arrivals"))


@desk.get("/orders/<id:order_id>/no-show")
@allowed("order:cancel")
def no_show(order_id: int) -> ResponseReturnValue:
    """Asks."""
    return _ask(order_id, "no_show")


@desk.post("/orders/<id:order_id>/no-show")
@allowed("order:cancel")
def no_show_now(order_id: int) -> ResponseReturnValue:
    """The guest did not come."""
    order = Order.of(here(), order_id)
    stays.orders.no_show(order, by=actor())
    flash(t("no_show.done", number=order.number), "good")
    return redirect(url_for("desk.arrivals"))


def _ask(order_id: int, what: str) -> str:
    order = Order.of(here(), order_id)
    return asked(
        Question(
            title=t(f"{what}.title", number=order.number, guest=order.guest_name),
            does=t(f"{what}.does"),
            go=t(f"{what}.go"),
            action=url_for(f"desk.{what}", order_id=order.id),
            back=url_for("desk.arrivals"),
            section="arrivals",
            danger=True,
        )
    )


@dataclass(frozen=True, slots=True)
class Arriving:
    """An order of a group with the room that is offered for it; its draft, if one was begun."""

    order: Order
    draft: Stay | None
    room: int | None


@desk.get("/orders/group")
@allowed("stay:check_in")
def group() -> ResponseReturnValue:
    """The orders that were picked, each with a room."""
    return _group_page(_orders(request.args.getlist("order")), {})


@desk.post("/orders/group")
@allowed("stay:check_in")
def group_now() -> ResponseReturnValue:
    """All of them are checked in, or none."""
    property, orders = here(), _orders(request.form.getlist("order"))
    wanted = {order.id: forms.sent(f"room-{order.id}") for order in orders}
    try:
        rooms = {order.id: forms.door_of(property, wanted[order.id]) for order in orders}
        drafts = [stays.prepare(order, rooms[order.id], by=actor().part(order.id)) for order in orders]
        stays.check_in_group(drafts, by=actor())
    except Refused as error:
        if refusals.wants_json():
            raise
        return _group_page(orders, {key: row_number(text) for key, text in wanted.items()}, error), error.status
    flash(t("group.done", count=len(drafts)), "good")
    return redirect(url_for("desk.in_house"))


def _orders(numbers: list[str]) -> list[Order]:
    """The orders whose numbers were sent; raises BadField for none, NotFound for another hotel's."""
    found = [row_number(text) for text in numbers[:_GROUP_MAX]]
    orders = [Order.of(here(), number) for number in found if number is not None]
    if not orders:
        raise BadField(field="order")
    return orders


def _group_page(orders: list[Order], wanted: dict[int, int | None], error: Refused | None = None) -> str:
    tiles = room_tiles(here())
    begun = Stay.select().where(Stay.order.in_([order.id for order in orders]), Stay.state == "draft")
    drafts = {draft.order_id: draft for draft in begun if draft.order_id is not None}
    arriving = _offered(orders, drafts, tiles, wanted)
    wrong = refusals.sentences(error.code, error.facts, refusals.field_of(error)) if error else None
    return render_template(
        "desk/group.html",
        arriving=arriving,
        tiles=[tile for tile in tiles if tile.state in ("free", "draft")],
        wrong=wrong,
        code=error.code if error else "",
    )


def _offered(
    orders: list[Order], drafts: dict[int, Stay], tiles: list[Tile], wanted: dict[int, int | None]
) -> list[Arriving]:
    """Rooms as they were wanted, begun with or ordered; the other orders get the free ones in turn."""
    free = [tile.door.number for tile in tiles if tile.state == "free"]
    chosen: dict[int, int] = {}
    for order in orders:
        draft = drafts.get(order.id)
        ordered = order.room.number if order.room is not None else None
        wish = wanted.get(order.id) or (draft.room.number if draft else ordered)
        if wish is not None and wish not in chosen.values() and (draft or wish in free or order.id in wanted):
            chosen[order.id] = wish
    rest = [number for number in free if number not in chosen.values()]
    return [
        Arriving(order, drafts.get(order.id), chosen.get(order.id) or (rest.pop(0) if rest else None))
        for order in orders
    ]
