"""What comes down the door's line: acks, policies, remote opens, renewals, and all that follows (protocol 5, 6).

The client calls `on_message` while it reads: that only puts it into a bounded mailbox, so that the line stays alive
while a signature is checked or the bolt moves.
"""

import asyncio
import binascii
import gc
import hashlib

from companion.core import mac
from companion.core.clock import FRESH_MS
from companion.core.fields import Refused
from companion.core.lazy import unload
from companion.core.names import POLICY_BYTES_MAX, ROAD_MQTT, TOPIC_ACK, TOPIC_OPEN, TOPIC_POLICY, TOPIC_RENEW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from companion.core.clock import Clock
    from companion.net.handed import Handed
    from companion.net.renewal import Renewals

_HEAD = 65  # a policy's slot and signature
_ACK_MAX = 512
_OPEN_MAX = 256  # a token's text has 151; what is longer is malformed whatever its length
_OPENS = 2
_RENEWAL_MAX = 2_048
_STEP_MS = 5
_FLOOR_JUMP_S = 3_600  # a power cut costs this much of what was told of the clock, at most
_REFUSALS_MS = 60_000  # refusals are counted this long, then written
_REST_MS = 2_000  # after a refused policy: a check costs far more than a forgery
_NO_MEMORY = "no_memory"
_SAFE_INTEGER = 1 << 53
_U32 = 0xFFFFFFFF


class Downlink:
    """Hears for one door.

    handed: when events were first handed to the network; a policy that sets the clock back empties it.
    present: async (text, road), the way of every token to the gate. on_ack: (seq, now_ms) all up to it is stored.
    on_news: (again) something was heard; again: the state is to be told though it is the same. trace: (**facts).
    """

    def __init__(
        self,
        companion_id: str,
        link_key: "bytes | bytearray",
        *,
        clock: "Clock",
        beliefs: "Any",
        journal: "Any",
        handed: "Handed",
        renewals: "Renewals",
        random: "Callable[[int], bytes]",
        present: "Callable[[bytes, int], Awaitable[Any]]",
        now_ms: "Callable[[], int]",
        on_ack: "Callable[[int, int], None]",
        on_news: "Callable[[bool], None]",
        trace: "Callable[..., None]",
    ) -> None:
        self._link_key = link_key
        self._clock = clock
        self._beliefs = beliefs
        self._journal = journal
        self._handed = handed
        self._renewals = renewals
        self._random = random
        self._companion_id = companion_id
        self._present = present
        self._now_ms = now_ms
        self._on_ack = on_ack
        self._on_news = on_news
        self._trace = trace
        self._ack_topic = TOPIC_ACK % companion_id
        self._policy_topic = (TOPIC_POLICY % companion_id).encode()
        self._renew_topic = (TOPIC_RENEW % companion_id).encode()
        self._open_topic = (TOPIC_OPEN % companion_id).encode()

        self._floor_won = False  # the last ack's time lay before our floor, and that was told
        self._ack: bytes | None = None
        self._ack_ms = 0
        self._policy: bytes | bytearray | None = None
        self._full = False  # the last room that was asked for could not be had
        self._policy_after_ms = 0
        self._unread = ""  # why the newest policy could not even be taken in
        self._mail = asyncio.Event()
        self._renewal: bytes | bytearray | None = None
        self._opens: list[bytes] = []
        self._asked = asyncio.Event()
        self._refusal = ""
        self._refusals = 0
        self._refusal_ms = 0
        self.synchronised_ms: int | None = None  # when an ack last gave the time
        self.ignored = 0  # messages that were wrong, too long or too many; told in the state

    def work(self) -> tuple:
        """The coroutines that this needs run; none of them returns."""
        return self._hear(), self._open()

    def tick(self, now_ms: int) -> None:
        """What time brings, each second or so."""
        if self._refusal and now_ms - self._refusal_ms >= _REFUSALS_MS:
            self._end_of_run()
        if (self._policy is not None or self._unread) and now_ms >= self._policy_after_ms:
            self._mail.set()

    # --- while the client reads ------------------------------------------------------------------------------------

    def room(self, topic: bytes, size: int) -> bytearray | None:
        """Room for a message that is longer than the client's buffer; None if it may not be, or there is none."""
        if topic == self._policy_topic:
            self._policy = None  # what takes its place may have its room
            most = _HEAD + POLICY_BYTES_MAX
        else:
            most = _RENEWAL_MAX if topic == self._renew_topic else 0
        self._full = False
        try:
            return bytearray(size) if size <= most else None
        except MemoryError:
            self._full = True
            return None

    def on_message(self, topic: bytes, payload: "memoryview | bytearray | None") -> None:
        """Put it into the mailbox: our own room, or a copy; payload None: there was no room for it."""
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
        elif topic == self._renew_topic:
            if payload:  # an empty one says that there is none
                self._renewal = _owned(payload)
                self._mail.set()
        elif topic == self._open_topic:
            if len(self._opens) >= _OPENS:
                self.ignored += 1
                return
            self._opens.append(bytes(payload[:_OPEN_MAX]))
            self._asked.set()

    def _put_policy(self, payload: "memoryview | bytearray | None") -> None:
        self._policy = None
        self._unread = ""
        try:
            if payload is None:
                self._unread = _NO_MEMORY if self._full else "too_long"
            else:
                self._policy = _owned(payload)
        except MemoryError:
            self._unread = _NO_MEMORY
        self._mail.set()

    # --- acks and policies -----------------------------------------------------------------------------------------

    async def _hear(self) -> None:
        while True:
            await self._mail.wait()
            self._mail.clear()
            ack = self._ack
            self._ack = None
            if ack is not None and self._take_ack(ack, self._ack_ms):
                self._on_news(False)
            if (self._policy is not None or self._unread) and self._now_ms() >= self._policy_after_ms:
                self._take_policy()
                self._on_news(False)
            if self._renewal is not None:
                await self._take_renewal()
                self._on_news(False)

    def _take_ack(self, payload: bytes, now_ms: int) -> bool:
        """All of an ack's consequences; False, and nothing at all, if anything in it is wrong."""
        try:
            ack = mac.open_sealed(self._link_key, self._ack_topic, payload)
            log, tag = ack["log"], ack["tag"]
            seq, at, door, version = [_integer(ack[name]) for name in ("seq", "at", "door", "policy_version")]
            if at > _U32:
                raise ValueError("not a time")
        except (ValueError, KeyError):
            self.ignored += 1
            return False
        journal = self._journal
        if log != journal.log or not isinstance(tag, str) or journal.tag(seq) != tag:
            self.ignored += 1
            return False
        won = self._floor_won
        t0_ms = self._handed.first(seq)
        if t0_ms is not None and 0 <= now_ms - t0_ms < FRESH_MS:
            won = self._clock.synchronise(at, t0_ms, now_ms)
            lo = self._clock.floor(now_ms)
            if lo - self._beliefs.floor > _FLOOR_JUMP_S:
                self._beliefs.save_floor(lo)  # before it is told: a power cut must not bring a long past time back
            self.synchronised_ms = now_ms
            self._beliefs.take_door(door)
        if seq >= journal.boot_seq:
            self._beliefs.policy_named(version)
        journal.stored(seq, tag)
        self._on_ack(seq, now_ms)
        if won and not self._floor_won:
            journal.write("clock")  # once: its own ack is won by the floor too
        self._floor_won = won
        return True

    def _take_policy(self) -> None:
        wire = self._policy
        self._policy = None
        if self._unread:
            code = self._unread
            self._unread = ""
            self._refuse(code)
            if code == _NO_MEMORY:
                self._on_news(True)  # the policy is gone; the state asks for it, and comes at most once in a rest
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
            self._handed.forget(self._journal.seq + 1)  # an ack from before must not bring the wrong time back
        self._clock.drift(self._beliefs.drift_ppm, self._now_ms())
        self._end_of_run()
        self._journal.write("policy", policy_version=policy.version)

    def _holds(self, wire: bytes | bytearray) -> bool:
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

    async def _take_renewal(self) -> None:
        """A renewal; a key takes a second or two to make, in steps, while acks and policies wait."""
        wire = self._renewal
        self._renewal = None
        if wire is None:
            return
        try:
            from companion.net.renewing import Renewing  # once in years: it takes room on the heap only meanwhile

            renewing = Renewing(self._renewals, self._companion_id, self._link_key, self._random)
            renewing.take(wire)
            while renewing.step():
                await asyncio.sleep_ms(_STEP_MS)
        except (ValueError, TypeError):
            self.ignored += 1
        except MemoryError:
            pass  # the cloud says it again with a later state
        unload("companion.net.renewing", "companion.core.p256")

    # --- remote opens ----------------------------------------------------------------------------------------------

    async def _open(self) -> None:
        while True:
            while self._opens:
                await self._present(self._opens.pop(0), ROAD_MQTT)
            self._asked.clear()
            await self._asked.wait()


def _owned(payload: "memoryview | bytearray") -> bytes | bytearray:
    """The room that we gave, or a copy of what lies in the client's buffer."""
    return payload if isinstance(payload, bytearray) else bytes(payload)


def _integer(value: object) -> int:
    """`value` if it is a natural number that JSON carries exactly; ValueError otherwise, `true` included."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _SAFE_INTEGER:
        raise ValueError("not an integer")
    return value
