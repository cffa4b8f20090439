"""Base45 (RFC 9285), encoding only: what the cloud writes and the door reads."""

from __future__ import annotations

import struct
from functools import cache
from operator import itemgetter

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


def encode(data: bytes) -> str:
    """Three characters for each two bytes, two for a last single one."""
    pairs = struct.unpack_from(f">{len(data) // 2}H", data)
    text = "".join(itemgetter(*pairs)(_triplets())) if pairs else ""  # one call for all; a loop takes twice as long
    if len(data) % 2:
        high, low = divmod(data[-1], 45)
        text += ALPHABET[low] + ALPHABET[high]
    return text


@cache
def _triplets() -> list[str]:
    """The text of each 16-bit number: a table of some 3 MB makes an encoding cost little beside its signature."""
    pairs = [low + high for high in ALPHABET for low in ALPHABET]
    return [pair + last for last in ALPHABET for pair in pairs][: 1 << 16]
