"""The outbox worker: leases rows that are due and publishes them; a row is sent when the broker has said so.

Delivered is more than sent: that is when the door reports the policy's version (`doors.heard`).
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from lockmate import clock, outbox
from lockmate.db import ERRORS, SchemaDiffers, database, require_away, transaction
from lockmate.delivery.broker import DELIVERY, MESSAGE_BYTES
from lockmate.mqtt import Backoff, BrokerError, Connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from lockmate.mqtt import Broker, Stop
    from lockmate.outbox import Outbox

CHANNEL = "mqtt"
CLIENT = DELIVERY
_LOG = logging.getLogger("lockmate.delivery")
_LEASE_MAX = 256
_ANSWER_SECONDS = 15.0  # well under a lease, so that a row is never under way twice
_LAST_ANSWERS_SECONDS = 3.0
_SETTLED_SECONDS = 5.0


class Delivery:
    """See the head of this file.

    poll: seconds between two looks at the outbox, by state and never by id: a lower id may be committed later.
    Nothing is leased while the broker is away, so waiting costs no attempt. `beat` is called at each turn of the work.
    """

    def __init__(self, broker: Broker, stop: Stop, *, poll: float = 0.1, client_id: str = CLIENT,
                 backoff: Backoff | None = None, beat: Callable[[], None] = lambda: None) -> None:
        self._beat = beat
        self._broker = broker
        self._stop = stop
        self._poll = poll
        self._client_id = client_id
        self._backoff = backoff or Backoff()
        self._under_way: dict[int, tuple[Outbox, float]] = {}
        self._answers: list[tuple[int, str]] = []
        self.sent = 0
        self.connections = 0

    def run(self) -> None:
        """Deliver until the end is asked for."""
        while not self._stop.requested:
            self._beat()
            try:
                self._serve()
            except BrokerError as error:
                _LOG.warning("event=broker_away why=%r", str(error))
            except ERRORS as error:
                _LOG.warning("event=%s why=%r", require_away(error), str(error))
            except SchemaDiffers:
                raise  # nothing would mend it but a migration: whoever watches this process must see it end
            except Exception:  # noqa: BLE001  no fault, of our own neither, may end this worker without a word
                _LOG.exception("event=fault")
            else:
                break
            self._stop.wait(self._backoff.next())

    # --- one connection

    def _serve(self) -> None:
        """Connect and deliver; returns when the end was asked for and the last answers are in."""
        self._answers.clear()
        connection = Connection(self._broker, self._client_id,
                                on_answer=lambda mid, error: self._answers.append((mid, error)))
        try:
            connection.open(self._stop)
            self.connections += 1
            _LOG.info("event=connected broker=%s:%d", self._broker.host, self._broker.port)
            self._deliver(connection)
        finally:
            connection.close()
            self._give_back("connection lost")
            database.close()

    def _deliver(self, connection: Connection) -> None:
        look_at = 0.0
        opened = time.monotonic()
        while not self._stop.requested:
            self._beat()
            now = time.monotonic()
            if now - opened > _SETTLED_SECONDS:
                self._backoff.reset()
            if now >= look_at:
                busy = self._send_due(connection)
                look_at = now if busy else now + self._poll
            connection.turn(0.0 if self._answers else max(0.0, look_at - time.monotonic()), stop=self._stop)
            if self._settle():
                look_at = 0.0  # the next of the same door may go now
            self._expect_answers()
        end = time.monotonic() + _LAST_ANSWERS_SECONDS
        while self._under_way and time.monotonic() < end:
            connection.turn(0.1)
            self._settle()

    def _send_due(self, connection: Connection) -> bool:
        """Lease what fits and publish it; whether there may be more."""
        room = min(connection.room, _LEASE_MAX)
        if room == 0:
            return False
        rows = outbox.lease(CHANNEL, room)
        for n, row in enumerate(rows):
            try:
                mid = _publish(connection, row)
            except ValueError as error:  # a topic or size that no broker takes
                _LOG.error("event=not_sent row=%s topic=%s why=%r", row.id, row.address, str(error))
                outbox.failed(row, str(error))
                continue
            except BrokerError:
                for left in rows[n:]:
                    outbox.failed(left, "connection lost")
                raise
            self._under_way[mid] = (row, time.monotonic())
        return len(rows) == room

    def _settle(self) -> bool:
        """Write down what the broker answered; whether it took something."""
        if not self._answers:
            return False
        took = False
        with transaction(alone=False):
            while self._answers:
                mid, error = self._answers[0]
                row, _since = self._under_way.get(mid, (None, 0.0))
                if row is not None:
                    took = self._write_down(row, error) or took
                    del self._under_way[mid]
                self._answers.pop(0)
        return took

    def _write_down(self, row: Outbox, error: str) -> bool:
        if error:
            _LOG.error("event=refused row=%s topic=%s why=%r", row.id, row.address, error)
            outbox.failed(row, error)
            return False
        outbox.sent(row)
        self.sent += 1
        _LOG.info("event=sent row=%s topic=%s bytes=%d tries=%d", row.id, row.address, len(row.payload), row.attempts)
        return True

    def _expect_answers(self) -> None:
        """A broker that takes and never answers is as good as away."""
        oldest = min((since for _row, since in self._under_way.values()), default=None)
        if oldest is not None and time.monotonic() - oldest > _ANSWER_SECONDS:
            raise BrokerError("the broker does not answer what was published")

    def _give_back(self, why: str) -> None:
        """Rows without an answer are due again, after their pause."""
        try:
            for row, _since in self._under_way.values():
                outbox.failed(row, why)
        except ERRORS as error:
            _LOG.warning("event=not_given_back rows=%d why=%r", len(self._under_way), str(error))  # the lease ends
        self._under_way.clear()


def _publish(connection: Connection, row: Outbox) -> int:
    """Raises ValueError for what no broker takes: Mosquitto 2.0.11 ends the connection over a message too large."""
    if len(row.payload) > MESSAGE_BYTES:
        raise ValueError(f"{len(row.payload)} bytes; a message has at most {MESSAGE_BYTES}")
    expires_s = None
    if row.expires_at is not None:
        expires_s = max(1, -(-(row.expires_at - clock.now_ms()) // 1000))
    return connection.publish(row.address, bytes(row.payload), retained=row.retained, expires_s=expires_s)
