"""What door and cloud prove to each other under the companion's link key (protocol section 6).

The broker may be somebody else's: event lines carry a tag, acks and states a mac.
"""

import binascii
import hashlib
import json

_BLOCK = 64  # of SHA-256, bytes (FIPS 198-1)
_MAC_START = b',"mac":"'
_MAC_END = b'"}'
_SEALED = 74  # bytes of `,"mac":"<64 hex>"}`


_key = b""
_pads: tuple[bytes, bytes] | None = None


def hmac_sha256(key: "bytes | bytearray", *parts: bytes) -> bytes:
    """HMAC-SHA-256 (RFC 2104) of the parts joined; `key` is at most 64 bytes."""
    inner_pad, outer_pad = _pads_of(key)
    inner = hashlib.sha256(inner_pad)
    for part in parts:
        inner.update(part)
    outer = hashlib.sha256(outer_pad)
    outer.update(inner.digest())
    return outer.digest()


def _pads_of(key: "bytes | bytearray") -> tuple[bytes, bytes]:
    """The inner and outer pad of a key; those of the last one are kept, a door has one key."""
    global _key, _pads
    if _pads is None or key != _key:
        padded = key + bytes(_BLOCK - len(key))
        _key = bytes(key)  # a link key is changed in place
        _pads = bytes([b ^ 0x36 for b in padded]), bytes([b ^ 0x5C for b in padded])
    return _pads


def tag(link_key: "bytes | bytearray", body: bytes) -> str:
    """The 16 hex digits that lead an event line, over its exact JSON bytes."""
    return binascii.hexlify(hmac_sha256(link_key, body)[:8]).decode()


def seal(link_key: "bytes | bytearray", topic: str, document: bytes) -> bytes:
    """A JSON object's bytes with the mac for `topic` as its last member."""
    text = document[:-1]
    mac = binascii.hexlify(hmac_sha256(link_key, topic.encode(), text))
    return text + _MAC_START + mac + _MAC_END


def open_sealed(link_key: "bytes | bytearray", topic: str, payload: bytes | bytearray) -> dict:
    """The object that `payload` carries; ValueError unless its mac is right for `topic`.

    Only the text before the mac is parsed, so a second `mac` or a repeated member changes nothing.
    """
    payload = bytes(payload)
    text, end = payload[:-_SEALED], payload[-_SEALED:]
    mac = binascii.hexlify(hmac_sha256(link_key, topic.encode(), text))
    if not same(end, _MAC_START + mac + _MAC_END):
        raise ValueError("bad_mac")
    document = json.loads(text + b"}")
    if not isinstance(document, dict):
        raise ValueError("not_an_object")
    return document


def same(a: bytes, b: bytes) -> bool:
    """Whether two byte strings are equal, in a time that does not tell where they differ."""
    if len(a) != len(b):
        return False
    difference = 0
    for x, y in zip(a, b):  # the lengths are equal
        difference |= x ^ y
    return difference == 0
