"""One batch of messages into the database: all in one transaction, in the order they came.

What may not enter the trail is kept apart (records.Disputed), and the broker is still told that we have it,
or it would send it for ever. Only the companion's own acknowledgement says what is in the trail.
"""

from __future__ import annotations

import contextlib
import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from lockmate import clock, records, stays
from lockmate.db import ERRORS, require_away, transaction
from lockmate.doors import BadMac, BadState, Companion, JournalLog, heard, link, linking, remote
from lockmate.errors import Refused
from lockmate.ingest import known
from lockmate.ingest.acks import Ack
from lockmate.protocol import COMPANION_ID, ROADS
from lockmate.stays.models import Move

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lockmate.ingest.known import Known
    from lockmate.mqtt import Arrival
    from lockmate.records import ParsedLine

_LOG = logging.getLogger("lockmate.ingest")
_LEVELS = 5  # lm/1/{companion_id}/up/{leaf}
_LEAVES = ("events", "state")
_IN_SERVICE = "in_service"
_REMOTE_ROAD = ROADS[1]
_BAD_MAX = 50  # bad lines of a message that are kept apart one by one; a door's messages hold some eight lines


@dataclass(slots=True)
class Kept:
    """What became of a batch, and what its companions are to be told."""

    lines: int = 0
    again: int = 0
    apart: int = 0
    states: int = 0
    acks: list[Ack] = field(default_factory=list)
    opened: list[tuple[str, int]] = field(default_factory=list)  # opens as they were told: key_id, the door's row id

    def add(self, other: Kept) -> None:
        """Take in another's counts and acknowledgements."""
        self.lines += other.lines
        self.again += other.again
        self.apart += other.apart
        self.states += other.states
        self.acks += other.acks
        self.opened += other.opened


def keep(arrivals: Sequence[Arrival], *, only: int | None = None) -> Kept:
    """Store a batch; when this returns it is committed, and the stays know who opened.

    only: the row id of the hotel whose companions are let in; None: every hotel's.

    Raises one of db.ERRORS if the database is away: the batch is to be brought again then, whatever of it was stored;
    SchemaDiffers if its schema is not ours. A message that trips a fault of ours is kept apart alone, and the rest is
    stored.
    """
    try:
        kept = _stored(arrivals, only)
        _tell_stays(kept.opened)
    except ERRORS as error:
        require_away(error)
        raise
    return kept


def _stored(arrivals: Sequence[Arrival], only: int | None) -> Kept:
    try:
        # what a state brings about is decided like a verb; lines alone need wait for nobody
        with transaction(alone=any(arrival.topic.endswith("/state") for arrival in arrivals)):
            work = _Batch(clock.now_ms(), only)
            work.take(arrivals)
        return work.kept()
    except ERRORS:
        raise
    except Exception:  # noqa: BLE001  logged below, and nothing of it is lost
        if len(arrivals) == 1:
            _LOG.exception("event=fault topic=%s bytes=%d kept=apart", arrivals[0].topic, len(arrivals[0].payload))
            return _set_apart(arrivals[0])
    middle = len(arrivals) // 2
    kept = _stored(arrivals[:middle], only)
    kept.add(_stored(arrivals[middle:], only))
    return kept


def _tell_stays(opened: Sequence[tuple[str, int]]) -> None:
    """What an open brings about is the stays' own transaction: a fault there costs no line of the trail."""
    if not opened:
        return
    awaited = {move.to_room_id for move in Move.select(Move.to_room).where(Move.closed_at.is_null())}
    for key_id, door_id in dict.fromkeys(opened):
        if door_id not in awaited:
            continue
        try:
            stays.note_opened(remote.key_behind(key_id), clock.now_ms(), door_id)
        except ERRORS:
            raise
        except Exception:  # noqa: BLE001  logged; time brings about the same (stays.tend)
            _LOG.exception("event=fault work=note_opened")


def _set_apart(arrival: Arrival) -> Kept:
    records.dispute(_in_place_of_id(arrival.topic)[:32], "malformed", arrival.payload, clock.now_ms())
    return Kept(apart=1)


class _Batch:
    """The work on one batch: `take` in its transaction, `kept` after the commit, when nobody waits for its locks."""

    def __init__(self, now_ms: int, only: int | None) -> None:
        self._now = now_ms
        self._only = only
        self._kept = Kept()
        self._known: dict[str, Known] = {}
        self._keys: dict[str, tuple[bytes, ...]] = {}  # link keys of those that sent lines
        self._lines: dict[str, tuple[Known, list[ParsedLine]]] = {}
        self._stored: dict[str, tuple[str, int, str]] = {}  # companion_id: log, seq, tag

    def take(self, arrivals: Sequence[Arrival]) -> None:
        speakers = {topic: _speaker(topic) for topic in {arrival.topic for arrival in arrivals}}
        self._known = known.companions(one.companion_id for one in speakers.values() if one is not None)
        for arrival in arrivals:
            self._take(speakers[arrival.topic], arrival)
        self._store(list(self._lines))

    def kept(self) -> Kept:
        """What became of it, with the acknowledgements. Without them doors ask again: the lines are stored."""
        try:
            self._kept.acks = self._acks()
        except Exception:  # noqa: BLE001  logged; a database that is away shows at the next batch
            _LOG.exception("event=fault work=acks")
        return self._kept

    def _take(self, speaker: _Speaker | None, arrival: Arrival) -> None:
        if speaker is None:
            self._dispute(_in_place_of_id(arrival.topic), "malformed", arrival.payload)
            return
        companion = self._known.get(speaker.companion_id)
        stranger = self._stranger(companion)
        if companion is None or stranger:
            # a revoked one keeps its connection after the broker read the new list: it is refused here again
            lines = records.split(arrival.payload) if speaker.leaf == "events" else []
            for line in lines[:_BAD_MAX]:
                self._dispute(speaker.companion_id, stranger, line)
            self._dispute_rest(speaker.companion_id, stranger, lines[_BAD_MAX:])
        elif speaker.leaf == "events":
            self._events(companion, arrival.payload)
        else:
            self._state(companion, arrival)

    def _stranger(self, companion: Known | None) -> str:
        """Why nothing of it is let in; empty if it belongs here."""
        if companion is None:
            return "unknown_companion"
        if companion.state != _IN_SERVICE:
            return "retired"
        return "other_property" if self._only not in (None, companion.property_id) else ""

    def _events(self, companion: Known, payload: bytes) -> None:
        keys = self._keys.get(companion.companion_id) or link.keys_of(companion)
        self._keys[companion.companion_id] = keys
        lines = records.split(payload)
        wrong = 0
        for n, line in enumerate(lines):
            try:
                parsed = _parsed(keys, line)
            except records.BadLine as bad:
                if wrong == _BAD_MAX:
                    self._dispute_rest(companion.companion_id, bad.reason, lines[n:])
                    return
                wrong += 1
                self._dispute(companion.companion_id, bad.reason, line)
            else:
                self._lines.setdefault(companion.companion_id, (companion, []))[1].append(parsed)

    def _state(self, companion: Known, arrival: Arrival) -> None:
        if _is_last_will(arrival.payload):
            Companion.update(online=False).where(Companion.id == companion.id).execute()
            return
        try:
            report = linking.heard(companion, arrival.topic, arrival.payload)
            self._known |= known.companions([companion.companion_id])  # its key may be another since
            self._keys.pop(companion.companion_id, None)
            self._store([companion.companion_id])  # lines that came before it; a report is overtaken by later ones
            told = heard(Companion(id=companion.id), report, at_ms=self._now, retained=arrival.retained)
        except (BadMac, BadState) as bad:
            reason = "malformed" if isinstance(bad, BadState) else "bad_tag"
            self._dispute(companion.companion_id, reason, arrival.payload)
            return
        except Refused as refused:  # what follows from the report can't be done; the door reports again
            _LOG.error("event=state_refused companion=%s why=%r", companion.companion_id, str(refused))
            return
        self._kept.states += 1
        if told.kept:
            self._tell_again(companion, report["log"])

    def _tell_again(self, companion: Known, log: str) -> None:
        """A report is also a question: what of my journal do you hold?"""
        held = JournalLog.get_or_none(JournalLog.companion == companion.id, JournalLog.log == log)
        if held is not None and held.stored_tag:
            self._stored[companion.companion_id] = (log, held.stored_seq, held.stored_tag)

    def _store(self, companion_ids: Sequence[str]) -> None:
        groups = [self._lines.pop(companion_id) for companion_id in companion_ids if companion_id in self._lines]
        if not groups:
            return
        self._note_answers(groups)
        for (_, lines), result in zip(groups, records.store_batch(groups, self._now), strict=True):
            self._kept.lines += result.new
            self._kept.apart += result.disputed
            self._kept.again += len(lines) - result.new - result.disputed
            if result.tag:
                self._stored[result.companion.companion_id] = (result.log, result.upto_seq, result.tag)

    def _note_answers(self, groups: Sequence[tuple[Known, list[ParsedLine]]]) -> None:
        """What doors say of a token: to who asked for a remote open now, to the stays after the commit."""
        answers = []
        for companion, lines in groups:
            for line in lines:
                if line.kind == "opened" and line.key_id and companion.door_id is not None:
                    self._kept.opened.append((line.key_id, companion.door_id))
                if line.road == _REMOTE_ROAD and line.key_id and line.kind in ("opened", "refused"):
                    answers.append(remote.Answer(companion, line.key_id, line.kind, line.verdict))
        remote.answered(answers, self._now)

    def _acks(self) -> list[Ack]:
        told = [(self._known[companion_id], stored) for companion_id, stored in self._stored.items()]
        newest = known.newest_policies(companion.door_id for companion, _ in told if companion.door_id is not None)
        return [
            Ack(companion, log, seq, tag, companion.door, newest.get(companion.door_id or 0, 0))
            for companion, (log, seq, tag) in told
        ]

    def _dispute_rest(self, companion_id: str, reason: str, lines: list[bytes]) -> None:
        """As one: each costs a transaction more than a good line does, and a message has room for thousands."""
        if lines:
            self._dispute(companion_id, reason, b"\n".join(lines))

    def _dispute(self, companion_id: str, reason: str, line: bytes) -> None:
        self._kept.apart += 1
        records.dispute(companion_id[:32], reason, line, self._now)
        _LOG.warning("event=kept_apart companion=%r reason=%s bytes=%d", companion_id[:32], reason, len(line))


class _Speaker(NamedTuple):
    companion_id: str
    leaf: str


def _speaker(topic: str) -> _Speaker | None:
    """Who speaks on a topic, and of what; None if no companion speaks there."""
    levels = topic.split("/")
    if len(levels) == _LEVELS and levels[4] in _LEAVES and COMPANION_ID.fullmatch(levels[2]) is not None:
        return _Speaker(levels[2], levels[4])
    return None


def _in_place_of_id(topic: str) -> str:
    """What stands where a companion's id should, for a topic that is none of theirs."""
    return ([*topic.split("/"), "", ""])[2]


def _parsed(keys: tuple[bytes, ...], line: bytes) -> ParsedLine:
    """A line, under the first of the keys that fits; raises BadLine."""
    for other in keys[1:]:
        with contextlib.suppress(records.BadLine):
            return records.parse(other, line)
    return records.parse(keys[0], line)


def _is_last_will(payload: bytes) -> bool:
    """The broker says it in the companion's place, so it has no mac and moves nothing but the online light."""
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and "mac" not in document and document.get("online") is False
