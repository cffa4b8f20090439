"""A phone's cards as its holder sees them: what each is called, what it opens, and its tokens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from peewee import JOIN

from lockmate import clock, keys
from lockmate.keys import Holder, Key, KeyEnded, KeyNotYet
from lockmate.properties import Door, Property, Zone
from lockmate.protocol import DAY, KINDS, LIVES
from lockmate.stays import Guest, Order, Stay

_ENDED_SHOWN_MS = 86_400_000  # a card that ended is shown for a day more


@dataclass(frozen=True, slots=True)
class Card:
    """A key as its holder sees it; a page whose `words` differ from the sheaf's is loaded anew."""

    key: Key
    order: str
    guest: str  # as the desk wrote it; empty for who is none
    opens: tuple[str, ...]  # what it opens beside its room: common doors, a staff card's zones

    @property
    def name(self) -> str:
        """The room, or what a staff card is for."""
        return _name(self.key)

    @property
    def zone(self) -> str:
        """The hotel's time zone."""
        return str(self.key.property.timezone)

    @property
    def words(self) -> str:
        """What the page says of it: the same in the sheaf's answer."""
        return _words(self.key)


def sheaf(key: Key, now: int, slots: int | None) -> dict[str, object]:
    """The facts and tokens that the page's script keeps of a card; times in seconds."""
    try:
        tokens = keys.sheaf(key, now, slots=slots)
    except (KeyEnded, KeyNotYet):
        tokens = []
    return {
        "key": key.key_id,
        "room": _name(key),
        "words": _words(key),
        "state": key.state,
        "generation": _generation(key),
        "from": key.starts_at // 1000,
        "until": key.ends_at // 1000,
        "life": min(DAY, LIVES[KINDS.index(key.kind)]),
        "slots": tokens,
    }


def _name(key: Key) -> str:
    return str(key.door.name if key.door is not None else key.label)


def _words(key: Key) -> str:
    return f"{_name(key)} {key.starts_at // 1000} {key.ends_at // 1000}"


def _generation(key: Key) -> int:
    """Tokens of another one are not kept: they open no more."""
    return int(key.generation) if key.kind == "guest" else keys.epochs.of(key.property, key.kind)


def keys_shown(holder: Holder) -> list[Key]:
    """The keys in force, newest first; else the last one that ended."""
    now = clock.now_ms()
    found = keys.keys_of(holder)
    live = [key for key in found if key.state != "ended" and key.ends_at > now]
    over = [key for key in found if _ended_at(key) > now - _ENDED_SHOWN_MS]
    return live or sorted(over, key=_ended_at, reverse=True)[:1]


def shown(holder: Holder) -> list[Card]:
    """The cards of `keys_shown`."""
    return of(keys_shown(holder))


def of(held: list[Key]) -> list[Card]:
    """Cards of keys, whose doors and properties are joined."""
    orders, common, zones = _orders(held), _common_doors(held), _zones(held)
    cards = []
    for key in held:
        places: Iterable[Any] = (common if key.kind == "guest" else zones).get(key.property_id, ())
        opens = tuple(name for name, mask in places if mask & key.zones)
        number, name = orders.get(key.id, ("", ""))
        cards.append(Card(key, number, name, opens))
    return cards


def _ended_at(key: Key) -> int:
    return int(key.ended_at if key.state == "ended" and key.ended_at else key.ends_at)


def _orders(held: list[Key]) -> dict[int, tuple[str, str]]:
    """(order number or empty, guest's name) by key."""
    query = Guest.select(Guest.key, Guest.name, Order.number).join(Stay).join(Order, JOIN.LEFT_OUTER)
    rows: Any = query.where(Guest.key.in_(held)).dicts()
    return {row["key"]: (row["number"] or "", row["name"]) for row in rows}


def _common_doors(held: list[Key]) -> dict[int, list[tuple[str, int]]]:
    """(name, zones) of the common doors, by property."""
    hotels = {key.property_id for key in held if key.kind == "guest"}
    doors = Door.select().where(Door.property.in_(hotels), Door.door_class == "common").order_by(Door.number)
    return _by_property(doors, lambda door: door.zones)


def _zones(held: list[Key]) -> dict[int, list[tuple[str, int]]]:
    """(name, mask) of the zones, by property."""
    hotels = {key.property_id for key in held if key.kind != "guest"}
    return _by_property(Zone.select().where(Zone.property.in_(hotels)).order_by(Zone.bit), lambda zone: 1 << zone.bit)


def _by_property(rows: Any, mask: Any) -> dict[int, list[tuple[str, int]]]:
    places: dict[int, list[tuple[str, int]]] = {}
    for row in rows:
        places.setdefault(row.property_id, []).append((row.name, mask(row)))
    return places


def hotel_of(cards: list[Card]) -> Property | None:
    """The hotel at the top of the page; None where the cards are of several."""
    hotels = {card.key.property_id: card.key.property for card in cards}
    return next(iter(hotels.values())) if len(hotels) == 1 else None
