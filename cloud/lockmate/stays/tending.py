"""What time brings without anybody's doing: moves whose grace is over, keys whose tokens outlast them."""

from __future__ import annotations

import logging

from lockmate import clock
from lockmate.db import transaction
from lockmate.errors import Refused
from lockmate.keys.models import Key
from lockmate.staff import Actor, audit
from lockmate.stays import holding, moving
from lockmate.stays.models import Guest, GuestKey, Move, Stay
from lockmate.stays.telling import tell

_LOG = logging.getLogger("lockmate.stays")


def tend(now_ms: int | None = None) -> int:
    """Do what is due, each thing in a transaction of its own; returns how many there were.

    To be called every few seconds: two queries when nothing is due, and doing it twice changes nothing.
    """
    now = now_ms or clock.now_ms()
    done = 0
    for move in Move.select().where(Move.closed_at.is_null(), Move.closes_at <= now).order_by(Move.id):
        done += moving.finish(move, "grace")
    outlasted = Guest.select(Guest.stay).join(GuestKey).join(Key).where(_outlasted(now)).distinct()
    for stay in list(Stay.select().where(Stay.id.in_(outlasted)).order_by(Stay.id)):
        try:
            done += _end_outlasted(stay, now)
        except Refused as refused:  # of one stay; the others are tended all the same
            _LOG.error("event=keys_not_ended stay=%s why=%r", stay.id, str(refused))
    return done


def _outlasted(now: int) -> object:
    """The condition for a query: past its end, while the newest token (seconds) lasts longer."""
    return (Key.state == "active") & (Key.ends_at <= now) & (Key.newest_exp * 1000 > Key.ends_at)


def _end_outlasted(stay: Stay, now: int) -> int:
    """A stay that was shortened: its end has come."""
    with transaction():
        query = GuestKey.select(GuestKey, Guest, Key).join(Guest).switch(GuestKey).join(Key)
        held = [(row.guest, row.key) for row in query.where(Guest.stay == stay, _outlasted(now)).order_by(Key.id)]
        due: holding.Due = {}
        holding.end_keys(held, holding.OVER, due)
        if any(key.newest_exp * 1000 >= now for _, key in held):
            holding.publish(due)
        tell(stay, held, "ended")
        if held:
            audit.record(Actor.system(stay.property), "stay:keys_over", f"stay {stay.id}", keys=len(held))
        return len(held)
