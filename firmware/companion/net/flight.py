"""The publishes between a door and its broker: a few at once, each held until it is acknowledged or lost."""

import asyncio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from companion.net.packets import Buffer

_MOST = 4
_FREE = 0
_WAITING = 1  # for the writer
_SENT = 2
_ACKED = 3
_LOST = 4


class Lost(OSError):
    """The connection ended before the broker answered: send again from what you keep."""


class Slot:
    """One publish. It stays taken until its PUBACK or the connection's end, even if its waiter was cancelled."""

    def __init__(self) -> None:
        self.done = asyncio.Event()
        self.free()

    def free(self) -> None:
        """Make it empty."""
        self.state = _FREE
        self.abandoned = False
        self.packet_id = 0
        self.order = 0
        self.topic = b""
        self.parts: Sequence[Buffer] = ()
        self.retain = False


class InFlight:
    """All slots of a client. work: set when there is something to write."""

    def __init__(self, work: asyncio.Event) -> None:
        self._work = work
        self._slots = tuple([Slot() for _ in range(_MOST)])
        self._freed = asyncio.Event()
        self._turn = asyncio.Lock()  # who came first is first to get a slot
        self._is_open = False
        self._last_id = 0
        self._order = 0

    def open(self) -> None:
        """A connection is there."""
        self._is_open = True
        self._order = 0

    def lose(self) -> None:
        """The connection is gone, and with it all that was not acknowledged."""
        self._is_open = False
        for slot in self._slots:
            if slot.state == _WAITING or slot.state == _SENT:
                if slot.abandoned:
                    slot.free()
                else:
                    slot.state = _LOST
                    slot.done.set()
        self._freed.set()

    async def carry(self, topic: bytes, parts: "Sequence[Buffer]", retain: bool) -> None:
        """Return when the broker has acknowledged this publish; Lost if the connection ends first, or there is none."""
        async with self._turn:
            slot = await self._take()
            slot.packet_id = self._next_id()
            slot.topic = topic
            slot.parts = parts
            slot.retain = retain
            self._order += 1
            slot.order = self._order
            slot.done.clear()
            slot.state = _WAITING
        self._work.set()
        try:
            await slot.done.wait()
            if slot.state == _LOST:
                raise Lost("connection lost")
        finally:
            if slot.state == _SENT:
                slot.abandoned = True
            else:
                slot.free()
                self._freed.set()

    def send(self) -> Slot | None:
        """The oldest publish that waits, now counted as sent; None if none waits."""
        first = None
        for slot in self._slots:
            if slot.state == _WAITING and (first is None or slot.order < first.order):
                first = slot
        if first is not None:
            first.state = _SENT
        return first

    def awaited(self) -> bool:
        """Whether an acknowledgement is still to come."""
        for slot in self._slots:
            if slot.state == _SENT:
                return True
        return False

    def acknowledge(self, packet_id: int) -> bool:
        """The broker has this one. False if it was never sent."""
        for slot in self._slots:
            if slot.state == _SENT and slot.packet_id == packet_id:
                if slot.abandoned:
                    slot.free()
                    self._freed.set()
                else:
                    slot.state = _ACKED
                    slot.done.set()
                return True
        return False

    async def _take(self) -> Slot:
        while True:
            if not self._is_open:
                raise Lost("not connected")
            for slot in self._slots:
                if slot.state == _FREE:
                    return slot
            self._freed.clear()
            await self._freed.wait()

    def _next_id(self) -> int:
        while True:
            self._last_id = self._last_id % 65535 + 1
            for slot in self._slots:
                if slot.packet_id == self._last_id:
                    break
            else:
                return self._last_id
