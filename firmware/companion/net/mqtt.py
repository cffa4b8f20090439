"""A small MQTT 3.1.1 client for one door: QoS 1 both ways, one connection, every buffer bounded.

Sessions are clean. All that a door must hear is retained (policy, update), told again (an ack, because the
journal sends again what was not acknowledged) or worthless when late (a remote open); all that it says comes from its
own journal. A persistent session would add only a queue per absent door at the broker, and opens that arrive late.

One reader task and one writer task own the stream; publishers only wait for events. So a publisher may be cancelled at
any moment without tearing a packet, and the socket is closed only when nobody waits on it.
The writer's order is: acknowledgements, ping, then publishes as they came. Two buffers are taken once; for an incoming
message that is longer the owner is asked for room. If it has none, that one is read past, acknowledged, told as None.
Timing uses `time.ticks_ms`, not the board's monotonic clock, which a test may move.
"""

import asyncio
import gc
import time

from companion.net import packets
from companion.net.flight import InFlight
from companion.net.packets import Broken
from companion.net.waiting import end

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import Any

    from companion.net.packets import Buffer, Will

    Dial = Callable[[], Awaitable[tuple[Any, Any]]]

_ACKS = 8
_RX_BYTES = 768
_TX_BYTES = 1152
PUBLISH_MAX = _TX_BYTES - 7  # topic and payload together
_TICK_MS = 200
_GREET_S = 20
_ATTEMPT_GREETED = 3


class Client:
    """Keeps one door connected.

    dial: async () -> (reader, writer), asyncio streams with `readinto`. It ends in a bounded time and may raise
        OSError or ValueError (TLS).
    ready: async () -> None, awaited before it without limit (a network).
    random: (n) -> bytes.
    on_message: (topic bytes, payload memoryview or None) called for each message; the view is valid during the call
        only, and the call must not block: it copies what it wants. Or the payload is the bytearray that `room` gave.
    room: (topic bytes, size) -> a bytearray of that size for a payload too long for our buffer, or None.
    on_trouble: (error) called for each attempt or connection that ended, before the pause.
    will: (topic, payload), published retained by the broker when the connection goes.
    subscribe: the one topic filter, QoS 1.
    quiet: async () -> None, awaited before a message is taken in: for a moment, while there is something better to do.
    Back-off: full jitter between base/4 and min(cap, base * 2**n) ms; n starts anew after a connection of stable_ms;
        any that came about brings it down to 3: a line that fails often is not a broker that is away.
    """

    def __init__(
        self,
        dial: "Dial",
        client_id: str,
        *,
        ready: "Callable[[], Awaitable[None]] | None" = None,
        random: "Callable[[int], bytes]",
        on_message: "Callable[[bytes, memoryview | bytearray | None], None]",
        room: "Callable[[bytes, int], bytearray | None]",
        on_trouble: "Callable[[Exception], None]",
        will: "Will | None" = None,
        subscribe: str,
        quiet: "Callable[[], Awaitable[None]] | None" = None,
        keepalive_s: int = 60,
        answer_ms: int = 15000,
        base_ms: int = 1000,
        cap_ms: int = 60000,
        stable_ms: int = 30000,
    ) -> None:
        self._dial = dial
        self._ready = ready
        self._random = random
        self._on_message = on_message
        self._room = room
        self._on_trouble = on_trouble
        self._quiet = quiet
        self._keepalive_s = keepalive_s
        self._answer_ms = answer_ms
        self._base_ms = base_ms
        self._cap_ms = cap_ms
        self._stable_ms = stable_ms
        self._hello = packets.connect(client_id.encode(), keepalive_s, will)
        self._wish = packets.subscribe(subscribe.encode())

        self._rx = bytearray(_RX_BYTES)
        self._rx_view = memoryview(self._rx)
        self._head = bytearray(2)
        self._head_view = memoryview(self._head)
        self._tx = bytearray(_TX_BYTES)
        self._tx_view = memoryview(self._tx)
        self._acks = bytearray(2 * _ACKS)
        self._reader: Any = None
        self._writer: Any = None

        self._up = asyncio.Event()
        self._work = asyncio.Event()
        self._written = asyncio.Event()
        self._in_flight = InFlight(self._work)
        self._attempt = 0
        self.connected = False
        self.connection = 0
        self.attempts = 0
        self._clear()

    def _clear(self) -> None:
        """Forget everything that belongs to one connection."""
        self._error: Exception | None = None
        self._expect = packets.CONNACK
        self._ack_count = 0
        self._ping_wanted = False
        self._ping_sent = False
        self._owed = False
        now = time.ticks_ms()
        self._asked_at = now
        self._heard_at = now
        self._spoke_at = now

    # --- for the owner ---------------------------------------------------------------------------------------------

    async def up(self) -> int:
        """Wait for a connection; its number, which grows by one with each."""
        while not self.connected:
            await self._up.wait()
        return self.connection

    def drop(self, why: str) -> None:
        """Give up the connection; the next is dialled after the usual pause."""
        if self.connected:
            self._error = Broken(why)

    async def publish(self, topic: bytes, parts: "Sequence[Buffer]", retain: bool = False) -> None:
        """Publish the joined `parts` (buffers) with QoS 1 and return when the broker has acknowledged.

        Raises Lost if the connection ends first (or there is none), ValueError if topic and parts exceed the buffer.
        """
        if len(topic) + packets.size_of(parts) > PUBLISH_MAX:
            raise ValueError("publish too long")
        await self._in_flight.carry(topic, parts, retain)

    async def run(self) -> None:
        """Connect, and again for ever. Only a defect (or a cancellation) comes out of it."""
        self._attempt = 0
        while True:
            if self._ready is not None:
                await self._ready()
            self.attempts += 1
            try:
                await self._session()
            except (OSError, ValueError, EOFError, asyncio.TimeoutError, MemoryError) as error:
                self._on_trouble(error)
            await asyncio.sleep_ms(self.pause(self._attempt))
            self._attempt += 1

    def pause(self, attempt: int) -> int:
        """Milliseconds to wait after attempt number `attempt` (from 0) failed: full jitter over a floor."""
        ceiling = min(self._cap_ms, self._base_ms << min(attempt, 12))
        floor = self._base_ms // 4
        return floor + int.from_bytes(self._random(3), "big") % (ceiling - floor + 1)

    # --- one connection --------------------------------------------------------------------------------------------

    async def _session(self) -> None:
        gc.collect()  # the TLS buffers want one piece of memory each
        self._clear()
        self._reader, self._writer = await self._dial()
        tasks: tuple[asyncio.Task[None], ...] = ()
        try:
            await asyncio.wait_for(self._greet(), _GREET_S)
            self._heard_at = self._spoke_at = time.ticks_ms()
            tasks = (asyncio.create_task(self._read_for_ever()), asyncio.create_task(self._write_for_ever()))
            self._in_flight.open()
            self.connected = True
            self.connection += 1
            self._attempt = min(self._attempt, _ATTEMPT_GREETED)
            self._up.set()
            await self._watch(tasks)
        finally:
            self.connected = False
            self._up.clear()
            self._in_flight.lose()
            try:
                await end(tasks)
            finally:
                await self._hang_up()

    async def _greet(self) -> None:
        """CONNECT and SUBSCRIBE. Messages may come before the SUBACK; they are handled as always."""
        await self._say(self._hello)
        await self._read_packet()
        await self._say(self._wish)
        while self._expect:
            await self._read_packet()

    async def _say(self, packet: bytes) -> None:
        self._writer.write(packet)
        await self._writer.drain()

    async def _watch(self, tasks: "tuple[asyncio.Task[None], ...]") -> None:
        """Ask for pings, notice silence, count the connection as stable; raise what ended it."""
        half_ms = self._keepalive_s * 500
        born = time.ticks_ms()
        while self._error is None:
            for task in tasks:
                if task.done():
                    await task  # a defect: let it out
            now = time.ticks_ms()
            if self._attempt and time.ticks_diff(now, born) >= self._stable_ms:
                self._attempt = 0
            if self._owed:
                if time.ticks_diff(now, self._asked_at) >= self._answer_ms:
                    raise Broken("no answer")
            elif time.ticks_diff(now, self._heard_at) >= half_ms or time.ticks_diff(now, self._spoke_at) >= half_ms:
                self._ping_wanted = True
                self._owe()
                self._work.set()
            await asyncio.sleep_ms(_TICK_MS)
        raise self._error

    async def _hang_up(self) -> None:
        # No DISCONNECT: a door that goes away on purpose is as absent as one that lost power, so the will speaks.
        writer = self._writer
        self._reader = self._writer = None
        try:
            writer.close()
            await writer.wait_closed()
        except OSError as error:
            self._error = error

    # --- what the broker owes us -----------------------------------------------------------------------------------

    def _owe(self) -> None:
        if not self._owed:
            self._owed = True
            self._asked_at = time.ticks_ms()

    def _answered(self) -> None:
        """Something we asked for was answered: the patience starts anew for what is left, if anything is."""
        self._asked_at = time.ticks_ms()
        self._owed = self._ping_wanted or self._ping_sent or self._in_flight.awaited()

    # --- writing ---------------------------------------------------------------------------------------------------

    async def _write_for_ever(self) -> None:
        try:
            while True:
                size = self._compose()
                if not size:
                    self._work.clear()
                    await self._work.wait()
                    continue
                self._writer.write(self._tx_view[:size])
                await self._writer.drain()
                self._spoke_at = time.ticks_ms()
                self._written.set()
        except (OSError, ValueError, EOFError, MemoryError) as error:
            self._error = error

    def _compose(self) -> int:
        """The next bytes to send, put into the buffer; their number, 0 if there is nothing to say."""
        tx = self._tx
        if self._ack_count:
            size = 0
            for at in range(0, 2 * self._ack_count, 2):
                size = packets.put_puback(tx, size, self._acks[at], self._acks[at + 1])
            self._ack_count = 0
            return size
        if self._ping_wanted:
            self._ping_wanted = False
            self._ping_sent = True
            tx[0] = packets.PINGREQ_HEAD
            tx[1] = 0
            return 2
        slot = self._in_flight.send()
        if slot is None:
            return 0
        self._owe()
        size = packets.put_publish(tx, slot.topic, slot.parts, slot.packet_id, slot.retain)
        slot.parts = ()
        return size

    # --- reading ---------------------------------------------------------------------------------------------------

    async def _read_for_ever(self) -> None:
        try:
            while True:
                await self._read_packet()
        except (OSError, ValueError, EOFError, MemoryError) as error:
            self._error = error

    async def _fill(self, view: memoryview, size: int) -> None:
        """Read exactly `size` bytes to the start of `view`."""
        at = 0
        while at < size:
            got = await self._reader.readinto(view[at:size])
            if got is None:  # TLS had bytes, but none of ours yet
                continue
            if not got:
                raise Broken("closed by the broker")
            at += got
            self._heard_at = time.ticks_ms()

    async def _read_packet(self) -> None:
        head = self._head
        await self._fill(self._head_view, 2)
        if self._quiet is not None:
            await self._quiet()
        first = head[0]
        length = head[1] & 0x7F
        shift = 7
        while head[1] & 0x80:
            if shift > 21:
                raise Broken("bad length")
            await self._fill(self._head_view[1:], 1)
            length |= (head[1] & 0x7F) << shift
            shift += 7
        kind = first >> 4
        if kind != packets.PUBLISH and length > 16:
            raise Broken("bad packet")
        kept = min(length, _RX_BYTES)
        if kept:
            await self._fill(self._rx_view, kept)
        if kind == packets.PUBLISH and self._expect != packets.CONNACK:
            await self._message(first, kept, length)
        elif kind == packets.PUBACK and not self._expect:
            self._on_puback(first, length)
        elif kind == packets.PINGRESP and length == 0 and self._ping_sent:
            self._ping_sent = False
            self._answered()
        elif kind == self._expect:
            self._on_greeting(kind, length)
        else:
            raise Broken("unexpected packet")

    def _on_greeting(self, kind: int, length: int) -> None:
        if kind == packets.CONNACK:
            packets.check_connack(self._rx, length)
            self._expect = packets.SUBACK
        else:
            packets.check_suback(self._rx, length)
            self._expect = 0

    def _on_puback(self, first: int, length: int) -> None:
        if length != 2 or first & 0x0F:
            raise Broken("bad PUBACK")
        if not self._in_flight.acknowledge(self._rx[0] << 8 | self._rx[1]):
            raise Broken("PUBACK of nothing")
        self._answered()

    async def _message(self, first: int, kept: int, length: int) -> None:
        rx = self._rx
        qos = first >> 1 & 3
        at = 2 + (rx[0] << 8 | rx[1]) if kept >= 2 else length
        start = at + 2 if qos else at
        if qos > 1 or start > kept:
            raise Broken("bad PUBLISH")
        topic = bytes(self._rx_view[2:at])
        high = low = 0
        if qos:
            high = rx[at]
            low = rx[at + 1]
            if not high and not low:
                raise Broken("bad PUBLISH")
        if length == kept:
            self._on_message(topic, self._rx_view[start:kept])
        else:
            self._on_message(topic, await self._long(topic, start, length))
        if qos:
            while self._ack_count == _ACKS:
                self._written.clear()
                await self._written.wait()
            self._acks[2 * self._ack_count] = high
            self._acks[2 * self._ack_count + 1] = low
            self._ack_count += 1
            self._work.set()

    async def _long(self, topic: bytes, start: int, length: int) -> bytearray | None:
        """The payload of a packet of which the buffer holds the beginning, in its owner's room; None if it has none."""
        payload = self._room(topic, length - start)
        if payload is None:
            await self._skip(length - _RX_BYTES)
            return None
        here = _RX_BYTES - start
        payload[:here] = self._rx_view[start:]
        await self._fill(memoryview(payload)[here:], length - _RX_BYTES)
        return payload

    async def _skip(self, size: int) -> None:
        while size:
            step = min(size, _RX_BYTES)
            await self._fill(self._rx_view, step)
            size -= step
