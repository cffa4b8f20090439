"""Keys that ended, on every door they could open, until their last token has ended."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from lockmate import clock
from lockmate.doors.errors import DenyListFull
from lockmate.doors.models import Denial
from lockmate.keys.models import Key
from lockmate.properties.models import Door
from lockmate.protocol import DAY, DENY_MAX

_KEPT_S = 7 * DAY


class DenyList(NamedTuple):
    """What a policy carries: the packed entries in base64, and the `min_iat` that stands for those left out."""

    packed: str
    min_iat: int


def could_open(key: Key, door: Door) -> bool:
    """A guest's key its room and the common doors of its zones; a staff key all doors of its zones."""
    if key.door_id == door.id:
        return True
    zoned = door.property_id == key.property_id and bool(door.zones & key.zones)
    return zoned and (key.kind != "guest" or door.door_class == "common")


def reach(keys: Sequence[Key]) -> Any:
    """A condition that holds for every door which one of these keys could open, and perhaps for some more."""
    zones = reduce(or_, (key.zones for key in keys), 0)
    zoned = Door.property.in_({key.property_id for key in keys}) & (Door.zones.bin_and(zones) != 0)
    if all(key.kind == "guest" for key in keys):
        zoned &= Door.door_class == "common"
    return Door.id.in_({key.door_id for key in keys} - {None}) | zoned


def doors_of(key: Key) -> list[Door]:
    """The doors that a key could open, by row id."""
    return [door for door in Door.select().where(reach([key])).order_by(Door.id) if could_open(key, door)]


def deny(key: Key) -> list[Door]:
    """Put a key on the deny list of every door it could open; returns those doors, whose policies are then due.

    A key of which no token was minted needs no entry.
    """
    doors = doors_of(key)
    if not key.newest_exp:
        return doors
    now = clock.now_ms()
    for door in doors:
        _list(door, key, now)
    return doors


def inherit(door: Door) -> None:
    """A door that was put up, or put into another zone: the keys that ended and could open it now are denied there too.

    Without this a former guest's last tokens would open a new lift.
    """
    zoned = Key.zones.bin_and(door.zones) != 0
    if door.door_class == "room":
        zoned &= Key.kind != "guest"
    ended = (Key.property == door.property_id) & (Key.state == "ended") & (Key.newest_exp >= clock.now_s() - _KEPT_S)
    for key in Key.select().where(ended, (Key.door == door) | zoned):
        _list(door, key, clock.now_ms())


def listed(door: Door, now_s: int, min_iat: int) -> DenyList:
    """The deny list of a door: the keys whose last token has not ended at `now_s`, which the policy says to the door.

    The others are kept for a week: if it was our clock that ran ahead, they are listed again once it is right.
    On overflow the guests' entries of the oldest mintings give way to `min_iat`, one second after their last;
    entries of staff and emergency keys stay, and raise DenyListFull if they alone are too many.
    """
    Denial.delete().where(Denial.door == door, Denial.until < now_s - _KEPT_S).execute()
    rows = list(Denial.select().where(Denial.door == door, Denial.until >= now_s))
    kept = [row for row in rows if row.kind != "guest"]
    if len(kept) > DENY_MAX:
        raise DenyListFull(door=door.name)
    guests = sorted((row for row in rows if row.kind == "guest"), key=lambda row: row.minted_at)
    over = len(kept) + len([row for row in guests if row.minted_at >= min_iat]) - DENY_MAX
    guests = [row for row in guests if row.minted_at >= min_iat]
    if over > 0:
        min_iat = guests[over - 1].minted_at + 1
        guests = [row for row in guests if row.minted_at >= min_iat]
    entries = sorted(bytes.fromhex(row.key_id) + row.until.to_bytes(4, "big") for row in kept + guests)
    return DenyList(base64.b64encode(b"".join(entries)).decode(), min_iat)


def _list(door: Door, key: Key, now_ms: int) -> None:
    Denial.insert(
        door=door, key_id=key.key_id, kind=key.kind, until=key.newest_exp, minted_at=key.newest_iat, made_at=now_ms
    ).on_conflict(
        conflict_target=[Denial.door, Denial.key_id],
        update={Denial.until: key.newest_exp, Denial.minted_at: key.newest_iat},
    ).execute()
