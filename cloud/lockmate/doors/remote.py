"""Remote opens: a token of 30 seconds that opens once, sent to the door; only the door's own event says it opened."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, NamedTuple

from peewee import fn

from lockmate import clock, outbox
from lockmate.db import transaction
from lockmate.doors import policies
from lockmate.doors.errors import DoorOffline, NoReason, OpenUnderWay, TooManyOpens
from lockmate.doors.link import Speaker
from lockmate.doors.models import Companion, RemoteOpen
from lockmate.doors.rooms import rules_of
from lockmate.errors import NotFound
from lockmate.keys import holders, issuer
from lockmate.keys.models import Holder, Key
from lockmate.keys.token import mint
from lockmate.properties.models import Door
from lockmate.protocol import LIVES, REMOTE, TOPIC_OPEN
from lockmate.staff import Actor, audit, once

LIFE_MS = LIVES[REMOTE] * 1000
ANSWER_MS = 8_000  # a door that is there answers in less; refusals before the signature name no token
A_MINUTE_MAX = 6
_MINUTE_MS = 60_000
_REASON_MAX = 120
_OPENED = "opened"
_AT_A_TIME = 500  # of one query: a companion chooses how many lines it sends


class Answer(NamedTuple):
    """What an event says of a token: from which companion, `kind` opened or refused, and the verdict."""

    companion: Speaker
    key_id: str
    kind: str
    verdict: str


def may_open(holder: Holder, door: Door) -> Key | None:
    """The holder's key that opens this door now; None for anybody else, whatever they scanned."""
    now = clock.now_ms()
    mine = Key.select().where(
        Key.holder == holder,
        Key.property == door.property_id,
        Key.state == "active",
        Key.starts_at <= now,
        Key.ends_at > now,
    )
    fitting = [key for key in mine.order_by(Key.id.desc()) if _fits(key, door)]
    return min(fitting, key=lambda key: key.kind != "guest", default=None)


@once("door:open")
def open_remotely(door: Door, *, key_id_of: Key | None = None, reason: str = "", by: Actor | None = None) -> RemoteOpen:
    """Ask a door to open, now, once; every companion of the door that is online gets the token.

    For a guest: `key_id_of` is the key by whose right it opens, and the audit trail names its holder unless `by`
    does. For the staff: a `reason`. Asked again by the same person while it waits, it is the same one.
    Raises NotFound (no right to this door), NoReason, TooManyOpens, OpenUnderWay, DoorOffline.
    """
    reason = " ".join(reason.split())[:_REASON_MAX]
    holder: Holder | None = None
    if key_id_of is not None:
        holder = key_id_of.holder
        if holder is None:
            raise NotFound(what="key")  # printed: nobody's
        by = by or holders.actor(holder, key_id_of.property)
    elif by is None or not reason:
        raise NoReason(field="reason")
    by.within(door.property_id)
    now = clock.now_ms()
    with transaction():
        if holder is not None and may_open(holder, door) is None:
            raise NotFound(what="door")
        waiting = _under_way(door, now)
        if waiting is not None:
            if waiting.actor == by.name and now - waiting.asked_at < ANSWER_MS:
                return waiting
            raise OpenUnderWay(door=door.name, seconds=_seconds(waiting.asked_at + LIFE_MS - now))
        _require_patience(holder, now)
        online = [companion for companion in policies.companions_of(door) if companion.online]
        if not online:
            raise DoorOffline(door=door.name)
        asked = RemoteOpen.create(
            property=door.property_id,
            door=door,
            key_id=os.urandom(8).hex(),
            right=key_id_of,
            holder=holder,
            actor=by.name,
            reason=reason,
            asked_at=now,
        )
        text = _token(door, asked.key_id, now // 1000)
        for companion in online:
            outbox.put(
                "mqtt",
                TOPIC_OPEN % companion.companion_id,
                text.encode(),
                property_id=door.property_id,
                order_key=f"open {companion.companion_id}",  # not the policies': none of them waits for an open
                expires_at=now + LIFE_MS,
            )
        audit.record(by, "door:open", f"door {door.number}", door=door.name, reason=reason, key=asked.key_id)
        return asked


def answer_of(asked: RemoteOpen) -> str:
    """What became of it, as far as it is known: never "opened" but by the door's own event.

    "waiting"; "opened"; the verdict with which the door refused; "offline": the door went away before it answered;
    "no_answer": nothing came in good time (a door that refuses before the signature names no token).
    A late event still corrects the last two.
    """
    return _asked(RemoteOpen.id == asked.id, 1)[0][1]


def answered(answers: Iterable[Answer], at_ms: int) -> None:
    """Take in events with a token's key_id; the first word counts, but an open stands over a refusal.

    Only a companion of the asked door can answer: nobody else was sent the token. It is the same when told again.
    """
    told: dict[tuple[str, int | None], Answer] = {}
    for answer in answers:
        named = (answer.key_id, answer.companion.door_id)
        if answer.kind == _OPENED or named not in told:
            told[named] = answer
    if not told:
        return
    key_ids = sorted({key_id for key_id, _ in told})
    with transaction():
        for start in range(0, len(key_ids), _AT_A_TIME):
            some = key_ids[start : start + _AT_A_TIME]
            for asked in RemoteOpen.select().where(RemoteOpen.key_id.in_(some), RemoteOpen.answer != _OPENED):
                answer_here = told.get((asked.key_id, asked.door_id))
                if answer_here is not None:
                    _note(asked, answer_here, at_ms)


def key_behind(key_id: str) -> str:
    """The key by whose right a token opened: its own, or that of the guest who asked for a remote open."""
    asked = RemoteOpen.get_or_none(RemoteOpen.key_id == key_id)
    if asked is None or asked.right is None:
        return key_id
    return str(asked.right.key_id)


def open_of(holder: Holder, open_id: int) -> RemoteOpen:
    """This holder's remote open; anybody else's is not found."""
    found = RemoteOpen.get_or_none(RemoteOpen.id == open_id, RemoteOpen.holder == holder)
    if found is None:
        raise NotFound(what="open")
    return found


def opens_at(door: Door, limit: int = 20) -> list[tuple[RemoteOpen, str]]:
    """The latest remote opens of a door, newest first, each with its answer (`answer_of`)."""
    return _asked(RemoteOpen.door == door, limit)


def _asked(which: Any, limit: int) -> list[tuple[RemoteOpen, str]]:
    """One query, which also asks whether the door is there."""
    there = Companion.select(Companion.id).where(
        Companion.door == RemoteOpen.door, Companion.state == "in_service", Companion.online
    )
    rows = RemoteOpen.select(RemoteOpen, fn.EXISTS(there).alias("online")).where(which)
    return [(row, _answer(row)) for row in rows.order_by(RemoteOpen.id.desc()).limit(limit)]


def _answer(asked: Any) -> str:
    if asked.answer:
        return str(asked.answer)
    if not asked.online:
        return "offline"
    return "waiting" if clock.now_ms() - asked.asked_at < ANSWER_MS else "no_answer"


def _fits(key: Key, door: Door) -> bool:
    """As the gate would match it, and no older generation than the room's."""
    shared = bool(key.zones & door.zones)
    if key.kind != "guest":
        return shared or key.door_id == door.id
    if door.door_class != "room":
        return shared or key.door_id == door.id
    return key.door_id == door.id and key.generation >= rules_of(door).generation


def _under_way(door: Door, now: int) -> RemoteOpen | None:
    found: RemoteOpen | None = (
        RemoteOpen.select()
        .where(RemoteOpen.door == door, RemoteOpen.answer == "", RemoteOpen.asked_at > now - LIFE_MS)
        .order_by(RemoteOpen.id.desc())
        .first()
    )
    return found


def _require_patience(holder: Holder | None, now: int) -> None:
    """Raises TooManyOpens for a holder that asked too often within a minute, at whatever door."""
    if holder is None:
        return
    recent = (RemoteOpen.holder == holder) & (RemoteOpen.asked_at > now - _MINUTE_MS)
    count, first = RemoteOpen.select(fn.COUNT(RemoteOpen.id), fn.MIN(RemoteOpen.asked_at)).where(recent).tuples()[0]
    if count >= A_MINUTE_MAX:
        raise TooManyOpens(seconds=_seconds(first + _MINUTE_MS - now))


def _note(asked: RemoteOpen, answer: Answer, at_ms: int) -> None:
    opened = answer.kind == _OPENED
    if asked.answer and not opened:
        return
    asked.answer, asked.answered_at = _OPENED if opened else answer.verdict, at_ms
    asked.save()


def _token(door: Door, key_id: str, now_s: int) -> str:
    return mint(
        issuer.signer(door.property, "remote"),
        kind=REMOTE,
        key_id=bytes.fromhex(key_id),
        generation=0,
        nbf=now_s,
        exp=now_s + LIVES[REMOTE],
        iat=now_s,
        door=door.number,
        once=True,
    )


def _seconds(ms: int) -> int:
    return max(1, -(-ms // 1000))
