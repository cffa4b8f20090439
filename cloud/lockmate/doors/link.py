"""What door and cloud prove to each other under the companion's link key (protocol section 6)."""

from __future__ import annotations

import hashlib
import hmac
import json
from functools import lru_cache
from typing import Any, Protocol

from lockmate.doors.errors import BadMac
from lockmate.keys import vault

_MAC_START = b',"mac":"'
_MAC_END = b'"}'
_NEXT = b"LK1"
_SEALED = 74  # bytes of `,"mac":"<64 hex>"}`
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))


class Speaker(Protocol):
    """A companion, as a row of the database or as what of it was read in bulk."""

    @property
    def id(self) -> int:
        """The row's id."""

    @property
    def companion_id(self) -> str:
        """Its name."""

    @property
    def property_id(self) -> int:
        """Its hotel's row id."""

    @property
    def door_id(self) -> int | None:
        """Its door's row id."""

    @property
    def link_key(self) -> bytes:
        """As it is kept: sealed."""

    @property
    def link_other(self) -> bytes | None:
        """The key to come, or the former one; sealed."""


def key_of(companion: Speaker) -> bytes:
    """The link key in force, 32 bytes."""
    return _opened(companion.companion_id, bytes(companion.link_key))


def keys_of(companion: Speaker) -> tuple[bytes, ...]:
    """The keys that a line of its journal may be under: the link key, and while it changes the other one."""
    other = companion.link_other
    if other is None:
        return (key_of(companion),)
    return key_of(companion), _opened(companion.companion_id, bytes(other))


def following(link_key: bytes, salt: bytes) -> bytes:
    """The next link key, as door and cloud derive it alike."""
    return hmac.digest(link_key, _NEXT + salt, "sha256")


def seal_key(companion_id: str, link_key: bytes) -> bytes:
    """The link key as it is kept in the database."""
    return vault.seal(link_key, purpose_of(companion_id))


def tag(link_key: bytes, body: bytes) -> str:
    """The 16 hex digits that lead an event line, over its exact JSON bytes."""
    inner, outer = _begun(bytes(link_key))
    inner, outer = inner.copy(), outer.copy()
    inner.update(body)
    outer.update(inner.digest())
    return outer.digest()[:8].hex()


def seal(companion: Speaker, topic: str, document: dict[str, Any] | bytes) -> bytes:
    """A JSON object (or its exact bytes) with the mac for `topic` as its last member."""
    text = (document if isinstance(document, bytes) else compact(document))[:-1]
    return text + _MAC_START + _mac(key_of(companion), topic, text) + _MAC_END


def open_sealed(companion: Speaker, topic: str, payload: bytes) -> dict[str, Any]:
    """The object that `payload` carries; raises BadMac unless exactly its last 74 bytes are the right mac.

    Only the text before the mac is parsed, so a second `mac` or a repeated member changes nothing.
    """
    if not is_right(key_of(companion), topic, payload):
        raise BadMac(companion=companion.companion_id)
    return read(companion, payload)


def is_right(link_key: bytes, topic: str, payload: bytes) -> bool:
    """Whether the payload's last 74 bytes are the mac for `topic` under this key."""
    text, end = payload[:-_SEALED], payload[-_SEALED:]
    return hmac.compare_digest(end, _MAC_START + _mac(link_key, topic, text) + _MAC_END)


def read(companion: Speaker, payload: bytes) -> dict[str, Any]:
    """The object before the mac, which is not looked at here; raises BadMac if there is none."""
    try:
        document = json.loads(payload[:-_SEALED] + b"}")
    except (ValueError, RecursionError):
        raise BadMac(companion=companion.companion_id, why="not_json") from None
    if not isinstance(document, dict):
        raise BadMac(companion=companion.companion_id, why="not_an_object")
    return document


def compact(document: dict[str, Any]) -> bytes:
    """JSON without blanks, as it travels."""
    return json.dumps(document, separators=(",", ":")).encode()


def _mac(link_key: bytes, topic: str, text: bytes) -> bytes:
    return hmac.digest(link_key, topic.encode() + text, "sha256").hex().encode()


@lru_cache(maxsize=16_384)
def _begun(link_key: bytes) -> tuple[hashlib._Hash, hashlib._Hash]:
    """HMAC-SHA256 under a key, its two hashes after the block that is the key's alone (RFC 2104, section 4).

    A door sends line after line under one key; begun anew for each, the tag would cost three times as much. link_key:
    no longer than a block, 64 bytes.
    """
    block = link_key.ljust(hashlib.sha256().block_size, b"\0")
    return hashlib.sha256(block.translate(_INNER)), hashlib.sha256(block.translate(_OUTER))


@lru_cache(maxsize=16_384)
def _opened(companion_id: str, sealed: bytes) -> bytes:
    return vault.unseal(sealed, purpose_of(companion_id))


def purpose_of(companion_id: str) -> bytes:
    """What a link key is sealed for."""
    return b"link" + companion_id.encode()
