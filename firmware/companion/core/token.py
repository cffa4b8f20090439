"""The token: 98 bytes, or 151 characters as a QR carries them (protocol section 3)."""

import struct

from companion.core import base45
from companion.core.names import EMERGENCY, KINDS, LIVES, REMOTE, RESET_KIND, ROAD_MQTT, STAFF
from companion.core.signed import to_be_signed

TEXT_LENGTH = 151
_RECORD_LENGTH = 34
_FIRST_ASKED = ">BBII12xIII"  # head, kind and flags, door, zones, nbf, exp, iat
_ONCE = 16
_OVER_PRIVACY = 8
_RESERVED = 7
_EARLIEST = 65_536


class Malformed(ValueError):
    """Not a token, or one with a field out of its bounds."""


class Unsupported(ValueError):
    """A token of a later version; nothing but the version was read."""


class Token:
    """The fields of one token. Nothing of it is proved until its signature is.

    What the gate asks of junk too is read at once, the rest when it is asked for: junk is cheap.
    """

    def __init__(self, wire: bytes | bytearray) -> None:
        """Takes 98 bytes of version 1; raises Malformed for a field out of its bounds."""
        head, flags, door, zones, nbf, exp, iat = struct.unpack_from(_FIRST_ASKED, wire)
        kind = flags >> 5
        if flags & _RESERVED or kind >= len(KINDS):
            raise Malformed
        if nbf < _EARLIEST or iat < _EARLIEST or nbf >= exp or iat >= exp or exp - iat > LIVES[kind]:
            raise Malformed
        if flags & _OVER_PRIVACY and kind not in (STAFF, EMERGENCY):
            raise Malformed
        if kind == REMOTE and not flags & _ONCE:
            raise Malformed
        if kind in (REMOTE, RESET_KIND) and (door == 0 or zones):
            raise Malformed
        self._wire = wire
        self._flags = flags
        self.slot = head & 15
        self.kind = kind
        self.door = door
        self.zones = zones
        self.nbf = nbf
        self.exp = exp
        self.iat = iat

    @property
    def once(self) -> bool:
        """Whether it opens one time only."""
        return bool(self._flags & _ONCE)

    @property
    def over_privacy(self) -> bool:
        """Whether it opens against the inside privacy switch."""
        return bool(self._flags & _OVER_PRIVACY)

    @property
    def key_id(self) -> bytes:
        """The 8 bytes that name its key."""
        return bytes(self._wire[10:18])

    @property
    def generation(self) -> int:
        """The room's generation, or the epoch."""
        return int.from_bytes(self._wire[18:22], "big")

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
        parts = (b"\xa4\x04\x1a", r[26:30], b"\x05\x1a", r[22:26], b"\x06\x1a", r[30:34], b"\x07\x54", r[2:22])
        return to_be_signed(b"HK1" + r[:2] + property_id, b"".join(parts))


def read(text: str | bytes) -> Token:
    """The token that a scanned text (str or bytes) carries.

    Raises Malformed, or Unsupported for a version other than 1; the version is all that is
    read of such a token.
    """
    codes = text.encode() if isinstance(text, str) else text
    if len(codes) != TEXT_LENGTH or codes[:4] != b"HK1:":
        raise Malformed
    try:
        wire = base45.decode(codes, 4)
    except ValueError:
        raise Malformed from None
    if wire[0] >> 4 != 1:
        raise Unsupported
    return Token(wire)
