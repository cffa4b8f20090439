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
_TIMES_AT = len(_AAD_HEAD) + 2 + 8 + len(_PAYLOAD_HEAD)  # where a Sig_structure has exp, the head of nbf, and nbf


@dataclass(frozen=True, slots=True)
class Signer:
    """An issuer key in use: the slot the door knows it by, and what signs."""

    slot: int
    property_id: bytes
    sign: Callable[[bytes], bytes] = field(repr=False)


class Minter:
    """Mints tokens that differ in nothing but their times: what they share is checked and packed once.

    kind: index in KINDS; key_id: 8 bytes; zones: mask; iat in seconds. Raises TokenMalformed for anything that the
    gate would call so.
    """

    def __init__(
        self,
        signer: Signer,
        *,
        kind: int,
        key_id: bytes,
        generation: int,
        iat: int,
        door: int = 0,
        zones: int = 0,
        once: bool = False,
        over_privacy: bool = False,
    ) -> None:
        flags = kind << 5 | once << 4 | over_privacy << 3
        try:
            record = _RECORD.pack(_VERSION | signer.slot, flags, door, zones, key_id, generation, 0, 0, iat)
        except struct.error:
            raise TokenMalformed(why="range") from None
        if not 0 <= signer.slot <= SLOT_MAX or not _fits(kind, key_id, door, zones, once, over_privacy):
            raise TokenMalformed(why="fields")
        if iat < EARLIEST:
            raise TokenMalformed(why="fields")
        self._sign = signer.sign
        self._iat, self._last = iat, min(iat + LIVES[kind], U32_MAX)
        self._record_head, self._record_end = record[:22], record[30:]
        signed_text = to_be_signed(record, signer.property_id)
        self._signed_head, self._signed_end = signed_text[:_TIMES_AT], signed_text[_TIMES_AT + 10 :]

    def mint(self, nbf: int, exp: int) -> str:
        """The text of one token: 151 characters of QR's alphanumeric alphabet; times in seconds.

        Raises TokenMalformed.
        """
        if not (EARLIEST <= nbf < exp and self._iat < exp <= self._last):
            raise TokenMalformed(why="fields")
        begins, ends = nbf.to_bytes(4, "big"), exp.to_bytes(4, "big")
        signature = self._sign(self._signed_head + ends + b"\x05\x1a" + begins + self._signed_end)
        return TEXT_PREFIX + encode(self._record_head + begins + ends + self._record_end + signature)


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
    """The text of one token, as of a `Minter`; raises TokenMalformed."""
    minter = Minter(
        signer,
        kind=kind,
        key_id=key_id,
        generation=generation,
        iat=iat,
        door=door,
        zones=zones,
        once=once,
        over_privacy=over_privacy,
    )
    return minter.mint(nbf, exp)


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


def _fits(kind: int, key_id: bytes, door: int, zones: int, once: bool, over_privacy: bool) -> bool:
    """Whether the gate would read these fields (protocol section 3); a token must also name some door or zone."""
    if not 0 <= kind < len(KINDS) or len(key_id) != 8 or not (door or zones):
        return False
    if over_privacy and kind not in (STAFF, EMERGENCY):
        return False
    if kind == REMOTE and not once:
        return False
    return kind not in (REMOTE, RESET_KIND) or (door != 0 and zones == 0)
