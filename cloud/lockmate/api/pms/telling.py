"""A reservation as another system is told it: the order, its stay, and what is true at the doors about its keys."""

from __future__ import annotations

from typing import Any

from lockmate import stays
from lockmate.doors import Truth, truth
from lockmate.stays import Order, Stay, bounds


def told(order: Order) -> dict[str, Any]:
    """The order as it is now."""
    stay = stay_of(order)
    return {
        "reference": order.reference,
        "order": order.number,
        "state": order.state,
        "guest": order.guest_name,
        "phone": order.phone,
        "arrival": str(order.arrival),
        "departure": str(order.departure),
        "room": order.room.name if order.room is not None else None,
        "group": order.group,
        "stay": _stay(stay) if stay is not None else None,
        "keys": _keys(stay) if stay is not None else [],
    }


def stay_of(order: Order) -> Stay | None:
    """The stay of an order, drafts included; None while there is none."""
    live = Stay.select().where(Stay.order == order, Stay.state != "discarded")
    found: Stay | None = live.order_by(Stay.id.desc()).first()
    return found


def _stay(stay: Stay) -> dict[str, Any]:
    leaving = stays.open_move(stay)
    return {
        "state": stay.state,
        "room": stay.room.name,
        "leaving": leaving.from_room.name if leaving is not None else None,
        "starts_at": _moment(stay, stay.starts_at),
        "ends_at": _moment(stay, stay.ends_at),
        "checked_out_at": _moment(stay, stay.checked_out_at),
        "guests": [guest.name for guest in stay.present()],
    }


def _keys(stay: Stay) -> list[dict[str, Any]]:
    """Every key that somebody of the stay ever got, and what the doors would say of it: phone keys only."""
    return [
        {"key": key.key_id, "room": key.door.name if key.door else None, "truth": _truth(stay, truth.of(key))}
        for held in stays.keys_by_guest(stay).values()
        for key in held
    ]


def _truth(stay: Stay, said: Truth) -> dict[str, Any]:
    """docs/truth.md has the kinds; `until` and `latest` are null where no bound can be told."""
    return {
        "kind": said.kind,
        "at": _moment(stay, said.at),
        "until": _moment(stay, said.until),
        "latest": _moment(stay, said.latest),
        "heard_at": _moment(stay, said.heard_at),
        "doors": list(said.doors),
        "ahead": list(said.ahead),
    }


def _moment(stay: Stay, at_ms: int | None) -> str | None:
    """RFC 3339, in the property's zone."""
    return None if at_ms is None else bounds.local(stay.property, at_ms).isoformat(timespec="seconds")
