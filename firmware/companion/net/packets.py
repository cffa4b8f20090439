"""MQTT 3.1.1 on the wire: the numbers of packets, what a door composes and what it expects (OASIS mqtt-v3.1.1, 3)."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Buffer = bytes | bytearray | memoryview
    Will = tuple[bytes, bytes]

# packet types, from the high nibble of the first byte
CONNACK = 2
PUBLISH = 3
PUBACK = 4
SUBACK = 9
PINGRESP = 13
# first bytes
PINGREQ_HEAD = 0xC0
_CONNECT_HEAD = 0x10
_SUBSCRIBE_HEAD = 0x82

_CLEAN = 0x02
_WILL_RETAINED_QOS_1 = 0x04 | 0x08 | 0x20


class Broken(OSError):
    """The peer broke the protocol, refused us or fell silent."""


def check_connack(body: bytearray, length: int) -> None:
    """What the broker answers to our CONNECT; Broken if it does not want us."""
    if length != 2:
        raise Broken("bad CONNACK")
    if body[1]:
        raise Broken("refused by the broker, code {}".format(body[1]))


def check_suback(body: bytearray, length: int) -> None:
    """What the broker answers to our SUBSCRIBE; Broken if it does not grant it."""
    if length != 3 or body[0] != 0 or body[1] != 1:
        raise Broken("bad SUBACK")
    if body[2] != 1:
        raise Broken("subscription refused")


def size_of(parts: "Sequence[Buffer]") -> int:
    """The bytes of all parts together."""
    size = 0
    for part in parts:
        size += len(part)
    return size


def put_length(buffer: bytearray, at: int, length: int) -> int:
    """MQTT's variable length at `at`; the place after it."""
    while True:
        low = length & 0x7F
        length >>= 7
        buffer[at] = low | 0x80 if length else low
        at += 1
        if not length:
            return at


def _put_text(buffer: bytearray, at: int, text: bytes) -> int:
    buffer[at] = len(text) >> 8
    buffer[at + 1] = len(text) & 0xFF
    at += 2
    buffer[at : at + len(text)] = text
    return at + len(text)


def put_publish(buffer: bytearray, topic: bytes, parts: "Sequence[Buffer]", packet_id: int, retain: bool) -> int:
    """A PUBLISH with QoS 1 at the start of `buffer`; its size."""
    buffer[0] = (PUBLISH << 4) | 0x02 | (1 if retain else 0)
    at = put_length(buffer, 1, 4 + len(topic) + size_of(parts))
    at = _put_text(buffer, at, topic)
    buffer[at] = packet_id >> 8
    buffer[at + 1] = packet_id & 0xFF
    at += 2
    for part in parts:
        buffer[at : at + len(part)] = part
        at += len(part)
    return at


def put_puback(buffer: bytearray, at: int, high: int, low: int) -> int:
    """A PUBACK at `at`; the place after it."""
    buffer[at] = PUBACK << 4
    buffer[at + 1] = 2
    buffer[at + 2] = high
    buffer[at + 3] = low
    return at + 4


def _text(text: bytes) -> bytes:
    return bytes((len(text) >> 8, len(text) & 0xFF)) + text


def _packet(head: int, body: bytes) -> bytes:
    length = bytearray(4)
    return bytes((head,)) + bytes(length[: put_length(length, 0, len(body))]) + body


def connect(client_id: bytes, keepalive_s: int, will: "Will | None") -> bytes:
    """A CONNECT with a clean session; will: (topic, payload)."""
    flags = _CLEAN
    tail = _text(client_id)
    if will is not None:
        flags |= _WILL_RETAINED_QOS_1
        tail += _text(will[0]) + _text(will[1])
    return _packet(_CONNECT_HEAD, _text(b"MQTT") + bytes((4, flags, keepalive_s >> 8, keepalive_s & 0xFF)) + tail)


def subscribe(topic_filter: bytes) -> bytes:
    """A SUBSCRIBE with QoS 1 and packet id 1."""
    return _packet(_SUBSCRIBE_HEAD, b"\x00\x01" + _text(topic_filter) + b"\x01")
