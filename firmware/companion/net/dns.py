"""Asks a name server for a host's address without holding up the door: RFC 1035 over UDP, type A, one question.

The ports' own `getaddrinfo` stops everything until it knows, for many seconds where nobody answers. The answer is not
trusted: TLS proves whom we reached. It only has to fit the question.
"""

import asyncio
import errno
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_TRIES = 3
_WAIT_MS = 2_000
_LOOK_MS = 20
_ANSWER_MAX = 512
_HEAD = 12
_RECURSE = b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"  # flags, one question, nothing else
_A_IN = b"\x00\x01\x00\x01"
_LABEL_MAX = 63


async def look_up(host: str, datagrams: "Callable[[], Any]", random: "Callable[[int], bytes]") -> str:
    """The address of `host`, dotted. Raises OSError if none can be had, after some seconds at most.

    datagrams: () -> a socket of datagrams to the name server that never waits, fresh; it may raise OSError.
    """
    for _ in range(_TRIES):
        asked = question(host, random(2))
        server = datagrams()
        try:
            found = await _ask(server, asked)
        finally:
            server.close()
        if found:
            return found
        if found is not None:
            break
    raise OSError("no address for the broker's name")


async def _ask(server: "Any", asked: bytes) -> str | None:
    """What the first datagram says that answers `asked`, empty: there is no such name; None if none came in time."""
    server.send(asked)
    begun = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), begun) < _WAIT_MS:
        try:
            found = answer(asked, server.recv(_ANSWER_MAX))
        except OSError as error:
            if error.errno != errno.EAGAIN:
                raise
            await asyncio.sleep_ms(_LOOK_MS)
            continue
        if found is not None:
            return found
        await asyncio.sleep_ms(0)  # whoever sends junk without end holds up nobody else
    return None


def question(host: str, number: bytes) -> bytes:
    """The question for a host's address; number: two random bytes. Raises OSError for what is no host's name."""
    name = b""
    for label in host.encode().split(b"."):
        if not 0 < len(label) <= _LABEL_MAX:
            raise OSError("no host's name")
        name += bytes((len(label),)) + label
    return number + _RECURSE + name + b"\x00" + _A_IN


def answer(asked: bytes, said: bytes) -> str | None:
    """The address that `said` gives to `asked`, empty if it says that there is none; None if it is no answer to it."""
    body = asked[_HEAD:]
    at = _HEAD + len(body)
    if len(said) < at or said[:2] != asked[:2] or not said[2] & 0x80 or said[_HEAD:at].lower() != body.lower():
        return None
    if said[3] & 0x0F:
        return ""
    try:
        for _ in range(said[6] << 8 | said[7]):
            at = _after_name(said, at)
            size = said[at + 8] << 8 | said[at + 9]
            data = said[at + 10 : at + 10 + size]
            if said[at : at + 4] == _A_IN and size == 4 and len(data) == 4:
                return "%d.%d.%d.%d" % tuple(data)
            at += 10 + size
    except IndexError:
        return None  # cut short
    return "" if at <= len(said) else None


def _after_name(said: bytes, at: int) -> int:
    """The place behind the name at `at`; IndexError if it runs out."""
    while True:
        length = said[at]
        if length >= 0xC0:
            return at + 2
        at += 1 + length
        if not length:
            return at
