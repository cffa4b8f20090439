"""What time brings at the doors: policies whose ends come near are renewed, and lost ones are put out again."""

from __future__ import annotations

import logging

from peewee import fn

from lockmate import clock
from lockmate.db import transaction
from lockmate.doors import linking, policies, renewals
from lockmate.doors.models import Companion, DoorRules, Policy
from lockmate.errors import Refused
from lockmate.outbox import Outbox
from lockmate.properties.models import Door
from lockmate.protocol import TOPIC_POLICY

_LOG = logging.getLogger("lockmate.doors")
RESEND_MS = 60_000  # a door on line confirms in a second or two; after that something was lost on the way
_AT_A_TIME = 200


def tend(now_ms: int | None = None) -> int:
    """Do what is due; returns how many policies or renewals were made or put out again. Twice changes nothing."""
    now = now_ms or clock.now_ms()
    return _renew(now) + _resend(now) + renewals.tend(now) + linking.tend()


def _renew(now: int) -> int:
    """Modes and hours that are wanted for longer than one policy may say."""
    done = 0
    due = DoorRules.select(DoorRules, Door).join(Door).where(DoorRules.renew_at <= now).order_by(DoorRules.renew_at)
    for rules in list(due.limit(_AT_A_TIME)):
        try:
            policies.publish(rules.door)
            done += 1
        except Refused as refused:  # of one door; the others are tended all the same
            _LOG.error("event=not_renewed door=%s why=%r", rules.door_id, str(refused))
            DoorRules.update(renew_at=now + RESEND_MS).where(DoorRules.id == rules.id).execute()
    return done


def _resend(now: int) -> int:
    """Doors that are on line, and after a minute still do not hold their newest policy: the message was lost."""
    newest = Policy.alias()
    of_door = newest.select(fn.MAX(newest.version)).where(newest.door == Companion.door)
    behind = (
        Companion.select()
        .where(
            Companion.state == "in_service",
            Companion.online,
            Companion.door.is_null(False),
            Companion.resent_at <= now - RESEND_MS,
            Companion.policy_version < of_door,
        )
        .order_by(Companion.resent_at)
        .limit(_AT_A_TIME)
    )
    done = 0
    for companion in list(behind):
        with transaction():
            policy = policies.newest(companion.door) if companion.door is not None else None
            if policy is None or policy.made_at > now - RESEND_MS:
                continue
            Companion.update(resent_at=now).where(Companion.id == companion.id).execute()
            topic = TOPIC_POLICY % companion.companion_id
            under_way = Outbox.address == topic, Outbox.state.in_(("pending", "leased"))
            if not Outbox.select().where(*under_way).exists():
                policies.put(companion, policy)
                done += 1
    return done
