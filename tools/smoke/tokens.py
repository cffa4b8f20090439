"""A second reading of the token (protocol sections 2 and 3), written for the smoke run alone: it shares no code with
either half of the project, so that both can't be wrong in the same way."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_PREFIX = "HK1:"
_WIRE = 98
_RECORD = struct.Struct(">BBII8sIIII")


def base45(raw: bytes) -> str:
    """RFC 9285: two bytes to three characters, a last odd one to two."""
    text = ""
    for at in range(0, len(raw), 2):
        pair = raw[at : at + 2]
        value = int.from_bytes(pair, "big")
        for _ in range(len(pair) + 1):
            value, digit = divmod(value, 45)
            text += ALPHABET[digit]
    return text


def from_base45(text: str) -> bytes:
    """Back again; ValueError if it is none."""
    raw = b""
    for at in range(0, len(text), 3):
        group = text[at : at + 3]
        value = sum(ALPHABET.index(letter) * 45**power for power, letter in enumerate(group))
        if value >= 256 ** (len(group) - 1):
            raise ValueError(f"{group} stands for no bytes")
        raw += value.to_bytes(len(group) - 1, "big")
    return raw


@dataclass(frozen=True)
class Token:
    """What a token's text says."""

    head: int
    flags: int
    door: int
    zones: int
    key_id: str
    generation: int
    nbf: int
    exp: int
    iat: int
    wire: bytes

    @property
    def slot(self) -> int:
        """Whose key it claims to be signed with."""
        return self.head & 15

    def signed_by(self, public: bytes, property_id: bytes) -> bool:
        """Whether this Ed25519 key signed it, as a COSE_Sign1 with implied headers."""
        record, signature = self.wire[:34], self.wire[34:]
        payload = (b"\xa4" + b"\x04\x1a" + struct.pack(">I", self.exp) + b"\x05\x1a" + struct.pack(">I", self.nbf)
                   + b"\x06\x1a" + struct.pack(">I", self.iat) + b"\x07\x54" + record[2:22])
        aad = b"HK1" + record[:2] + property_id
        headers = b"\x84\x6aSignature1\x43\xa1\x01\x32"
        message = headers + bytes([0x40 + len(aad)]) + aad + b"\x58" + bytes([len(payload)]) + payload
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        except InvalidSignature:
            return False
        return True


def read(text: str) -> Token:
    """Take a token apart; ValueError if it is not 98 bytes in 151 characters."""
    if len(text) != 151 or not text.startswith(_PREFIX):
        raise ValueError(f"a token has 151 characters and begins with {_PREFIX}: {len(text)} characters")
    wire = from_base45(text[len(_PREFIX) :])
    if len(wire) != _WIRE:
        raise ValueError(f"a token has {_WIRE} bytes, not {len(wire)}")
    head, flags, door, zones, key_id, generation, nbf, exp, iat = _RECORD.unpack(wire[:34])
    return Token(head, flags, door, zones, key_id.hex(), generation, nbf, exp, iat, wire)


def tampered(text: str) -> str:
    """The same token, its generation raised by one: what a former guest would like to have."""
    wire = bytearray(read(text).wire)
    generation = int.from_bytes(wire[18:22], "big") + 1
    wire[18:22] = generation.to_bytes(4, "big")
    return _PREFIX + base45(bytes(wire))
