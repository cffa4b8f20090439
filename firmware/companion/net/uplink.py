"""The door's line to its cloud: journal and state go up; `downlink` takes what comes down (protocol 5, 6).

Nothing is kept here that must not be lost: lines stay in the journal until an ack covers them and are sent again after
every reconnection, what comes down is retained, told again, or worthless when late.
"""

import asyncio
import json

from companion.core import mac
from companion.core.names import TOPIC_EVENTS, TOPIC_STATE
from companion.net.downlink import Downlink
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
    from companion.net.renewal import Renewals

_DOWN = "lm/1/%s/down/+"
_OFFLINE = b'{"online":false}'
_BATCH_BYTES = 1024
_BATCHES_UNACKED = 4
_RESEND_MS = 5_000  # a broker that was killed may have taken lines while no cloud listened; doubled each time
_RESEND_MAX_MS = 900_000
_STATE_MS = 900_000
_SYNCHRONISE_MS = 3_600_000
_ASK_AGAIN_MS = 60_000
_TEND_MS = 1_000


class Uplink:
    """Speaks for one door. `await run()` never returns.

    present: async (text, road), the way of every token to the gate.
    facts: () -> the state's optional fields, a small dict. trace: (**facts), for the console.
    quiet: the client's. timing: the client's keepalive and back-off, where they are not the usual ones.
    """

    def __init__(
        self,
        dialler: "Dialler",
        *,
        companion_id: str,
        link_key: "bytes | bytearray",
        clock: "Clock",
        beliefs: "Any",
        journal: "Any",
        present: "Callable[[bytes, int], Awaitable[Any]]",
        now_ms: "Callable[[], int]",
        random: "Callable[[int], bytes]",
        facts: "Callable[[], dict[str, Any]]",
        trace: "Callable[..., None]",
        renewals: "Renewals",
        quiet: "Callable[[], Awaitable[None]] | None" = None,
        timing: "dict[str, int] | None" = None,
    ) -> None:
        self._dialler = dialler
        self._link_key = link_key
        self._clock = clock
        self._beliefs = beliefs
        self._journal = journal
        self._now_ms = now_ms
        self._facts = facts
        self._trace = trace
        self._renewals = renewals
        self._quiet = quiet
        self._events_topic = (TOPIC_EVENTS % companion_id).encode()
        self._state_topic = TOPIC_STATE % companion_id
        self._handed = Handed(journal.boot_seq)
        self.downlink = Downlink(
            companion_id,
            link_key,
            clock=clock,
            beliefs=beliefs,
            journal=journal,
            handed=self._handed,
            renewals=renewals,
            random=random,
            present=present,
            now_ms=now_ms,
            on_ack=self._on_ack,
            on_news=self._on_news,
            trace=trace,
        )
        self.client = Client(
            dialler.dial,
            companion_id,
            ready=dialler.ready,
            random=random,
            on_message=self.downlink.on_message,
            room=self.downlink.room,
            on_trouble=self._on_trouble,
            will=(self._state_topic.encode(), _OFFLINE),
            subscribe=_DOWN % companion_id,
            quiet=quiet,
            **(timing or {}),
        )
        self._sent = 0  # the last event handed over since the last (re)start from what is acknowledged
        self._unacked: list[int] = []  # the last event of each batch that no ack has covered
        self._patience_ms = _RESEND_MS
        self._moved_ms = 0  # when a batch was last sent or acknowledged
        self._told: tuple[object, ...] = ()  # what the last state said
        self._told_ms = 0
        self._asked_ms: int | None = None
        self._wake = journal.written  # a written event wakes the sender, and so does all else that it may tell

    async def run(self) -> None:
        """Everything at once, for ever; an exception that comes out is a defect, or the flash's end."""
        works = (self.client.run(), self._send()) + self.downlink.work()
        tasks = [asyncio.create_task(work) for work in works]
        try:
            while True:
                for task in tasks:
                    if task.done():
                        await task
                        raise RuntimeError("a task of the uplink ended")
                await asyncio.sleep_ms(_TEND_MS)
                self._tend()
        finally:
            await end(tasks)

    def _on_trouble(self, error: Exception) -> None:
        self._dialler.failed(error)
        self._trace(link="down", why=str(error) or type(error).__name__)
        self._wake.set()

    def _on_ack(self, seq: int, now_ms: int) -> None:
        while self._unacked and self._unacked[0] <= seq:
            self._unacked.pop(0)
        self._moved_ms = now_ms
        self._patience_ms = _RESEND_MS

    def _on_news(self, again: bool) -> None:
        if again:
            self._told = ()
        self._wake.set()

    # --- up: events and state --------------------------------------------------------------------------------------

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
        began = self._sent
        last, parts = await self._next_lines(began)
        if not parts:
            return False
        if self._sent != began:
            return True  # begun again meanwhile
        now_ms = self._now_ms()
        self._handed.note(last, now_ms)
        self._sent = last
        self._unacked.append(last)
        self._moved_ms = now_ms
        await self.client.publish(self._events_topic, parts)
        return True

    async def _next_lines(self, last: int) -> "tuple[int, list[bytes]]":
        """The lines after a seq that make up a batch, and the last one's seq. Whoever shows a code comes in between."""
        parts: list[bytes] = []
        size = 0
        while True:
            found = self._journal.pending(last, 1)
            if not found or (parts and size + len(found[0][1]) > _BATCH_BYTES):
                return last, parts
            last, line = found[0]
            if parts:
                parts.append(b"\n")
            parts.append(line)
            size += len(line) + 1
            await (asyncio.sleep_ms(0) if self._quiet is None else self._quiet())

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
        lost = self._clock.known(self._now_ms())[1] is None
        renewed = self._renewals.news()
        return beliefs.door, beliefs.held_version, beliefs.held_hash, beliefs.generation, lost, renewed

    def _state(self, now_ms: int) -> bytes:
        beliefs = self._beliefs
        state = self._facts()
        self._renewals.tell(state)
        state["ignored"] = self.downlink.ignored
        state["log"] = self._journal.log
        state["seq"] = self._journal.seq
        state["oldest"] = self._journal.oldest
        state["policy_version"] = beliefs.held_version
        state["policy_hash"] = beliefs.held_hash
        state["generation"] = beliefs.generation
        state["clock"] = list(self._clock.known(now_ms))
        if beliefs.link.n:
            state["link"] = beliefs.link.n
        return mac.seal(self._link_key, self._state_topic, json.dumps(state).encode())

    # --- what time brings ------------------------------------------------------------------------------------------

    def _tend(self) -> None:
        now_ms = self._now_ms()
        self.downlink.tick(now_ms)
        if not self.client.connected:
            return
        if self._renewals.due and not self._dialler.trying:
            self.client.drop("a renewal is tried")
            return
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
        last_ms = self.downlink.synchronised_ms
        if (
            self._clock.known(now_ms)[1] is not None
            and last_ms is not None
            and now_ms - last_ms < _SYNCHRONISE_MS
        ):
            return False
        return bool(self._journal.acked >= self._journal.seq)

