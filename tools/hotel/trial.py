"""A door on trial, without a cloud: its own issuer keys, a flash image with a signed policy, and tokens for it."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockmate.doors.policies import to_be_signed
from lockmate.keys.token import Signer, mint
from lockmate.protocol import EMERGENCY, GUEST
from tools.virtual.image import make_image

if TYPE_CHECKING:
    from pathlib import Path

_SLOTS = {0: ["guest", "remote", "reset"], 4: ["staff", "emergency"], 8: ["policy"]}
_PROVISIONED = {4: ["emergency"], 8: ["policy"]}


def _seed() -> bytes:
    return os.urandom(32)


@dataclass
class TrialDoor:
    """A room door that one of our own issuers speaks for. Times in seconds."""

    door: int = 801
    companion_id: str = "trial-door-801"
    generation: int = 1
    property_id: bytes = field(default_factory=lambda: os.urandom(8))
    link_key: bytes = field(default_factory=lambda: os.urandom(32))
    made_at: int = field(default_factory=lambda: int(time.time()))

    def __post_init__(self) -> None:
        self._keys = {slot: Ed25519PrivateKey.from_private_bytes(_seed()) for slot in _SLOTS}

    def public(self, slot: int) -> bytes:
        """The public key in a slot."""
        return self._keys[slot].public_key().public_bytes_raw()

    def _trust(self, slots: dict[int, list[str]]) -> list[dict[str, Any]]:
        return [{"slot": slot, "key": self.public(slot).hex(), "kinds": kinds} for slot, kinds in slots.items()]

    def policy(self, *, version: int | None = None, **changes: Any) -> bytes:
        """A signed policy as it travels; `changes` replace its fields."""
        document = {
            "version": version or self.made_at * 1000, "door": self.door, "class": "room", "zones": [],
            "generation": self.generation, "staff_epoch": 1, "emergency_epoch": 1, "clock_epoch": 0, "min_iat": 0,
            "deny": "", "mode": "normal", "mode_until": 0, "schedule": [], "trust": self._trust(_SLOTS),
            "clock_lost": "guests", "settings": {}, "issued_at": self.made_at, **changes,
        }  # fmt: skip
        body = json.dumps(document, separators=(",", ":")).encode()
        signature = self._keys[8].sign(to_be_signed(8, self.property_id, self.door, body))
        return b"\x08" + signature + body

    def files(self, **changes: Any) -> dict[str, bytes]:
        """What an installer puts on the flash of this door; `changes` replace fields of its policy."""
        config = {
            "companion_id": self.companion_id, "property_id": self.property_id.hex(), "door": self.door,
            "link_key": self.link_key.hex(), "broker": None, "trust": self._trust(_PROVISIONED), "wifi": [],
            "profile": "sim",
        }  # fmt: skip
        return {"/config.json": json.dumps(config).encode(), "/policy": self.policy(**changes)}

    def flash(self, path: Path, **changes: Any) -> Path:
        """A fresh image for this door; `changes` replace fields of its policy."""
        return make_image(path, self.files(**changes))

    def token(self, *, kind: int = GUEST, slot: int = 0, begins: int | None = None, lasts: int = 3600,
              door: int | None = None, generation: int | None = None, key_id: bytes = b"", once: bool = False) -> str:
        """A token; begins at the door's making unless told, issued then."""
        begins = self.made_at if begins is None else begins
        slot = 4 if kind == EMERGENCY else slot
        signer = Signer(slot, self.property_id, self._keys[slot].sign)
        return mint(signer, kind=kind, key_id=key_id or os.urandom(8), door=self.door if door is None else door,
                    generation=self.generation if generation is None else generation,
                    nbf=begins, exp=begins + lasts, iat=begins, once=once)
