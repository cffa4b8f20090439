"""Event lines as a companion's journal writes them: `tag SP json` (protocol section 6)."""

from __future__ import annotations

import hmac
import json
from typing import Annotated, Any, TypeGuard

import msgspec
from msgspec import Meta

from lockmate.doors import link
from lockmate.protocol import U32_MAX

_TAG = 16
_INTEGER_MAX = (1 << 63) - 1
_COUNT_MAX = (1 << 31) - 1
_DEEP = 32
_HEX = "0123456789abcdef"


class BadLine(ValueError):
    """Not a line of this companion's journal; `reason` is "bad_tag" or "malformed"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ParsedLine(msgspec.Struct, kw_only=True, gc=False, forbid_unknown_fields=True):
    """A line whose tag was found right: its JSON's members as we keep them, and what stands below the line.

    `body`: the exact JSON bytes; `lost`: (from, to, count) of a `log_lost`.
    """

    log: Annotated[str, Meta(min_length=_TAG, max_length=_TAG)]
    seq: Annotated[int, Meta(ge=1, le=_INTEGER_MAX)]
    at: Annotated[int, Meta(ge=0, le=U32_MAX)]
    unsure: Annotated[int, Meta(ge=0, le=U32_MAX)] | None = None
    kind: Annotated[str, Meta(min_length=1, max_length=16)]
    road: Annotated[str, Meta(max_length=6)] = ""
    verdict: Annotated[str, Meta(max_length=16)] = ""
    key_id: Annotated[str, Meta(max_length=16)] = ""
    generation: Annotated[int, Meta(ge=0, le=_INTEGER_MAX)] | None = None
    card: Annotated[str, Meta(max_length=40)] = ""
    count: Annotated[int, Meta(ge=0, le=_COUNT_MAX)] = 1
    # What follows is ours alone: whatever a door says under these names is written over.
    tag: str = ""
    body: bytes = b""
    lost: tuple[int, int, int] | None = None


_USUAL = msgspec.json.Decoder(ParsedLine)


def split(payload: bytes) -> list[bytes]:
    """The lines of a message on `up/events`."""
    if payload and b"\n" not in payload:
        return [payload]  # nearly always
    return [line for line in payload.split(b"\n") if line]


def parse(link_key: bytes, line: bytes) -> ParsedLine:
    """The line, or BadLine.

    A genuine line is kept whatever its optional fields hold, or its companion would send it for ever:
    what can't be read of them is left out.
    """
    body = line[_TAG + 1 :]
    tag = link.tag(link_key, body)
    if not hmac.compare_digest(line[: _TAG + 1], tag.encode() + b" "):
        raise BadLine("bad_tag")
    parsed = _usual(body) or _read(document(body))
    parsed.tag, parsed.body = tag, body
    return parsed


def document(body: bytes) -> dict[str, Any]:
    """The JSON object of a line; raises BadLine. The one reader: what is stored can be read again from anywhere."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError):  # it refuses a few things that JSON can spell, like a lone surrogate
        try:
            found = json.loads(body.decode())
        except (ValueError, RecursionError):
            raise BadLine("malformed") from None
    if type(found) is not dict or (body.count(b"[") + body.count(b"{") > _DEEP and _is_deep(found)):
        raise BadLine("malformed")
    return found


def _is_deep(document: object) -> bool:
    """Whether lists and objects lie in each other deeper than any journal writes, or any reader can follow."""
    level: list[object] = [document]
    for _ in range(_DEEP):
        level = [inner for outer in level if isinstance(outer, dict | list)
                 for inner in (outer.values() if isinstance(outer, dict) else outer)]  # fmt: skip
        if not level:
            return False
    return True


def _usual(body: bytes) -> ParsedLine | None:
    """A line as firmware writes nearly all, read in one go; None: look at it with care (`_read`)."""
    if not body.isascii() or b"\\" in body:
        return None
    try:
        line = _USUAL.decode(body)
    except msgspec.MsgspecError:
        return None
    line.lost = None
    return None if line.kind == "log_lost" or line.log.strip(_HEX) else line


def _read(event: dict[str, Any]) -> ParsedLine:
    get = event.get
    log, seq, at, kind = get("log"), get("seq"), get("at"), get("kind")
    if not isinstance(log, str) or len(log) != _TAG or log.strip(_HEX):
        raise BadLine("malformed")
    if not _is_integer(seq) or seq == 0 or not _is_integer(at) or not isinstance(kind, str) or not 0 < len(kind) <= 16:
        raise BadLine("malformed")
    count = get("count")
    return ParsedLine(
        log=log,
        seq=seq,
        at=min(at, U32_MAX),  # a later moment has no date that a page could show; the line keeps it
        unsure=_integer(get("unsure"), U32_MAX),
        kind=_text(kind, 16),
        road=_text(get("road"), 6),
        verdict=_text(get("verdict"), 16),
        key_id=_text(get("key_id"), 16),
        generation=_integer(get("generation")),
        card=_text(get("card"), 40),
        count=count if _is_integer(count, _COUNT_MAX) else 1,
        lost=lost_range(event) if kind == "log_lost" else None,
    )


def lost_range(event: dict[str, Any]) -> tuple[int, int, int] | None:
    """(from, to, count) that a `log_lost` line reports; without a count it is all of them. None if it is not told."""
    first, last = event.get("from"), event.get("to")
    if not (_is_integer(first) and _is_integer(last) and first <= last < event["seq"]):
        return None
    count = event.get("count")
    return first, last, count if _is_integer(count) else last - first + 1


def _is_integer(value: object, most: int = _INTEGER_MAX) -> TypeGuard[int]:
    return type(value) is int and 0 <= value <= most  # a bool is no number


def _integer(value: object, most: int = _INTEGER_MAX) -> int | None:
    return value if _is_integer(value, most) else None


def _text(value: object, most: int) -> str:
    """What JSON can spell and no database takes, a lone surrogate or a NUL, becomes a question mark."""
    return value[:most].replace("\0", "?").encode(errors="replace").decode() if isinstance(value, str) else ""
