"""One MQTT 5 connection over TLS, driven by the caller's thread; it lives once and is never reconnected.

Why it is never reconnected: a packet id belongs to one connection. After a reconnect an old acknowledgement would
confirm a new message that happens to carry the same id. Here every connection is an object of its own, so a stale
acknowledgement has nowhere to go. Why no thread: one dies silently of an exception in a callback.
Why not a library: the worker's whole speed hangs on this loop (docs/decisions/0009).
"""

from __future__ import annotations

import select
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lockmate.mqtt import packets
from lockmate.mqtt.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lockmate.mqtt.stop import Stop

_CONNECT_SECONDS = 10.0
_GOOD_BYE_SECONDS = 2.0
_IN_FLIGHT_MAX = 512
_MID_MAX = 65_535


class BrokerError(Exception):
    """The broker could not be reached, or refused; the sentence says why."""


class ConnectionLostError(BrokerError):
    """The connection has ended; the sentence says why."""


@dataclass(frozen=True)
class Broker:
    """Where the broker is, what its certificate calls it, and our own certificate (PEM files)."""

    host: str
    port: int
    name: str
    ca: Path
    cert: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """TLS with both certificates; raises BrokerError if a file is missing or wrong."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_verify_locations(self.ca)
            context.load_cert_chain(self.cert, self.key)
        except OSError as error:  # ssl.SSLError is one
            raise BrokerError(f"certificate files can't be used: {error}") from error
        return context


class Arrival(NamedTuple):
    """A message that came in, with the one connection on which it may be acknowledged."""

    connection: Connection
    mid: int
    qos: int
    topic: str
    payload: bytes
    retained: bool


class Connection:
    """See the head of this file.

    on_arrival: called for each message; on_answer: called with (mid, error) when the broker answered a publish,
    error "" for success. Exceptions in either come out of `turn`.
    session_seconds: how long the broker keeps the session after the connection; 0 starts a clean one.
    """

    def __init__(self, broker: Broker, client_id: str, *, session_seconds: int = 0, receive_maximum: int = 65535,
                 keepalive: int = 30, on_arrival: Callable[[Arrival], None] | None = None,
                 on_answer: Callable[[int, str], None] | None = None) -> None:
        self._broker = broker
        self._on_arrival = on_arrival
        self._on_answer = on_answer
        self._session_seconds = session_seconds
        self._receive_maximum = receive_maximum
        self._keepalive = keepalive
        self._client_id = client_id
        self._stream: Stream | None = None
        self._welcome = False
        self._end: str | None = None
        self._granting = False
        self._refusals: list[str] = []
        self._in = b""  # decrypted and not parsed yet, from `_at` on
        self._at = 0
        self._out = bytearray()  # not encrypted yet: many small packets become one record
        self._mid = 0
        self._in_flight: set[int] = set()
        self._in_flight_max = _IN_FLIGHT_MAX
        self._said_at = self._heard_at = 0.0
        self.session_present = False

    # --- life

    @property
    def alive(self) -> bool:
        """Whether it may still be used."""
        return self._welcome and self._end is None

    def open(self, stop: Stop | None = None) -> None:
        """Connect and wait for the broker's welcome; raises BrokerError."""
        broker = self._broker
        try:
            self._stream = Stream(broker.context(), broker.name or broker.host, broker.host, broker.port,
                                  seconds=_CONNECT_SECONDS, stop=stop)
            self._said_at = self._heard_at = time.monotonic()
            self._out += packets.connect(self._client_id, clean=self._session_seconds == 0, keepalive=self._keepalive,
                                         session_seconds=self._session_seconds, receive_maximum=self._receive_maximum)
            self._await(lambda: self._welcome, stop)
        except (OSError, ConnectionLostError) as error:
            self._finish(str(error))
            raise BrokerError(f"{broker.host}:{broker.port}: {error}") from error

    def close(self, *, forget: bool = False) -> None:
        """Say good-bye and wait for the broker to hang up, so that acknowledgements in the socket arrive.

        The session stays for its time; what still comes in is left to it. forget: the broker drops it.
        """
        self._on_arrival = self._on_answer = None
        if self.alive:
            self._out += packets.disconnect(forget=forget)
            end = time.monotonic() + _GOOD_BYE_SECONDS
            try:
                while time.monotonic() < end:
                    self.turn(0.1)
            except ConnectionLostError:
                pass
        self.drop()

    def drop(self) -> None:
        """Hang up without a word."""
        self._finish("closed")

    def subscribe(self, *topics: str, retained: bool = True, stop: Stop | None = None) -> None:
        """Subscribe with QoS 1 and wait for the grant; raises ConnectionLostError if the broker refuses.

        retained: what the broker retains there comes at once.
        """
        self._ask(packets.subscribe(self._next_mid(), topics, retained=retained), stop)
        if self._refusals:
            raise ConnectionLostError(f"the broker refused to subscribe {topics}: {', '.join(self._refusals)}")

    def unsubscribe(self, *topics: str, stop: Stop | None = None) -> None:
        """Unsubscribe and wait for the broker's word; one that was never subscribed is no error."""
        self._ask(packets.unsubscribe(self._next_mid(), topics), stop)

    def turn(self, seconds: float, *, read: bool = True, stop: Stop | None = None,
             full: Callable[[], bool] | None = None) -> None:
        """Move data for one round; waits at most `seconds` for something to do. Raises ConnectionLostError.

        read=False leaves what the broker sends in the socket: the brake that works where Receive Maximum is ignored.
        full: asked after each packet; true ends the reading of this round.
        """
        stream = self._alive_stream()
        try:
            self._send(stream)
            if read and self._parse(full):
                seconds = 0.0
            readers: list[Stream | Stop] = [stream] if read else []
            if stop is not None:
                readers.append(stop)
            writers = [stream] if stream.unsent else []
            ready, writable, _ = select.select(readers, writers, [], max(0.0, seconds))
            if stream in ready and (full is None or not full()):
                self._in = self._in[self._at :] + stream.read()
                self._at = 0
                self._parse(full)
            if writable:
                stream.flush()
            self._keep_alive(time.monotonic(), read=read)
        except (OSError, packets.BadPacket) as error:
            self._finish(str(error) or type(error).__name__)
        self._alive_stream()

    # --- messages

    @property
    def room(self) -> int:
        """How many more messages may be under way to the broker now."""
        return max(0, self._in_flight_max - len(self._in_flight))

    @property
    def under_way(self) -> int:
        """How many messages the broker has not answered."""
        return len(self._in_flight)

    def publish(self, topic: str, payload: bytes, *, retained: bool = False, expires_s: int | None = None) -> int:
        """Publish with QoS 1; its id, which `on_answer` will name. Raises ConnectionLostError, or ValueError for what
        no packet can hold.
        """
        if not self.alive:
            raise ConnectionLostError(self._end or "no connection")
        if not topic or "#" in topic or "+" in topic or "\0" in topic:
            raise ValueError(f"no topic to publish on: {topic!r}")
        mid = self._next_mid()
        self._out += packets.publish(mid, topic, payload, retained=retained, expires_s=expires_s)
        self._in_flight.add(mid)
        return mid

    def acknowledge(self, arrival: Arrival) -> bool:
        """Tell the broker that this message is kept; False (and nothing sent) if it came on another connection."""
        if arrival.connection is not self or not self.alive:
            return False
        if arrival.qos > 0:
            self._out += packets.puback(arrival.mid)
        return True

    # --- inside

    def _alive_stream(self) -> Stream:
        if self._stream is None or self._end is not None:
            self._finish(self._end or "no connection")
            raise ConnectionLostError(self._end)
        return self._stream

    def _ask(self, packet: bytes, stop: Stop | None) -> None:
        self._granting = True
        self._out += packet
        self._await(lambda: not self._granting, stop)

    def _await(self, condition: Callable[[], bool], stop: Stop | None) -> None:
        end = time.monotonic() + _CONNECT_SECONDS
        while not condition():
            if time.monotonic() > end:
                raise ConnectionLostError("the broker does not answer")
            if stop is not None and stop.requested:
                raise ConnectionLostError("the worker was asked to end")
            self.turn(1.0, stop=stop)

    def _next_mid(self) -> int:
        """A packet id that is not under way."""
        while True:
            self._mid = self._mid % _MID_MAX + 1
            if self._mid not in self._in_flight:
                return self._mid

    def _send(self, stream: Stream) -> None:
        if self._out:
            stream.write(self._out)
            self._out = bytearray()
            self._said_at = time.monotonic()
        if stream.unsent:
            stream.flush()

    def _keep_alive(self, now: float, *, read: bool) -> None:
        if not read:
            self._heard_at = now  # what the broker says waits in the socket, unread by our own wish
        if now - self._heard_at > 1.5 * self._keepalive:
            self._end = "the broker fell silent"
        elif now - max(self._said_at, self._heard_at - self._keepalive) >= self._keepalive / 2:
            self._out += packets.PINGREQ

    def _parse(self, full: Callable[[], bool] | None) -> bool:
        """Take the packets that are whole; whether there was one."""
        data = self._in
        some = False
        while self._end is None and (cut := packets.frame(data, self._at)) is not None:
            head, (start, end) = data[self._at], cut
            self._at = end
            some = True
            if head >> 4 == packets.PUBLISH:
                self._arrived(head & 15, data, start, end)
            else:
                self._take(head >> 4, data[start:end])
            if full is not None and full():
                break
        if some:
            self._heard_at = time.monotonic()
        return some

    def _take(self, kind: int, body: bytes) -> None:
        if kind == packets.PUBACK:
            mid, reason = packets.read_answer(body)
            self._in_flight.discard(mid)
            if self._on_answer is not None:
                self._on_answer(mid, packets.told(reason) if reason >= packets.FAILED else "")
        elif kind == packets.CONNACK:
            self._welcomed(packets.read_welcome(body))
        elif kind in (packets.SUBACK, packets.UNSUBACK):
            self._granting = False
            self._refusals = [packets.told(reason) for reason in packets.read_grants(body) if reason >= packets.FAILED]
        elif kind == packets.DISCONNECT:
            self._end = f"connection ended: {packets.told(packets.read_end(body))}"
        elif kind != packets.PINGRESP:
            raise packets.BadPacket(f"a packet of kind {kind}")

    def _welcomed(self, welcome: packets.Welcome) -> None:
        if welcome.reason >= packets.FAILED:
            self._end = f"refused: {packets.told(welcome.reason)}"
            return
        self._welcome = True
        self.session_present = welcome.session_present
        self._in_flight_max = min(_IN_FLIGHT_MAX, welcome.receive_maximum)
        if welcome.keepalive is not None:
            self._keepalive = welcome.keepalive

    def _arrived(self, flags: int, data: bytes, start: int, end: int) -> None:
        if self._on_arrival is None:
            return
        came = packets.read_publish(flags, data, start, end)
        self._on_arrival(Arrival(self, came.mid, came.qos, came.topic, came.payload, came.retained))

    def _finish(self, why: str) -> None:
        if self._end is None:
            self._end = why
        if self._stream is not None:
            self._stream.close()
            self._stream = None
