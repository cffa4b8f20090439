"""MQTT 3.1.1 packets (OASIS standard, section 3) as a door sends and reads them: QoS 0 and 1, no more than that."""

from __future__ import annotations

from typing import NamedTuple

CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP = 2, 3, 4, 9, 13
PINGREQ = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"


class Packet(NamedTuple):
    """A packet's kind, the low nibble of its first byte, and what follows its length."""

    kind: int
    flags: int
    body: bytes


class Message(NamedTuple):
    """A PUBLISH that came in; `mid` is 0 for QoS 0."""

    topic: str
    payload: bytes
    mid: int
    retained: bool


def connect(client_id: str, keepalive: int, will: tuple[str, bytes]) -> bytes:
    """CONNECT with a session that lasts and a retained last will of QoS 1."""
    flags = 0x04 | 0x08 | 0x20  # will, its QoS 1, its retain; clean session stays 0
    body = _text("MQTT") + bytes([4, flags]) + keepalive.to_bytes(2, "big") + _text(client_id)
    return _packet(0x10, body + _text(will[0]) + _blob(will[1]))


def subscribe(mid: int, topic: str) -> bytes:
    """SUBSCRIBE to one filter with QoS 1."""
    return _packet(0x82, mid.to_bytes(2, "big") + _text(topic) + b"\x01")


def publish(mid: int, topic: str, payload: bytes, *, retained: bool = False, again: bool = False) -> bytes:
    """PUBLISH with QoS 1."""
    return _packet(0x32 | (0x08 if again else 0) | retained, _text(topic) + mid.to_bytes(2, "big") + payload)


def puback(mid: int) -> bytes:
    """PUBACK."""
    return b"\x40\x02" + mid.to_bytes(2, "big")


def message(packet: Packet) -> Message:
    """The PUBLISH in a packet."""
    end = 2 + int.from_bytes(packet.body[:2], "big")
    topic = packet.body[2:end].decode()
    mid = 0
    if packet.flags & 0x06:
        mid = int.from_bytes(packet.body[end : end + 2], "big")
        end += 2
    return Message(topic, packet.body[end:], mid, bool(packet.flags & 1))


class Reader:
    """Cuts a stream of bytes into packets."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Packet]:
        """The packets that are whole now."""
        self._rest += data
        found = []
        while (cut := self._cut()) is not None:
            found.append(cut)
        return found

    def _cut(self) -> Packet | None:
        data = self._rest
        length = shift = 0
        for at in range(1, min(len(data), 5)):
            length |= (data[at] & 0x7F) << shift
            shift += 7
            if data[at] < 0x80:
                end = at + 1 + length
                if len(data) < end:
                    return None
                self._rest = data[end:]
                return Packet(data[0] >> 4, data[0] & 0x0F, data[at + 1 : end])
        return None


def _packet(head: int, body: bytes) -> bytes:
    length = len(body)
    out = bytearray([head])
    while True:
        length, digit = length >> 7, length & 0x7F
        out.append(digit | (0x80 if length else 0))
        if not length:
            return bytes(out) + body


def _text(text: str) -> bytes:
    return _blob(text.encode())


def _blob(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data
