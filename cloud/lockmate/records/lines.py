"""Event lines as a companion's journal writes them: `tag SP json` (protocol section 6)."""

from __future__ import annotations

import hmac
import json
import operator
from dataclasses import dataclass
from typing import Any, TypeGuard

import orjson

from lockmate.doors import link
from lockmate.protocol import U32_MAX

_TAG = 16
_INTEGER_MAX = (1 << 63) - 1
_COUNT_MAX = (1 << 31) - 1
_DEEP = 32
_LONGEST = (16, 6, 16, 16, 40)  # kind, road, verdict, key_id, card


class BadLine(ValueError):
    """Not a line of this companion's journal; `reason` is "bad_tag" or "malformed"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class ParsedLine:
    """A line whose tag was found right. `body`: the exact JSON bytes; `lost`: (from, to, count) of a `log_lost`."""

    log: str
    seq: int
    tag: str
    body: bytes
    at: int
    unsure: int | None
    kind: str
    road: str
    verdict: str
    key_id: str
    generation: int | None
    card: str
    count: int
    lost: tuple[int, int, int] | None


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
    return _read(document(body), tag, body)


def document(body: bytes) -> dict[str, Any]:
    """The JSON object of a line; raises BadLine. The one reader: what is stored can be read again from anywhere."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:  # it refuses a few things that JSON can spell, a lone surrogate among them
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


def _read(event: dict[str, Any], tag: str, body: bytes) -> ParsedLine:
    get = event.get
    log, seq, at, kind = get("log"), get("seq"), get("at"), get("kind")
    if not isinstance(log, str) or len(log) != _TAG or log.strip("0123456789abcdef"):
        raise BadLine("malformed")
    if not _is_integer(seq) or seq == 0 or not _is_integer(at) or not isinstance(kind, str) or not 0 < len(kind) <= 16:
        raise BadLine("malformed")
    texts: tuple[Any, ...] = (kind, get("road", ""), get("verdict", ""), get("key_id", ""), get("card", ""))
    if not _are_plain(texts):
        texts = tuple(map(_text, texts, _LONGEST))
    kind, road, verdict, key_id, card = texts
    unsure, generation, count = get("unsure"), get("generation"), get("count")
    return ParsedLine(
        log,
        seq,
        tag,
        body,
        min(at, U32_MAX),  # a later moment has no date that a page could show; the line keeps it
        None if unsure is None else _integer(unsure, U32_MAX),
        kind,
        road,
        verdict,
        key_id,
        None if generation is None else _integer(generation),
        card,
        count if count is not None and _is_integer(count, _COUNT_MAX) else 1,
        lost_range(event) if kind == "log_lost" else None,
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


def _are_plain(texts: tuple[Any, ...]) -> bool:
    """Whether these are texts as journals write them, none too long; nearly always."""
    try:
        whole = "".join(texts)
    except TypeError:
        return False
    return whole.isascii() and whole.isprintable() and all(map(operator.le, map(len, texts), _LONGEST))


def _text(value: object, most: int) -> str:
    """What JSON can spell and no database takes, a lone surrogate or a NUL, becomes a question mark."""
    return value[:most].replace("\0", "?").encode(errors="replace").decode() if isinstance(value, str) else ""
