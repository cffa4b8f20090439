"""The room rack: every room, who is in it, and a hint of its door."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from flask import render_template
from flask.typing import ResponseReturnValue
from peewee import fn

from lockmate import stays
from lockmate.doors import Companion, Policy
from lockmate.properties import Door, Property
from lockmate.stays import RackRow, Stay
from lockmate.web import answers
from lockmate.web.access import allowed, here
from lockmate.web.desk import desk
from lockmate.web.texts import t, word


@dataclass(frozen=True, slots=True)
class Tile:
    """A door on the rack; `hint` is a word under door.hint."""

    door: Door
    state: str  # "free" | "occupied" | "draft" | "leaving": a stay is moving out of it
    stay: Stay | None
    guest: str
    hint: str

    @property
    def tone(self) -> str:
        """The colour of its dot."""
        return {"in_step": "good", "behind": "bad"}.get(self.hint, "")


@desk.get("/")
@allowed("stay:see")
def rack() -> ResponseReturnValue:
    """All rooms."""
    return render_template("desk/rack.html", **_facts())


@desk.get("/rack")
@allowed("stay:see")
def rack_tiles() -> ResponseReturnValue:
    """The rack's own part, asked for again and again."""
    return answers.live("desk/rack_tiles.html", **_facts())


def _facts() -> dict[str, object]:
    property = here()
    hints = door_hints(property)
    rooms = room_tiles(property, hints)
    counts = Counter(tile.state for tile in rooms)
    common = Door.select().where(Door.property == property, Door.door_class == "common").order_by(Door.number)
    return {
        "rooms": rooms,
        "common": [Tile(door, "", None, "", hints.get(door.id, "none")) for door in common],
        "counts": {state: counts[state] for state in ("free", "occupied", "draft")},
        "zone": property.timezone,
        # looked up once: there may be five hundred rooms
        "hints": {hint: t(f"door.hint.{hint}") for hint in ("none", *_WORSE)},
        "states": {state: word("room", state) for state in ("free", "occupied", "draft", "leaving")},
    }


def room_tiles(property: Property, hints: dict[int, str] | None = None) -> list[Tile]:
    """The rooms with their state for people."""
    return [_tile(row, (hints or {}).get(row.room.id, "none")) for row in stays.rack(property)]


def _tile(row: RackRow, hint: str) -> Tile:
    if row.stay is not None:
        return Tile(row.room, "occupied", row.stay, ", ".join(guest.name for guest in row.guests), hint)
    if row.leaving is not None:
        return Tile(row.room, "leaving", row.leaving, t("room.leaving_to", room=row.leaving.room.name), hint)
    if row.drafts:
        draft = row.drafts[0]
        return Tile(row.room, "draft", draft, draft.order.guest_name if draft.order is not None else "", hint)
    return Tile(row.room, "free", None, "", hint)


def door_hints(property: Property) -> dict[int, str]:
    """What is told of each door's companions in a word, by door id; the worse of two."""
    query = Policy.select(Policy.door, fn.MAX(Policy.version).alias("newest")).join(Door)
    rows: Any = query.where(Door.property == property).group_by(Policy.door).dicts()
    newest: dict[int, int] = {row["door"]: row["newest"] for row in rows}
    hints: dict[int, str] = {}
    told = (Companion.id, Companion.door, Companion.heard_at, Companion.online, Companion.policy_version)
    there = (Companion.property == property) & (Companion.state == "in_service")
    for companion in Companion.select(*told).where(there):
        door_id: int = companion.door_id or 0
        hint = _hint(companion, newest.get(door_id, 0))
        hints[door_id] = max(hint, hints.get(door_id, hint), key=_WORSE.index)
    return hints


_WORSE = ("in_step", "behind", "offline", "offline_behind", "never")


def _hint(companion: Companion, newest: int) -> str:
    if companion.heard_at is None:
        return "never"
    in_step = companion.policy_version == newest
    if companion.online:
        return "in_step" if in_step else "behind"
    return "offline" if in_step else "offline_behind"
