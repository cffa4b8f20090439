"""The token: 98 bytes, or 151 characters as a QR carries them (protocol section 3)."""

from companion.core import base45
from companion.core.names import EMERGENCY, KINDS, LIVES, REMOTE, RESET_KIND, ROAD_MQTT, STAFF
from companion.core.signed import to_be_signed

TEXT_LENGTH = 151
_PREFIX = "HK1:"
_WIRE_LENGTH = 98
_RECORD_LENGTH = 34
_EARLIEST = 65_536


class Malformed(ValueError):
    """Not a token, or one with a field out of its bounds."""


class Unsupported(ValueError):
    """A token of a later version; nothing but the version was read."""


class Token:
    """The fields of one token. Nothing of it is proved until its signature is."""

    def __init__(self, wire: bytes) -> None:
        """Takes 98 bytes of version 1; raises Malformed for a field out of its bounds."""
        flags = wire[1]
        self.record = wire[:_RECORD_LENGTH]
        self.signature = wire[_RECORD_LENGTH:]
        self.slot = wire[0] & 15
        self.kind = flags >> 5
        self.once = bool(flags & 16)
        self.over_privacy = bool(flags & 8)
        self.door = _u32(wire, 2)
        self.zones = _u32(wire, 6)
        self.key_id = wire[10:18]
        self.generation = _u32(wire, 18)
        self.nbf = _u32(wire, 22)
        self.exp = _u32(wire, 26)
        self.iat = _u32(wire, 30)
        if flags & 7 or self.kind >= len(KINDS):
            raise Malformed
        if not (self._times_fit() and self._target_fits()):
            raise Malformed

    def fits(self, road: int) -> bool:
        """Whether its kind may come by this road: remote by MQTT only, and nothing else there."""
        return (self.kind == REMOTE) == (road == ROAD_MQTT)

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
    if isinstance(text, (bytes, bytearray)):
        try:
            text = text.decode()
        except UnicodeError:
            raise Malformed from None
    if len(text) != TEXT_LENGTH or not text.startswith(_PREFIX):
        raise Malformed
    try:
        wire = base45.decode(text[len(_PREFIX) :])
    except ValueError:
        raise Malformed from None
    if len(wire) != _WIRE_LENGTH:
        raise Malformed
    if wire[0] >> 4 != 1:
        raise Unsupported
    return Token(wire)


def _u32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")
