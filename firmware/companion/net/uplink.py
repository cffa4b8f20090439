"""The door's line to its cloud: journal and state go up, acks, policies and remote opens come down (protocol 5, 6).

Nothing is kept here that must not be lost: lines stay in the journal until an ack covers them and are sent again after
every reconnection, what comes down is retained, told again, or worthless when late. The client calls `_on_message`
while it reads: that only puts a copy into a bounded mailbox, so that the line stays alive while a signature is checked
or the bolt moves.
"""

import asyncio
import binascii
import gc
import hashlib
import json

from companion.core import mac
from companion.core.clock import FRESH_MS
from companion.core.fields import Refused
from companion.core.names import (
    POLICY_BYTES_MAX,
    ROAD_MQTT,
    TOPIC_ACK,
    TOPIC_EVENTS,
    TOPIC_OPEN,
    TOPIC_POLICY,
    TOPIC_STATE,
)
from companion.net.flight import Lost
from companion.net.handed import Handed
from companion.net.mqtt import Client
from companion.net.waiting import end

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from companion.core.clock import Clock
    from companion.net.dialler import Dialler

_DOWN = "lm/1/%s/down/+"
_OFFLINE = b'{"online":false}'
_HEAD = 65  # a policy's slot and signature
_ACK_MAX = 512
_OPEN_MAX = 256  # a token's text has 151; what is longer is malformed whatever its length
_OPENS = 2
_BATCH_BYTES = 1536
_BATCHES_UNACKED = 4
_RESEND_MS = 5_000  # a broker that was killed may have taken lines while no cloud listened; doubled each time
_RESEND_MAX_MS = 900_000
_STATE_MS = 900_000
_SYNCHRONISE_MS = 3_600_000
_FLOOR_JUMP_S = 3_600  # a power cut costs this much of what was told of the clock, at most
_ASK_AGAIN_MS = 60_000
_REFUSALS_MS = 60_000  # refusals are counted this long, then written
_REST_MS = 2_000  # after a refused policy: a check costs far more than a forgery
_TEND_MS = 1_000
_NO_MEMORY = "no_memory"
_SAFE_INTEGER = 1 << 53
_U32 = 0xFFFFFFFF


class Uplink:
    """Speaks for one door. `await run()` never returns.

    present: async (text, road), the way of every token to the gate.
    facts: () -> the state's optional fields, a small dict. trace: (**facts), for the console.
    timing: the client's keepalive and back-off, where they are not the usual ones.
    """

    def __init__(
        self,
        dialler: "Dialler",
        *,
        companion_id: str,
        link_key: bytes,
        clock: "Clock",
        beliefs: "Any",
        journal: "Any",
        present: "Callable[[bytes, int], Awaitable[Any]]",
        now_ms: "Callable[[], int]",
        random: "Callable[[int], bytes]",
        facts: "Callable[[], dict[str, Any]]",
        trace: "Callable[..., None]",
        timing: "dict[str, int] | None" = None,
    ) -> None:
        self._dialler = dialler
        self._link_key = link_key
        self._clock = clock
        self._beliefs = beliefs
        self._journal = journal
        self._present = present
        self._now_ms = now_ms
        self._facts = facts
        self._trace = trace
        self._events_topic = (TOPIC_EVENTS % companion_id).encode()
        self._state_topic = TOPIC_STATE % companion_id
        self._ack_topic = TOPIC_ACK % companion_id
        self._policy_topic = (TOPIC_POLICY % companion_id).encode()
        self._open_topic = (TOPIC_OPEN % companion_id).encode()
        self.client = Client(
            dialler.dial,
            companion_id,
            ready=dialler.ready,
            random=random,
            on_message=self._on_message,
            on_trouble=self._on_trouble,
            will=(self._state_topic.encode(), _OFFLINE),
            subscribe=_DOWN % companion_id,
            **(timing or {}),
        )

        self._handed = Handed(journal.boot_seq)
        self._sent = 0  # the last event handed over since the last (re)start from what is acknowledged
        self._unacked: list[int] = []  # the last event of each batch that no ack has covered
        self._patience_ms = _RESEND_MS
        self._moved_ms = 0  # when a batch was last sent or acknowledged
        self._told: tuple[object, ...] = ()  # what the last state said
        self._told_ms = 0
        self._synchronised_ms: int | None = None
        self._asked_ms: int | None = None
        self._wake = asyncio.Event()

        self._floor_won = False  # the last ack's time lay before our floor, and that was told
        self._ack: bytes | None = None
        self._ack_ms = 0
        self._policy: bytes | None = None
        self._policy_after_ms = 0
        self._unread = ""  # why the newest policy could not even be taken in
        self._mail = asyncio.Event()
        self._opens: list[bytes] = []
        self._asked = asyncio.Event()
        self._refusal = ""
        self._refusals = 0
        self._refusal_ms = 0
        self.ignored = 0  # messages that were wrong, too long or too many; told in the state

    async def run(self) -> None:
        """Everything at once, for ever; an exception that comes out is a defect, or the flash's end."""
        tasks = [
            asyncio.create_task(work)
            for work in (self.client.run(), self._relay(), self._send(), self._hear(), self._open(), self._tend())
        ]
        try:
            while True:
                for task in tasks:
                    if task.done():
                        await task
                        raise RuntimeError("a task of the uplink ended")
                await asyncio.sleep_ms(_TEND_MS)
        finally:
            await end(tasks)

    # --- what comes in, while the client reads ---------------------------------------------------------------------

    def _on_message(self, topic: bytes, payload: memoryview | None) -> None:
        if topic == self._policy_topic:
            self._put_policy(payload)
        elif payload is None:
            self.ignored += 1
        elif topic == self._ack_topic.encode():
            if len(payload) > _ACK_MAX:
                self.ignored += 1
                return
            self._ack = bytes(payload)  # an ack covers all before it: the newest is enough
            self._ack_ms = self._now_ms()
            self._mail.set()
        elif topic == self._open_topic:
            if len(self._opens) >= _OPENS:
                self.ignored += 1
                return
            self._opens.append(bytes(payload[:_OPEN_MAX]))
            self._asked.set()

    def _put_policy(self, payload: memoryview | None) -> None:
        self._policy = None
        self._unread = ""
        if payload is None or len(payload) > _HEAD + POLICY_BYTES_MAX:
            self._unread = "too_long"
        else:
            try:
                self._policy = bytes(payload)
            except MemoryError:
                self._unread = _NO_MEMORY
        self._mail.set()

    def _on_trouble(self, error: Exception) -> None:
        self._dialler.failed(error)
        self._trace(link="down", why=str(error) or type(error).__name__)
        self._wake.set()

    # --- up: events and state --------------------------------------------------------------------------------------

    async def _relay(self) -> None:
        """A written event wakes the sender."""
        while True:
            await self._journal.written.wait()
            self._journal.written.clear()
            self._wake.set()

    async def _send(self) -> None:
        while True:
            number = await self.client.up()
            self._dialler.worked()
            self._trace(link="up", connection=number)
            self._begin_again()
            self._patience_ms = _RESEND_MS
            self._told = ()
            try:
                while self.client.connected and self.client.connection == number:
                    if not (await self._send_state() or await self._send_batch()):
                        await self._wake.wait()
                        self._wake.clear()
            except Lost:
                continue

    def _begin_again(self) -> None:
        """The next batch is the oldest that no ack of this boot covered."""
        self._sent = self._journal.acked
        self._unacked.clear()
        self._moved_ms = self._now_ms()

    async def _send_batch(self) -> bool:
        if len(self._unacked) >= _BATCHES_UNACKED:
            return False
        batch = self._journal.pending(self._sent, _BATCH_BYTES)
        if not batch:
            return False
        parts: list[bytes] = []
        for _, line in batch:
            if parts:
                parts.append(b"\n")
            parts.append(line)
        last = batch[-1][0]
        now_ms = self._now_ms()
        self._handed.note(last, now_ms)
        self._sent = last
        self._unacked.append(last)
        self._moved_ms = now_ms
        await self.client.publish(self._events_topic, parts)
        return True

    async def _send_state(self) -> bool:
        now_ms = self._now_ms()
        news = self._news()
        if news == self._told and now_ms - self._told_ms < _STATE_MS:
            return False
        self._told = news
        self._told_ms = now_ms
        await self.client.publish(self._state_topic.encode(), (self._state(now_ms),), True)
        return True

    def _news(self) -> tuple[object, ...]:
        """What the cloud must hear of at once when it changes."""
        beliefs = self._beliefs
        lost = self._clock.interval(self._now_ms())[1] is None
        return beliefs.door, beliefs.held_version, beliefs.held_hash, beliefs.generation, lost

    def _state(self, now_ms: int) -> bytes:
        beliefs = self._beliefs
        state = self._facts()
        state["ignored"] = self.ignored
        state["log"] = self._journal.log
        state["seq"] = self._journal.seq
        state["oldest"] = self._journal.oldest
        state["policy_version"] = beliefs.held_version
        state["policy_hash"] = beliefs.held_hash
        state["generation"] = beliefs.generation
        state["clock"] = list(self._clock.interval(now_ms))
        return mac.seal(self._link_key, self._state_topic, json.dumps(state).encode())

    # --- down: acks and policies -----------------------------------------------------------------------------------

    async def _hear(self) -> None:
        while True:
            await self._mail.wait()
            self._mail.clear()
            ack = self._ack
            self._ack = None
            if ack is not None:
                self._take_ack(ack, self._ack_ms)
            if self._now_ms() >= self._policy_after_ms:
                self._take_policy()
            self._wake.set()

    def _take_ack(self, payload: bytes, now_ms: int) -> None:
        """All of an ack's consequences; nothing at all if anything in it is wrong."""
        try:
            ack = mac.open_sealed(self._link_key, self._ack_topic, payload)
            log, tag = ack["log"], ack["tag"]
            seq, at, door, version = [_integer(ack[name]) for name in ("seq", "at", "door", "policy_version")]
            if at > _U32:
                raise ValueError("not a time")
        except (ValueError, KeyError):
            self.ignored += 1
            return
        journal = self._journal
        if log != journal.log or not isinstance(tag, str) or journal.tag(seq) != tag:
            self.ignored += 1
            return
        won = self._floor_won
        t0_ms = self._handed.first(seq)
        if t0_ms is not None and 0 <= now_ms - t0_ms < FRESH_MS:
            won = self._clock.synchronise(at, t0_ms, now_ms)
            lo = self._clock.floor(now_ms)
            if lo - self._beliefs.floor > _FLOOR_JUMP_S:
                self._beliefs.save_floor(lo)  # before it is told: a power cut must not bring a long past time back
            self._synchronised_ms = now_ms
            self._beliefs.take_door(door)
        if seq >= journal.boot_seq:
            self._beliefs.policy_named(version)
        journal.stored(seq, tag)
        while self._unacked and self._unacked[0] <= seq:
            self._unacked.pop(0)
        self._moved_ms = now_ms
        self._patience_ms = _RESEND_MS
        if won and not self._floor_won:
            journal.write("clock")  # once: its own ack is won by the floor too
        self._floor_won = won

    def _take_policy(self) -> None:
        wire = self._policy
        self._policy = None
        if self._unread:
            code = self._unread
            self._unread = ""
            self._refuse(code)
            if code == _NO_MEMORY:
                self._told = ()  # the policy is gone; the state asks for it, and comes at most once in a rest
        if wire is None or self._holds(wire):
            return
        epoch = self._beliefs.clock_epoch
        gc.collect()  # nothing larger ever comes: make room for it first
        try:
            policy = self._beliefs.accept(wire, self._clock, self._now_ms())
        except Refused as refused:
            if refused.code == "old_version":  # the protocol ignores those: the broker may still hold one
                self._policy_after_ms = self._now_ms() + _REST_MS
            else:
                self._refuse(refused.code)
            return
        except MemoryError:
            if self._holds(wire):
                raise  # it broke off while keeping it: a start from flash puts that right
            self._refuse(_NO_MEMORY)
            self._policy = wire  # tried again after the rest: what lay in its way will have moved on
            return
        if epoch is not None and policy.clock_epoch > epoch:
            self._handed = Handed(self._journal.seq + 1)  # an ack from before must not bring the wrong time back
        self._clock.drift(self._beliefs.drift_ppm, self._now_ms())
        self._end_of_run()
        self._journal.write("policy", policy_version=policy.version)

    def _holds(self, wire: bytes) -> bool:
        """Whether this is the policy held: it comes again with each connection, and a signature is dear."""
        digest = hashlib.sha256(memoryview(wire)[_HEAD:]).digest()
        return bool(binascii.hexlify(digest[:8]).decode() == self._beliefs.held_hash)

    def _refuse(self, code: str) -> None:
        """A refused policy is an event; those that follow within a minute are counted, and the last one's code told."""
        now_ms = self._now_ms()
        self._policy_after_ms = now_ms + _REST_MS
        self._trace(policy="refused", code=code)
        if self._refusal:
            self._refusals += 1
        else:
            self._refusal_ms = now_ms
            self._journal.write("fault", fault="policy", code=code)
        self._refusal = code

    def _end_of_run(self) -> None:
        if self._refusals:
            self._journal.write("fault", fault="policy", code=self._refusal, count=self._refusals)
        self._refusal = ""
        self._refusals = 0

    # --- down: remote opens ----------------------------------------------------------------------------------------

    async def _open(self) -> None:
        while True:
            while self._opens:
                await self._present(self._opens.pop(0), ROAD_MQTT)
            self._asked.clear()
            await self._asked.wait()

    # --- what time brings ------------------------------------------------------------------------------------------

    async def _tend(self) -> None:
        while True:
            await asyncio.sleep_ms(_TEND_MS)
            now_ms = self._now_ms()
            if self._refusal and now_ms - self._refusal_ms >= _REFUSALS_MS:
                self._end_of_run()
            if (self._policy is not None or self._unread) and now_ms >= self._policy_after_ms:
                self._mail.set()
            if not self.client.connected:
                continue
            if self._unacked and now_ms - self._moved_ms >= self._patience_ms:
                self._patience_ms = min(2 * self._patience_ms, _RESEND_MAX_MS)
                self._begin_again()
            elif self._wants_time(now_ms):
                self._asked_ms = now_ms
                self._journal.write("clock")
            self._wake.set()

    def _wants_time(self, now_ms: int) -> bool:
        """Whether the clock is unsure or its last ack old, and no event is under way whose ack would help."""
        if self._unacked or (self._asked_ms is not None and now_ms - self._asked_ms < _ASK_AGAIN_MS):
            return False
        if (
            self._clock.interval(now_ms)[1] is not None
            and self._synchronised_ms is not None
            and now_ms - self._synchronised_ms < _SYNCHRONISE_MS
        ):
            return False
        return bool(self._journal.acked >= self._journal.seq)


def _integer(value: object) -> int:
    """`value` if it is a natural number that JSON carries exactly; ValueError otherwise, `true` included."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _SAFE_INTEGER:
        raise ValueError("not an integer")
    return value
