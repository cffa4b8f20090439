"""One MQTT 5 connection over TLS, driven by the caller's thread; it lives once and is never reconnected.

Why not paho's own reconnect: a packet id belongs to one connection. After a reconnect an old acknowledgement would
confirm a new message that happens to carry the same id. Here every connection is an object of its own, so a stale
acknowledgement has nowhere to go. Why no thread: paho's dies silently of an exception in a callback.
"""

from __future__ import annotations

import contextlib
import select
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lockmate.mqtt.stop import Stop

_CONNECT_SECONDS = 10.0
_GOOD_BYE_SECONDS = 2.0
_IN_FLIGHT_MAX = 512
_PACKETS_PER_TURN = 256


class BrokerError(Exception):
    """The broker could not be reached, or refused; the sentence says why."""


class ConnectionLostError(BrokerError):
    """The connection has ended; the sentence says why."""


class NamedContext(ssl.SSLContext):
    """Checks the certificate for `server_name`, whatever address was dialled: the broker's name needs no DNS."""

    server_name: str = ""
    wrapped: ssl.SSLSocket | None = None  # kept, since paho drops the socket of a failed handshake unclosed

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        """As the parent, with the broker's own name."""
        kwargs["server_hostname"] = self.server_name
        self.wrapped = super().wrap_socket(*args, **kwargs)
        return self.wrapped


@dataclass(frozen=True)
class Broker:
    """Where the broker is, what its certificate calls it, and our own certificate (PEM files)."""

    host: str
    port: int
    name: str
    ca: Path
    cert: Path
    key: Path

    def context(self) -> NamedContext:
        """TLS with both certificates; raises BrokerError if a file is missing or wrong."""
        context = NamedContext(ssl.PROTOCOL_TLS_CLIENT)
        context.server_name = self.name or self.host
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_verify_locations(self.ca)
            context.load_cert_chain(self.cert, self.key)
        except OSError as error:  # ssl.SSLError is one
            raise BrokerError(f"certificate files can't be used: {error}") from error
        return context


@dataclass(frozen=True, slots=True)
class Arrival:
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
        self._context: NamedContext | None = None
        self._welcome: bool = False
        self._end: str | None = None
        self._subscribing = False
        self._refusals: list[str] = []
        self._in_flight: set[int] = set()
        self._in_flight_max = _IN_FLIGHT_MAX
        self.session_present = False
        self._client = client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5, manual_ack=True)
        client.connect_timeout = _CONNECT_SECONDS
        client.max_inflight_messages = 0  # bounded by `room`
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_subscribe = self._subscribed
        client.on_unsubscribe = self._unsubscribed
        client.on_publish = self._answered
        client.on_message = self._arrived

    # --- life

    @property
    def alive(self) -> bool:
        """Whether it may still be used."""
        return self._welcome and self._end is None

    def open(self, stop: Stop | None = None) -> None:
        """Connect and wait for the broker's welcome; raises BrokerError."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = self._session_seconds
        properties.ReceiveMaximum = self._receive_maximum
        self._context = self._broker.context()
        self._client.tls_set_context(self._context)
        try:
            self._client.connect(self._broker.host, self._broker.port, self._keepalive,
                                 clean_start=self._session_seconds == 0, properties=properties)
            self._await(lambda: self._welcome, stop)
        except (OSError, ConnectionLostError) as error:
            self._finish(str(error))
            raise BrokerError(f"{self._broker.host}:{self._broker.port}: {error}") from error

    def close(self, *, forget: bool = False) -> None:
        """Say good-bye and wait for the broker to hang up, so that acknowledgements in the socket arrive.

        The session stays for its time; what still comes in is left to it. forget: the broker drops it.
        """
        self._on_arrival = self._on_answer = None
        if self.alive:
            properties = Properties(PacketTypes.DISCONNECT)  # type: ignore[no-untyped-call]
            if forget:
                properties.SessionExpiryInterval = 0
            self._client.disconnect(properties=properties)
            end = time.monotonic() + _GOOD_BYE_SECONDS
            with contextlib.suppress(ConnectionLostError, OSError):
                while time.monotonic() < end:
                    self.turn(0.1)
        self.drop()

    def drop(self) -> None:
        """Hang up without a word."""
        self._finish("closed")

    def subscribe(self, *topics: str, stop: Stop | None = None) -> None:
        """Subscribe with QoS 1 and wait for the grant; raises ConnectionLostError if the broker refuses."""
        self._subscribing = True
        self._client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in topics])
        self._await(lambda: not self._subscribing, stop)
        if self._refusals:
            raise ConnectionLostError(f"the broker refused to subscribe {topics}: {', '.join(self._refusals)}")

    def unsubscribe(self, *topics: str, stop: Stop | None = None) -> None:
        """Unsubscribe and wait for the broker's word; one that was never subscribed is no error."""
        self._subscribing = True
        self._client.unsubscribe(list(topics))
        self._await(lambda: not self._subscribing, stop)

    def turn(self, seconds: float, *, read: bool = True, stop: Stop | None = None,
             full: Callable[[], bool] | None = None) -> None:
        """Move data for one round; waits at most `seconds` for something to do. Raises ConnectionLostError.

        read=False leaves what the broker sends in the socket: the brake that works where Receive Maximum is ignored.
        full: asked after each packet; true ends the reading of this round.
        """
        sock = self._client.socket()
        if sock is None or self._end is not None:
            raise ConnectionLostError(self._end or "no connection")
        pending = read and self._pending(sock)
        readers: list[Any] = [sock] if read else []
        if stop is not None:
            readers.append(stop)
        writers = [sock] if self._client.want_write() else []
        ready, writable, _ = select.select(readers, writers, [], 0 if pending else max(0.0, seconds))
        if pending or sock in ready:
            self._read(sock, full)
        if writable:
            self._client.loop_write()
        self._client.loop_misc()
        if self._end is not None:
            raise ConnectionLostError(self._end)

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
        """Publish with QoS 1; its id, which `on_answer` will name. Raises ConnectionLostError."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if expires_s is not None:
            properties.MessageExpiryInterval = expires_s
        if not self.alive:
            raise ConnectionLostError(self._end or "no connection")
        info = self._client.publish(topic, payload, qos=1, retain=retained, properties=properties)
        if info.rc != paho.MQTT_ERR_SUCCESS:
            raise ConnectionLostError(paho.error_string(info.rc))
        self._in_flight.add(info.mid)
        return int(info.mid)

    def acknowledge(self, arrival: Arrival) -> bool:
        """Tell the broker that this message is kept; False (and nothing sent) if it came on another connection."""
        if arrival.connection is not self or not self.alive:
            return False
        if arrival.qos > 0:
            self._client.ack(arrival.mid, arrival.qos)
        return True

    # --- inside

    @staticmethod
    def _pending(sock: Any) -> bool:
        return isinstance(sock, ssl.SSLSocket) and sock.pending() > 0

    def _read(self, sock: Any, full: Callable[[], bool] | None) -> None:
        for _ in range(_PACKETS_PER_TURN):
            self._client.loop_read()
            if self._end is not None or not self._pending(sock) or (full is not None and full()):
                return

    def _await(self, condition: Callable[[], bool], stop: Stop | None) -> None:
        end = time.monotonic() + _CONNECT_SECONDS
        while not condition():
            if time.monotonic() > end:
                raise ConnectionLostError("the broker does not answer")
            if stop is not None and stop.requested:
                raise ConnectionLostError("the worker was asked to end")
            self.turn(1.0, stop=stop)

    def _finish(self, why: str) -> None:
        if self._end is None:
            self._end = why
        if self._context is not None and self._context.wrapped is not None:
            self._context.wrapped.close()

    # --- paho's callbacks

    def _connected(self, _client: Any, _data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._end = f"refused: {reason}"
            return
        self._welcome = True
        self.session_present = bool(flags.session_present)
        self._in_flight_max = min(_IN_FLIGHT_MAX, getattr(properties, "ReceiveMaximum", _IN_FLIGHT_MAX))

    def _disconnected(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if self._end is None:
            self._end = f"connection ended: {reason}"

    def _subscribed(self, _client: Any, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        self._subscribing = False
        self._refusals = [str(reason) for reason in reasons if reason.is_failure]

    def _unsubscribed(self, _client: Any, _data: Any, _mid: int, _reasons: Any, _properties: Any) -> None:
        self._subscribing = False

    def _answered(self, _client: Any, _data: Any, mid: int, reason: Any, _properties: Any) -> None:
        self._in_flight.discard(mid)
        if self._on_answer is not None:
            self._on_answer(mid, str(reason) if reason.is_failure else "")

    def _arrived(self, _client: Any, _data: Any, message: Any) -> None:
        if self._on_arrival is None:
            return
        try:
            topic = str(message.topic)
        except UnicodeDecodeError:
            topic = ""
        self._on_arrival(Arrival(self, message.mid, message.qos, topic, message.payload, bool(message.retain)))
