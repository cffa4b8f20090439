"""What door and cloud prove to each other under the companion's link key (protocol section 6)."""

from __future__ import annotations

import hmac
import json
from functools import lru_cache
from typing import Any, Protocol

from lockmate.doors.errors import BadMac
from lockmate.keys import vault

_MAC_START = b',"mac":"'
_MAC_END = b'"}'
_SEALED = 74  # bytes of `,"mac":"<64 hex>"}`


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


def key_of(companion: Speaker) -> bytes:
    """The link key, 32 bytes."""
    return _opened(companion.companion_id, bytes(companion.link_key))


def seal_key(companion_id: str, link_key: bytes) -> bytes:
    """The link key as it is kept in the database."""
    return vault.seal(link_key, purpose_of(companion_id))


def tag(link_key: bytes, body: bytes) -> str:
    """The 16 hex digits that lead an event line, over its exact JSON bytes."""
    return hmac.digest(link_key, body, "sha256")[:8].hex()


def seal(companion: Speaker, topic: str, document: dict[str, Any] | bytes) -> bytes:
    """A JSON object (or its exact bytes) with the mac for `topic` as its last member."""
    text = (document if isinstance(document, bytes) else compact(document))[:-1]
    return text + _MAC_START + _mac(key_of(companion), topic, text) + _MAC_END


def open_sealed(companion: Speaker, topic: str, payload: bytes) -> dict[str, Any]:
    """The object that `payload` carries; raises BadMac unless exactly its last 74 bytes are the right mac.

    Only the text before the mac is parsed, so a second `mac` or a repeated member changes nothing.
    """
    text, end = payload[:-_SEALED], payload[-_SEALED:]
    if not hmac.compare_digest(end, _MAC_START + _mac(key_of(companion), topic, text) + _MAC_END):
        raise BadMac(companion=companion.companion_id)
    try:
        document = json.loads(text + b"}")
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
def _opened(companion_id: str, sealed: bytes) -> bytes:
    return vault.unseal(sealed, purpose_of(companion_id))


def purpose_of(companion_id: str) -> bytes:
    """What a link key is sealed for."""
    return b"link" + companion_id.encode()
