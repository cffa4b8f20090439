"""The ingest worker: one thread that reads, stores in one commit, and only then acknowledges.

The broker hears PUBACK and the companion hears `down/ack` after the commit. If the database is away, what was read
waits here, unacknowledged, and nothing more is read than the buffer holds.

Several workers share one subscription; the broker deals each message to one of them, to one that is away as well, for
its session lasts. So a worker comes back under its own name, and one that is not to come back leaves first (`leave`).
"""

from __future__ import annotations

import logging
import time
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

from lockmate.db import ERRORS, SchemaDiffers, database, require_away
from lockmate.ingest import batch
from lockmate.ingest.acks import Acks
from lockmate.mqtt import Arrival, Backoff, BrokerError, Connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from lockmate.mqtt import Broker, Stop

CLIENT = "cloud-ingest"
TOPIC = "lm/1/+/up/#"
SHARED = f"$share/ingest/{TOPIC}"
_STATES = "lm/1/+/up/state"
_LAST = "lm/1/%s/last"  # our own word to ourselves, behind all that the broker holds for us
_LOG = logging.getLogger("lockmate.ingest")
_IDLE_SECONDS = 1.0
_SESSION_SECONDS = 14 * 86_400  # the broker keeps for us what comes while we are away
_SETTLED_SECONDS = 5.0
_MESSAGE_OVERHEAD = 500  # bytes of memory beside the payload
_BATCH_BYTES = 1_048_576  # of payload in one commit: some 6,000 lines, a quarter of a second
_STATE = "/state"
_STATE_BYTES = 8_192  # what a state counts for there: it brings about as much work as fifty lines


class Ingest:
    """See the head of this file.

    batch_max: messages in one commit; buffer_max, buffer_bytes: what may wait in memory, even where the broker
    ignores our Receive Maximum (Mosquitto 2.0.11 may send again everything that is under way after a reconnect).
    client_id: its stable name. only: the row id of the hotel whose companions it takes in; None: all.
    leave: end when all that the broker holds for this name is stored. beat: called at each turn of the work.
    """

    def __init__(self, broker: Broker, stop: Stop, *, client_id: str = CLIENT, batch_max: int = 4_000,
                 buffer_max: int = 8_000, buffer_bytes: int = 8_388_608, only: int | None = None, leave: bool = False,
                 backoff: Backoff | None = None, beat: Callable[[], None] = lambda: None) -> None:
        self._broker = broker
        self._stop = stop
        self._client_id = client_id
        self._only = only
        self._leave = leave
        self._last = _LAST % client_id
        self._left = False
        self._states_owed = False
        self._beat = beat
        self._batch_max = batch_max
        self._buffer_max = buffer_max
        self._buffer_bytes = buffer_bytes
        self._backoff = backoff or Backoff()
        self._database_backoff = Backoff(first=0.1, longest=5.0)
        self._buffer: deque[Arrival] = deque()
        self._bytes = 0
        self._store_at = 0.0
        self._acks = Acks()
        self.connected = False

    def run(self) -> None:
        """Take in events until the end is asked for; the batch in hand is finished first."""
        while not self._stop.requested:
            self._beat()
            try:
                self._serve()
            except BrokerError as error:
                _LOG.warning("event=broker_away waiting=%d why=%r", len(self._buffer), str(error))
            except SchemaDiffers:
                raise  # nothing would mend it but a migration: whoever watches this process must see it end
            except Exception:  # noqa: BLE001  a fault in a callback may cost a connection, never the worker
                _LOG.exception("event=fault waiting=%d", len(self._buffer))
            else:
                break
            self._rest()
        database.close()

    # --- one connection

    def _serve(self) -> None:
        """Connect, take in, store; returns when the end was asked for and what was read is stored."""
        connection = Connection(self._broker, self._client_id, session_seconds=_SESSION_SECONDS,
                                receive_maximum=self._buffer_max, on_arrival=self._arrived)
        try:
            connection.open(self._stop)
            self._subscribe(connection)
            opened = time.monotonic()
            self.connected = True
            _LOG.info("event=connected broker=%s:%d client=%s session=%s", self._broker.host, self._broker.port,
                      self._client_id, "kept" if connection.session_present else "new")
            while not self._stop.requested and not (self._left and not self._buffer):
                self._gather(connection)
                self._store(connection)
                self._acks.publish(connection)
                if time.monotonic() - opened > _SETTLED_SECONDS:
                    self._backoff.reset()
            self._store(connection)
            self._acks.publish(connection)
        finally:
            self.connected = False
            connection.close(forget=self._left and not self._buffer)

    def _subscribe(self, connection: Connection) -> None:
        """A share of what comes, or (leave) no more of it.

        A share brings nothing that the broker had retained (Mosquitto 2.0.11 would, at every start), so a new session
        asks for the states once: doors that spoke before it began may be silent for long.
        """
        if self._leave:
            connection.unsubscribe(SHARED, TOPIC, stop=self._stop)
            connection.subscribe(self._last, stop=self._stop)
            connection.publish(self._last, b"")
            return
        connection.subscribe(SHARED, retained=False, stop=self._stop)
        connection.unsubscribe(TOPIC, stop=self._stop)  # of a session made by an older version
        self._states_owed = self._states_owed or not connection.session_present
        if self._states_owed:
            connection.subscribe(_STATES, stop=self._stop)
            connection.unsubscribe(_STATES, stop=self._stop)
            self._states_owed = False

    def _rest(self) -> None:
        """Without a broker: what was read is still stored (its companion learns it when it sends again)."""
        end = time.monotonic() + self._backoff.next()
        while not self._stop.requested and time.monotonic() < end:
            self._beat()
            self._store(None)
            due = self._store_at if self._buffer else end
            self._stop.wait(min(due, end) - time.monotonic())

    def _arrived(self, arrival: Arrival) -> None:
        if arrival.topic == self._last:
            self._left = arrival.connection.acknowledge(arrival)
            return
        self._buffer.append(arrival)
        self._bytes += len(arrival.payload) + _MESSAGE_OVERHEAD

    def _full(self) -> bool:
        return len(self._buffer) >= self._buffer_max or self._bytes >= self._buffer_bytes

    def _gather(self, connection: Connection) -> None:
        """Wait for the first message, then take what has already come, up to a batch."""
        pause = _IDLE_SECONDS
        if self._buffer:
            pause = min(pause, max(0.0, self._store_at - time.monotonic()))
        if self._acks and connection.under_way == 0:
            pause = 0.0
        while True:
            self._beat()
            before = len(self._buffer)
            connection.turn(pause, read=not self._full(), full=self._full, stop=self._stop)
            if len(self._buffer) in (before, 0) or len(self._buffer) >= self._batch_max or self._stop.requested:
                return
            pause = 0.0

    # --- the database

    def _next_batch(self) -> list[Arrival]:
        """What one transaction takes: on SQLite everybody else waits for its end."""
        arrivals: list[Arrival] = []
        size = 0
        for arrival in islice(self._buffer, self._batch_max):
            size += _STATE_BYTES if arrival.topic.endswith(_STATE) else len(arrival.payload)
            if size > _BATCH_BYTES and arrivals:
                break
            arrivals.append(arrival)
        return arrivals

    def _store(self, connection: Connection | None) -> None:
        """One batch: commit, then acknowledge. On failure everything stays for the next try."""
        if not self._buffer or (time.monotonic() < self._store_at and not self._stop.requested):
            return
        arrivals = self._next_batch()
        begun = time.monotonic()
        try:
            kept = batch.keep(arrivals, only=self._only)
        except ERRORS as error:
            self._store_at = time.monotonic() + self._database_backoff.next()
            _LOG.warning("event=%s waiting=%d tries=%d why=%r", require_away(error),
                         len(self._buffer), self._database_backoff.failures, str(error))
            database.close()
            return
        self._database_backoff.reset()
        self._store_at = 0.0
        for ack in kept.acks:
            self._acks.add(ack)
        stale = 0
        for arrival in arrivals:
            self._buffer.popleft()
            self._bytes -= len(arrival.payload) + _MESSAGE_OVERHEAD
            if connection is None or not connection.acknowledge(arrival):
                stale += 1
        _LOG.info("event=stored messages=%d lines=%d again=%d apart=%d states=%d stale=%d ms=%d", len(arrivals),
                  kept.lines, kept.again, kept.apart, kept.states, stale, (time.monotonic() - begun) * 1000)
