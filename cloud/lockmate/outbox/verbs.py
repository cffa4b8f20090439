"""Put, lease, and tell what became of a row.

Rows of one `order_key` go out in the order of their ids: while a lower one is not done, the later wait.
A newer retained row for the same address supersedes those that were not leased yet.
"""

from __future__ import annotations

import random

from peewee import fn

from lockmate import clock
from lockmate.db import is_postgres, transaction
from lockmate.outbox.models import Outbox

LEASE_MS = 30_000
ATTEMPTS_MAX = 12
_BACK_OFF_MS = 500
_BACK_OFF_MAX_MS = 300_000
_ERROR_MAX = 200
_UNDONE = ("pending", "leased")
_DONE = ("sent", "superseded")
_DONE_KEPT_MS = 7 * 86_400_000


def put(
    channel: str,
    address: str,
    payload: bytes,
    *,
    property_id: int | None,
    order_key: str,
    retained: bool = False,
    expires_at: int | None = None,
) -> Outbox:
    """Write a row, inside the caller's transaction. `property_id`: the hotel's row id, None if it is nobody's.

    `expires_at`: ms; a later row is not sent, it is dead. Rows of the same `order_key` that were done long ago are
    forgotten, but never the newest row of all: an id is never given twice.
    """
    now = clock.now_ms()
    if retained:
        Outbox.update(state="superseded").where(
            Outbox.channel == channel, Outbox.address == address, Outbox.retained, Outbox.state == "pending"
        ).execute()
    row: Outbox = Outbox.create(
        property=property_id,
        channel=channel,
        address=address,
        payload=payload,
        order_key=order_key,
        retained=retained,
        expires_at=expires_at,
        made_at=now,
    )
    Outbox.delete().where(
        Outbox.order_key == order_key, Outbox.state.in_(_DONE), Outbox.made_at < now - _DONE_KEPT_MS
    ).execute()
    return row


def lease(channel: str, n: int, *, lease_ms: int = LEASE_MS) -> list[Outbox]:
    """Up to `n` rows that are due, oldest first, at most one of each `order_key`; theirs for `lease_ms`.

    Several workers may lease at the same time: a row that another one is leasing is passed over. A lease that ran out
    (the worker died) is given again. A time further ahead than any we set means that the
    clock was set back: such a row does not wait for it.
    """
    now = clock.now_ms()
    before = Outbox.alias()
    blocked = before.select(before.id).where(
        before.order_key == Outbox.order_key,
        before.channel == Outbox.channel,
        before.id < Outbox.id,
        before.state.in_(_UNDONE),
    )
    due = ((Outbox.state == "pending") & ~Outbox.next_try_at.between(now + 1, now + _BACK_OFF_MAX_MS)) | (
        (Outbox.state == "leased") & ~Outbox.leased_until.between(now + 1, now + max(lease_ms, LEASE_MS))
    )
    if not Outbox.select().where(Outbox.channel == channel, due).exists():
        return []  # asked many times a second: without the write lock
    with transaction(alone=False):
        Outbox.update(state="dead", error="expired").where(
            Outbox.channel == channel, Outbox.state.in_(_UNDONE), Outbox.expires_at <= now
        ).execute()
        free = Outbox.select().where(Outbox.channel == channel, due, ~fn.EXISTS(blocked)).order_by(Outbox.id).limit(n)
        rows = list(free.for_update(skip_locked=True) if is_postgres() else free)
        for row in rows:
            row.state = "leased"
            row.attempts += 1
            row.leased_until = now + lease_ms
        Outbox.update(state="leased", attempts=Outbox.attempts + 1, leased_until=now + lease_ms).where(
            Outbox.id.in_([row.id for row in rows])
        ).execute()
        return rows


def sent(row: Outbox) -> bool:
    """The row went out. False if the lease had passed to another worker meanwhile."""
    return _settle(row, state="sent", sent_at=clock.now_ms(), error="")


def failed(row: Outbox, error: str, *, final: bool = False) -> bool:
    """The row did not go out: it is tried again later, ever more rarely; after the last attempt it is dead.

    A retained one is what a door must believe: it is tried until it goes, or gives way to a newer one that waits.
    `final`: the other side said that it never will take it.
    """
    told = error[:_ERROR_MAX]
    if row.retained and _has_newer(row):
        return _settle(row, state="superseded", error=told)
    if final or (row.attempts >= ATTEMPTS_MAX and not row.retained):
        return _settle(row, state="dead", error=told)
    wait = min(_BACK_OFF_MAX_MS, _BACK_OFF_MS << min(row.attempts, ATTEMPTS_MAX))
    wait -= random.randrange(wait // 4)  # noqa: S311 - jitter, no secret
    return _settle(row, state="pending", next_try_at=clock.now_ms() + wait, error=told)


def pending(channel: str) -> int:
    """How many rows are not done."""
    count: int = Outbox.select().where(Outbox.channel == channel, Outbox.state.in_(_UNDONE)).count()
    return count


def due(channel: str) -> bool:
    """Whether `lease` may have something to do now."""
    now = clock.now_ms()
    return bool(
        Outbox.select()
        .where(
            Outbox.channel == channel,
            ((Outbox.state == "pending") & (Outbox.next_try_at <= now))
            | ((Outbox.state == "leased") & (Outbox.leased_until <= now)),
        )
        .exists()
    )


def dead(property_id: int | None = None, limit: int = 50) -> list[Outbox]:
    """Rows that were given up, newest first: they stay visible. Of one hotel, or (None) of all."""
    rows = Outbox.select().where(Outbox.state == "dead")
    if property_id is not None:
        rows = rows.where(Outbox.property == property_id)
    return list(rows.order_by(Outbox.id.desc()).limit(limit))


def again(row: Outbox) -> bool:
    """Try a dead row again, from its first attempt; inside the caller's transaction.

    False, and nothing changes, if it is not dead any more, if its time is over, or if a newer one for the same address
    took the place of a retained one.
    """
    if (row.expires_at is not None and row.expires_at <= clock.now_ms()) or (row.retained and _is_overtaken(row)):
        return False
    changed: int = (
        Outbox.update(state="pending", attempts=0, next_try_at=0, leased_until=0)
        .where(Outbox.id == row.id, Outbox.state == "dead")
        .execute()
    )
    return changed == 1


def _has_newer(row: Outbox) -> bool:
    newer = (Outbox.order_key == row.order_key, Outbox.id > row.id, Outbox.address == row.address, Outbox.retained)
    found: bool = Outbox.select().where(*newer, Outbox.channel == row.channel, Outbox.state.in_(_UNDONE)).exists()
    return found


def _is_overtaken(row: Outbox) -> bool:
    newer = (Outbox.channel == row.channel, Outbox.address == row.address, Outbox.id > row.id, Outbox.retained)
    found: bool = Outbox.select().where(*newer).exists()
    return found


def _settle(row: Outbox, **changes: object) -> bool:
    """Change a leased row, if the lease is still ours: a later lease has a higher count of attempts."""
    with transaction(alone=False):
        changed: int = (
            Outbox.update(**changes)
            .where(Outbox.id == row.id, Outbox.state == "leased", Outbox.attempts == row.attempts)
            .execute()
        )
        return changed == 1
