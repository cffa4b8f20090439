"""One simulated door: its journal in memory, its link key, and a TLS connection with its own certificate.

It speaks as the firmware does (protocol section 6): lines with tags, states with macs, QoS 1, a session that lasts;
what was not acknowledged by the cloud itself is said again. It believes policies without checking their signature: what
is measured here is the cloud.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import random
import ssl
import time
from collections import OrderedDict
from typing import Any

from tools.fleet import wire

KEEPALIVE = 60
_PAUSE_FIRST, _PAUSE_MAX = 1.0, 30.0  # s between attempts; the first one after a loss is spread, too
_LINES_A_MESSAGE = 8
_MESSAGES_UNACKED = 4
_RESEND = 5.0  # s, doubled each time
_HEAD = 65  # a policy's slot and signature
_MAC = 74


class Door(asyncio.Protocol):
    """See the head of this file. `on_change(door)` is called whenever it may have come in step."""

    def __init__(self, companion_id: str, link_key: bytes, context: ssl.SSLContext,
                 place: tuple[str, int, str], key_id: str) -> None:
        self.id = companion_id
        self._key = link_key
        self._key_id = key_id  # of all its guests
        self._context = context
        self._host, self._port, self._name = place
        self._up = f"lm/1/{companion_id}/up/"
        self._log = os.urandom(8).hex()
        self._seq = 0
        self._unacked: OrderedDict[int, bytes] = OrderedDict()  # seq: line
        self._handed = 0  # highest seq that was handed to the network on this connection
        self._flight: set[int] = set()  # mids of our own that the broker has not answered
        self._mid = 0
        self._transport: asyncio.Transport | None = None
        self._reader = wire.Reader()
        self._closed: asyncio.Future[None] | None = None
        self._lines_a_message = _LINES_A_MESSAGE
        self._wait = _RESEND
        self._resend: asyncio.TimerHandle | None = None
        self.policy: dict[str, Any] = {}
        self.policy_hash = ""
        self.policy_at = 0.0  # when the newest one came (monotonic)
        self.connected = False  # subscribed, too
        self.answered = False  # the cloud has spoken to us on this connection
        self.acks = self.connects = self.opens = 0
        self.leaving = False

    # --- the line to the broker

    async def run(self) -> None:
        """Connect, speak, connect again, until `leaving`."""
        attempt = 0
        while not self.leaving:
            try:
                await self._once()
                attempt = 0
            except OSError:
                pass
            if not self.leaving:
                attempt = min(attempt + 1, 6)
                await asyncio.sleep(random.uniform(0.25, 1.0) * min(_PAUSE_MAX, _PAUSE_FIRST * 2 ** (attempt - 1)))

    async def _once(self) -> None:
        loop = asyncio.get_running_loop()
        self._closed = loop.create_future()
        self._reader = wire.Reader()
        self._flight.clear()
        await asyncio.wait_for(
            loop.create_connection(lambda: self, self._host, self._port, ssl=self._context, server_hostname=self._name,
                                   ssl_handshake_timeout=60), 75)
        await self._closed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TLS stands."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send(wire.connect(self.id, KEEPALIVE, (self._up + "state", b'{"online":false}')))

    def connection_lost(self, _error: Exception | None) -> None:
        """The end of this connection, whoever wished it."""
        self._transport = None
        self.connected = self.answered = False
        if self._resend is not None:
            self._resend.cancel()
            self._resend = None
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Whatever came."""
        for packet in self._reader.feed(data):
            if packet.kind == wire.PUBLISH:
                self._hear(wire.message(packet))
            elif packet.kind == wire.PUBACK:
                self._flight.discard(int.from_bytes(packet.body[:2], "big"))
                self._hand_over()
            elif packet.kind == wire.CONNACK:
                self._welcome(packet)
            elif packet.kind == wire.SUBACK:
                self._stand()

    def ping(self) -> None:
        """Keep the line alive; the shard calls it."""
        if self.connected:
            self._send(wire.PINGREQ)

    def leave(self) -> None:
        """For good, politely."""
        self.leaving = True
        if self._transport is not None:
            self._send(wire.DISCONNECT)
            self._transport.close()

    def _welcome(self, packet: wire.Packet) -> None:
        if packet.body[1] != 0:
            assert self._transport is not None
            self._transport.abort()
            return
        self._send(wire.subscribe(self._next_mid(), f"lm/1/{self.id}/down/+"))

    def _stand(self) -> None:
        """Subscribed: what the cloud did not acknowledge is said again, then who we are."""
        self.connected = True
        self.connects += 1
        self._handed = 0
        self._wait = _RESEND
        if not self._seq:
            self.line("boot")
        self._hand_over()
        self.report()

    def _send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _next_mid(self) -> int:
        self._mid = self._mid % 65_535 + 1
        return self._mid

    # --- what it says

    @property
    def waiting(self) -> int:
        """Lines that the cloud has not acknowledged."""
        return len(self._unacked)

    @property
    def unsent(self) -> int:
        """Lines that the broker has not answered, at least."""
        return self._seq - self._handed + len(self._flight)

    @property
    def told(self) -> tuple[str, int, int]:
        """Its journal, the highest seq in it, and the version of the policy it holds."""
        return self._log, self._seq, int(self.policy.get("version", 0))

    def line(self, kind: str, **fields: Any) -> None:
        """Write a line into the journal."""
        self._seq += 1
        event = {"log": self._log, "seq": self._seq, "at": int(time.time()), "unsure": 1, "kind": kind, **fields}
        body = _compact(event)
        self._unacked[self._seq] = hmac.digest(self._key, body, "sha256")[:8].hex().encode() + b" " + body

    def says(self, count: int, lines_a_message: int = 1, *, once: bool = False) -> None:
        """Write `count` lines as a guest's opens are, and send them: so many in a message.

        once: nothing is said again until the next connection, also if nobody answers.
        """
        if once:
            self._wait = 86_400.0
            if self._resend is not None:
                self._resend.cancel()
                self._resend = None
        for _ in range(count):
            self.line("opened", road="qr", verdict="open", key_id=self._key_id, generation=self._generation)
        self._lines_a_message = lines_a_message
        self._hand_over()

    def report(self) -> None:
        """The state, sealed."""
        now = int(time.time())
        text = _compact({
            "log": self._log, "seq": self._seq, "policy_version": self.policy.get("version", 0),
            "policy_hash": self.policy_hash, "generation": self._generation, "clock": [now, now + 1],
            "oldest": next(iter(self._unacked), self._seq + 1), "firmware": "1.0.0", "heap": 90_000, "uptime": 3_600,
        })[:-1]  # fmt: skip
        topic = self._up + "state"
        mac = hmac.digest(self._key, topic.encode() + text, "sha256").hex().encode()
        self._publish("state", text + b',"mac":"' + mac + b'"}', retained=True)

    @property
    def _generation(self) -> int:
        return int(self.policy.get("generation", 0))

    def _hand_over(self) -> None:
        if not self.connected or self._handed >= self._seq:
            return
        fresh = [seq for seq in self._unacked if seq > self._handed]
        for start in range(0, len(fresh), self._lines_a_message):
            if len(self._flight) >= _MESSAGES_UNACKED:
                break
            some = fresh[start : start + self._lines_a_message]
            self._publish("events", b"\n".join(self._unacked[seq] for seq in some))
            self._handed = some[-1]
        if self._resend is None:
            self._resend = asyncio.get_running_loop().call_later(self._wait, self._say_again)

    def _say_again(self) -> None:
        self._resend = None
        if self._unacked and self.connected:
            self._wait = min(self._wait * 2, 900.0)
            self._handed = 0
            self._hand_over()

    def _publish(self, leaf: str, payload: bytes, *, retained: bool = False) -> None:
        if self._transport is None:
            return
        mid = self._next_mid()
        self._flight.add(mid)
        self._send(wire.publish(mid, self._up + leaf, payload, retained=retained))

    # --- what it hears

    def _hear(self, message: wire.Message) -> None:
        if message.mid:
            self._send(wire.puback(message.mid))
        leaf = message.topic.rsplit("/", 1)[1]
        if leaf == "ack":
            self._on_ack(message)
        elif leaf == "policy":
            self._on_policy(message.payload)
        elif leaf == "open":
            self.opens += 1
            self.line("opened", road="mqtt", verdict="open")
            self._hand_over()

    def _on_ack(self, message: wire.Message) -> None:
        text, end = message.payload[:-_MAC], message.payload[-_MAC:]
        mac = hmac.digest(self._key, message.topic.encode() + text, "sha256").hex().encode()
        if end != b',"mac":"' + mac + b'"}':
            return
        ack = json.loads(text + b"}")
        if ack["log"] != self._log:
            return
        self.acks += 1
        self.answered = True
        while self._unacked and next(iter(self._unacked)) <= ack["seq"]:
            self._unacked.popitem(last=False)
        self._wait = _RESEND
        self._hand_over()

    def _on_policy(self, payload: bytes) -> None:
        body = payload[_HEAD:]
        policy = json.loads(body)
        if policy["version"] <= self.policy.get("version", 0):
            return
        self.policy = {"version": policy["version"], "generation": policy["generation"]}
        self.policy_hash = hashlib.sha256(body).digest()[:8].hex()
        self.policy_at = time.monotonic()
        self.line("policy")
        self._hand_over()
        self.report()


def _compact(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
