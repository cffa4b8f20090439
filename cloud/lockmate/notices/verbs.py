"""Notices: put in the transaction that gives cause for them, listed, read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from lockmate import clock, outbox, settings
from lockmate.db import transaction
from lockmate.keys.models import Holder, Key
from lockmate.notices.errors import BadNotice
from lockmate.notices.models import Notice
from lockmate.protocol import DAY

KINDS: Final = ("claimed", "issued", "changed", "moved", "ended", "reissued")
CHANNEL: Final = "smtp"


def put(holder: Holder, kind: str, facts: Mapping[str, object] | None = None) -> Notice:
    """Tell a holder: a line in their inbox and, if they gave an address and the house sends letters, a letter.

    Call it inside the transaction of what it tells. `facts` fill the words (see `about`), none of them secret:
    hotel, room, order, starts_at and ends_at (ms), timezone; more where a kind needs it. Raises BadNotice.
    """
    if kind not in KINDS:
        raise BadNotice(field="kind", value=kind)
    now = clock.now_ms()
    text = json.dumps(dict(facts or {}), ensure_ascii=False, separators=(",", ":"))
    with transaction():
        holder = Holder.get_by_id(holder.id)
        notice = Notice.create(holder=holder, kind=kind, facts=text, made_at=now)
        if holder.email and settings.current().smtp_host:
            letter = {"notice": notice.id, "kind": kind, "language": holder.language, "facts": notice.told}
            outbox.put(
                CHANNEL,
                holder.email,
                json.dumps(letter, ensure_ascii=False, separators=(",", ":")).encode(),
                property_id=_hotel_of(holder),
                order_key=f"holder {holder.id}",
                expires_at=now + DAY * 1000,
            )
        return notice


def _hotel_of(holder: Holder) -> int | None:
    """The hotel that a letter is about: the one whose key the holder got last; a holder may know several."""
    newest = Key.select(Key.property).where(Key.holder == holder).order_by(Key.id.desc()).first()
    return None if newest is None else newest.property_id


def about(key: Key, order: str = "", **more: object) -> dict[str, object]:
    """The facts of a key, for `put`; `order`: the order's number. Times are ms, to be shown in `timezone`."""
    return {
        "hotel": key.property.name,
        "timezone": key.property.timezone,
        "room": key.door.name if key.door is not None else key.label,
        "order": order,
        "starts_at": key.starts_at,
        "ends_at": key.ends_at,
        **more,
    }


def of(holder: Holder, limit: int = 50) -> list[Notice]:
    """The inbox, newest first."""
    return list(Notice.select().where(Notice.holder == holder).order_by(Notice.id.desc()).limit(limit))


def unread(holder: Holder) -> int:
    """How many the holder has not seen."""
    count: int = Notice.select().where(Notice.holder == holder, Notice.read_at.is_null()).count()
    return count


def read(holder: Holder) -> int:
    """The inbox was looked at; how many were new."""
    with transaction():
        seen: int = (
            Notice.update(read_at=clock.now_ms()).where(Notice.holder == holder, Notice.read_at.is_null()).execute()
        )
        return seen
