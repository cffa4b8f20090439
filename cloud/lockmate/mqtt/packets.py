"""MQTT 5 packets as a client sends and reads them (OASIS standard, sections 2 and 3): QoS 0 and 1.

Only bytes in, bytes and facts out. Properties that we don't use are stepped over.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Final, NamedTuple, ParamSpec, TypeVar

Words = ParamSpec("Words")
Facts = TypeVar("Facts")

CONNACK, PUBLISH, PUBACK, SUBACK, UNSUBACK, PINGRESP, DISCONNECT = 2, 3, 4, 9, 11, 13, 14
PINGREQ: Final = b"\xc0\x00"
PACKET_MAX: Final = 268_435_455

_SESSION_EXPIRY, _SERVER_KEEP_ALIVE, _RECEIVE_MAXIMUM, _MESSAGE_EXPIRY = 0x11, 0x13, 0x21, 0x02
# bytes of a property's value, by its identifier (section 2.2.2.2); texts and blobs tell their own length
_FIXED = {
    0x01: 1, 0x02: 4, 0x11: 4, 0x13: 2, 0x17: 1, 0x18: 4, 0x19: 1, 0x21: 2, 0x22: 2, 0x23: 2, 0x24: 1, 0x25: 1, 0x27: 4,
    0x28: 1, 0x29: 1, 0x2A: 1,
}  # fmt: skip
_TEXTS = frozenset({0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1A, 0x1C, 0x1F})
_PAIR, _VARINT = 0x26, 0x0B
_PUBLISH_LEAST = 3  # bytes: an empty topic, no properties
FAILED: Final = 0x80  # reason codes from here on are failures
_REASONS = {  # table 2-6
    0x80: "Unspecified error", 0x81: "Malformed packet", 0x82: "Protocol error", 0x83: "Implementation specific error",
    0x84: "Unsupported protocol version", 0x85: "Client identifier not valid", 0x86: "Bad user name or password",
    0x87: "Not authorized", 0x88: "Server unavailable", 0x89: "Server busy", 0x8A: "Banned",
    0x8B: "Server shutting down", 0x8C: "Bad authentication method", 0x8D: "Keep alive timeout",
    0x8E: "Session taken over", 0x8F: "Topic filter invalid", 0x90: "Topic name invalid",
    0x91: "Packet identifier in use", 0x92: "Packet identifier not found", 0x93: "Receive maximum exceeded",
    0x94: "Topic alias invalid", 0x95: "Packet too large", 0x96: "Message rate too high", 0x97: "Quota exceeded",
    0x98: "Administrative action", 0x99: "Payload format invalid", 0x9A: "Retain not supported",
    0x9B: "QoS not supported", 0x9C: "Use another server", 0x9D: "Server moved",
    0x9E: "Shared subscriptions not supported", 0x9F: "Connection rate exceeded", 0xA0: "Maximum connect time",
    0xA1: "Subscription identifiers not supported", 0xA2: "Wildcard subscriptions not supported",
}  # fmt: skip


class BadPacket(ValueError):
    """The broker broke the protocol."""


class Welcome(NamedTuple):
    """CONNACK: whether the session was kept, why we were refused (0: not), and the broker's own bounds."""

    session_present: bool
    reason: int
    receive_maximum: int
    keepalive: int | None


class Publish(NamedTuple):
    """PUBLISH; `mid` is 0 at QoS 0. A topic that is no UTF-8 is empty."""

    topic: str
    payload: bytes
    mid: int
    qos: int
    retained: bool


def told(reason: int) -> str:
    """A reason code for people."""
    return _REASONS.get(reason, f"reason {reason:#04x}")


def _whole(read: Callable[Words, Facts]) -> Callable[Words, Facts]:
    """A packet that ends too early is the broker's fault, not ours."""

    @wraps(read)
    def safely(*words: Words.args, **more: Words.kwargs) -> Facts:
        try:
            return read(*words, **more)
        except IndexError:
            raise BadPacket("a packet that ends too early") from None

    return safely


# --- what is sent


def connect(client_id: str, *, clean: bool, keepalive: int, session_seconds: int, receive_maximum: int) -> bytes:
    """CONNECT; who we are is our certificate."""
    properties = bytes([_SESSION_EXPIRY]) + session_seconds.to_bytes(4, "big")
    properties += bytes([_RECEIVE_MAXIMUM]) + receive_maximum.to_bytes(2, "big")
    head = _text("MQTT") + bytes([5, 0x02 if clean else 0]) + keepalive.to_bytes(2, "big")
    return _packet(0x10, head + _length(len(properties)) + properties + _text(client_id))


def publish(mid: int, topic: str, payload: bytes, *, retained: bool, expires_s: int | None) -> bytes:
    """PUBLISH at QoS 1; ValueError for a topic that no packet can hold."""
    properties = b"" if expires_s is None else bytes([_MESSAGE_EXPIRY]) + min(expires_s, 0xFFFFFFFF).to_bytes(4, "big")
    body = _text(topic) + mid.to_bytes(2, "big") + _length(len(properties)) + properties + payload
    return _packet(0x32 | retained, body)


def puback(mid: int) -> bytes:
    """PUBACK: success."""
    return b"\x40\x02" + mid.to_bytes(2, "big")


def subscribe(mid: int, topics: tuple[str, ...], *, retained: bool) -> bytes:
    """SUBSCRIBE at QoS 1; retained: what the broker retains there is to come (section 3.8.3.1)."""
    options = b"\x01" if retained else b"\x21"
    return _packet(0x82, mid.to_bytes(2, "big") + b"\x00" + b"".join(_text(topic) + options for topic in topics))


def unsubscribe(mid: int, topics: tuple[str, ...]) -> bytes:
    """UNSUBSCRIBE."""
    return _packet(0xA2, mid.to_bytes(2, "big") + b"\x00" + b"".join(_text(topic) for topic in topics))


def disconnect(*, forget: bool) -> bytes:
    """DISCONNECT: normal; forget: the session ends with it."""
    return b"\xe0\x07\x00\x05\x11\x00\x00\x00\x00" if forget else b"\xe0\x00"


# --- what is read


def frame(data: bytes, at: int) -> tuple[int, int] | None:
    """(start of the body, its end) of the packet that begins at `at`; None while it is not whole."""
    length, place, last = 0, at + 1, len(data)
    while place < last:
        digit = data[place]
        length |= (digit & 0x7F) << 7 * (place - at - 1)
        place += 1
        if digit < 0x80:
            end = place + length
            return (place, end) if end <= last else None
        if place == at + 5:
            raise BadPacket("a length of more than four bytes")
    return None


@_whole
def read_welcome(body: bytes) -> Welcome:
    """CONNACK."""
    values = _properties(body, 2)
    return Welcome(bool(body[0] & 1), body[1], values.get(_RECEIVE_MAXIMUM, 65_535), values.get(_SERVER_KEEP_ALIVE))


def read_publish(flags: int, data: bytes, start: int, end: int) -> Publish:
    """PUBLISH, whose body is data[start:end]; the busiest of all, so it does its own looking."""
    if end - start < _PUBLISH_LEAST:
        raise BadPacket("a packet that ends too early")
    at = start + 2 + (data[start] << 8 | data[start + 1])
    if at + 2 * (flags & 6 != 0) >= end:
        raise BadPacket("a packet that ends too early")
    try:
        topic = data[start + 2 : at].decode()
    except UnicodeDecodeError:
        topic = ""
    qos = flags >> 1 & 3
    mid = 0
    if qos:
        mid = data[at] << 8 | data[at + 1]
        at += 2
    size = data[at]
    at += 1
    if size >= 0x80:
        size, at = _varint(data, at - 1)
    at += size
    if at > end:
        raise BadPacket("a message longer than its packet")
    return Publish(topic, data[at:end], mid, qos, bool(flags & 1))


@_whole
def read_answer(body: bytes) -> tuple[int, int]:
    """(mid, reason) of PUBACK."""
    return int.from_bytes(body[:2], "big"), body[2] if len(body) > 2 else 0


@_whole
def read_grants(body: bytes) -> list[int]:
    """The reasons of SUBACK and UNSUBACK."""
    size, at = _varint(body, 2)
    return list(body[at + size :])


def read_end(body: bytes) -> int:
    """The reason of DISCONNECT."""
    return body[0] if body else 0


def _properties(body: bytes, at: int) -> dict[int, int]:
    """Those whose value is a number of fixed size; the others are stepped over."""
    if at >= len(body):
        return {}
    size, at = _varint(body, at)
    end = at + size
    values = {}
    while at < end:
        name = body[at]
        at += 1
        if name in _FIXED:
            values[name] = int.from_bytes(body[at : at + _FIXED[name]], "big")
            at += _FIXED[name]
        elif name in _TEXTS or name == _PAIR:
            for _ in range(2 if name == _PAIR else 1):
                at += 2 + int.from_bytes(body[at : at + 2], "big")
        elif name == _VARINT:
            _, at = _varint(body, at)
        else:
            raise BadPacket(f"an unknown property {name:#04x}")
    return values


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """(the number, where it ends)."""
    value = shift = 0
    while True:
        if at >= len(data) or shift > 21:
            raise BadPacket("a number that does not end")
        digit = data[at]
        at += 1
        value |= (digit & 0x7F) << shift
        if digit < 0x80:
            return value, at
        shift += 7


def _packet(head: int, body: bytes) -> bytes:
    if len(body) > PACKET_MAX:
        raise ValueError("a packet can't be that long")
    return bytes([head]) + _length(len(body)) + body


def _length(value: int) -> bytes:
    out = bytearray()
    while True:
        value, digit = value >> 7, value & 0x7F
        out.append(digit | (0x80 if value else 0))
        if not value:
            return bytes(out)


def _text(text: str) -> bytes:
    data = text.encode()
    if len(data) > 65_535:
        raise ValueError("a text can't be that long")
    return len(data).to_bytes(2, "big") + data
