"""The token: 98 bytes, or 151 characters as a QR carries them (protocol section 3)."""

import struct

from companion.core import base45
from companion.core.names import EMERGENCY, KINDS, LIVES, REMOTE, RESET_KIND, ROAD_MQTT, STAFF
from companion.core.signed import to_be_signed

TEXT_LENGTH = 151
_PREFIX = b"HK1:"
_RECORD_LENGTH = 34
_RECORD = ">BBII8sIIII"  # head, kind and flags, door, zones, key_id, generation, nbf, exp, iat
_EARLIEST = 65_536


class Malformed(ValueError):
    """Not a token, or one with a field out of its bounds."""


class Unsupported(ValueError):
    """A token of a later version; nothing but the version was read."""


class Token:
    """The fields of one token. Nothing of it is proved until its signature is."""

    def __init__(self, wire: bytes | bytearray) -> None:
        """Takes 98 bytes of version 1; raises Malformed for a field out of its bounds."""
        self._wire = wire
        head, flags, self.door, self.zones, self.key_id, self.generation, self.nbf, self.exp, self.iat = (
            struct.unpack_from(_RECORD, wire)
        )
        self.slot = head & 15
        self.kind = flags >> 5
        self.once = bool(flags & 16)
        self.over_privacy = bool(flags & 8)
        if flags & 7 or self.kind >= len(KINDS):
            raise Malformed
        if not (self._times_fit() and self._target_fits()):
            raise Malformed

    def fits(self, road: int) -> bool:
        """Whether its kind may come by this road: remote by MQTT only, and nothing else there."""
        return (self.kind == REMOTE) == (road == ROAD_MQTT)

    @property
    def record(self) -> bytes:
        """The 34 bytes that the signature covers."""
        return bytes(self._wire[:_RECORD_LENGTH])

    @property
    def signature(self) -> bytes:
        """The 64 bytes after the record."""
        return bytes(self._wire[_RECORD_LENGTH:])

    def signed(self, property_id: bytes) -> bytes:
        """The bytes its signature covers: the CWT that the record stands for (RFC 8392)."""
        r = self.record
        payload = b"\xa4\x04\x1a" + r[26:30] + b"\x05\x1a" + r[22:26] + b"\x06\x1a" + r[30:34] + b"\x07\x54" + r[2:22]
        return to_be_signed(b"HK1" + r[:2] + property_id, payload)

    def _times_fit(self) -> bool:
        early = self.nbf < _EARLIEST or self.iat < _EARLIEST
        return not early and self.nbf < self.exp and self.iat < self.exp and self.exp - self.iat <= LIVES[self.kind]

    def _target_fits(self) -> bool:
        if self.over_privacy and self.kind not in (STAFF, EMERGENCY):
            return False
        if self.kind == REMOTE and not self.once:
            return False
        return self.kind not in (REMOTE, RESET_KIND) or (self.door != 0 and self.zones == 0)


def read(text: str | bytes) -> Token:
    """The token that a scanned text (str or bytes) carries.

    Raises Malformed, or Unsupported for a version other than 1; the version is all that is
    read of such a token.
    """
    codes = text.encode() if isinstance(text, str) else text
    if len(codes) != TEXT_LENGTH or bytes(codes[:4]) != _PREFIX:
        raise Malformed
    try:
        wire = base45.decode(codes, len(_PREFIX))
    except ValueError:
        raise Malformed from None
    if wire[0] >> 4 != 1:
        raise Unsupported
    return Token(wire)
