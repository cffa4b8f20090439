"""Minting: 34 bytes of record, an Ed25519 signature over the CWT it stands for, Base45 (protocol sections 2 and 3)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from lockmate.keys import signed
from lockmate.keys.base45 import encode
from lockmate.keys.errors import TokenMalformed
from lockmate.protocol import (
    EARLIEST,
    EMERGENCY,
    KINDS,
    LIVES,
    REMOTE,
    RESET_KIND,
    SLOT_MAX,
    STAFF,
    TEXT_PREFIX,
    U32_MAX,
)

_RECORD = struct.Struct(">BBII8sIIII")
_VERSION = 0x10
# aad is always 13 bytes, the payload 41
_AAD_HEAD = signed.HEAD + b"\x4dHK1"
_PAYLOAD_HEAD = b"\x58\x29\xa4\x04\x1a"


@dataclass(frozen=True, slots=True)
class Signer:
    """An issuer key in use: the slot the door knows it by, and what signs."""

    slot: int
    property_id: bytes
    sign: Callable[[bytes], bytes] = field(repr=False)


def mint(
    signer: Signer,
    *,
    kind: int,
    key_id: bytes,
    generation: int,
    nbf: int,
    exp: int,
    iat: int,
    door: int = 0,
    zones: int = 0,
    once: bool = False,
    over_privacy: bool = False,
) -> str:
    """The text of one token: 151 characters of QR's alphanumeric alphabet.

    kind: index in KINDS; key_id: 8 bytes; zones: mask; times in seconds. Raises TokenMalformed for
    anything that the gate would call so.
    """
    flags = kind << 5 | once << 4 | over_privacy << 3
    try:
        record = _RECORD.pack(_VERSION | signer.slot, flags, door, zones, key_id, generation, nbf, exp, iat)
    except struct.error:
        raise TokenMalformed(why="range") from None
    if not _fits(kind, key_id, door, zones, nbf, exp, iat, once, over_privacy) or not 0 <= signer.slot <= SLOT_MAX:
        raise TokenMalformed(why="fields")
    return TEXT_PREFIX + encode(record + signer.sign(to_be_signed(record, signer.property_id)))


def to_be_signed(record: bytes, property_id: bytes) -> bytes:
    """The Sig_structure for a record: aad names purpose, slot, kind and property; the payload is a CWT (RFC 8392)."""
    return b"%b%b%b%b%b\x05\x1a%b\x06\x1a%b\x07\x54%b" % (
        _AAD_HEAD,
        record[:2],
        property_id,
        _PAYLOAD_HEAD,
        record[26:30],
        record[22:26],
        record[30:34],
        record[2:22],
    )


def _fits(
    kind: int, key_id: bytes, door: int, zones: int, nbf: int, exp: int, iat: int, once: bool, over_privacy: bool
) -> bool:
    """Whether the gate would read these fields (protocol section 3); a token must also name some door or zone."""
    if not 0 <= kind < len(KINDS) or len(key_id) != 8 or not (door or zones):
        return False
    if not (EARLIEST <= nbf < exp <= U32_MAX and EARLIEST <= iat < exp and exp - iat <= LIVES[kind]):
        return False
    if over_privacy and kind not in (STAFF, EMERGENCY):
        return False
    if kind == REMOTE and not once:
        return False
    return kind not in (REMOTE, RESET_KIND) or (door != 0 and zones == 0)
