"""Policies: what a door must believe, signed by the property (protocol section 6).

`read` takes the bytes of a retained message and what the door holds, and gives a Policy or
raises Refused with a stable code. Acceptance never depends on the clock.
"""

import binascii
import hashlib

from companion.core.ed25519 import Verifier
from companion.core.fields import HEAD, Refused, bounded, field, integer, read_signed, sequence, word
from companion.core.names import (
    DENY_MAX,
    MODES,
    POLICY,
    POLICY_BYTES_MAX,
    SCHEDULE_MAX,
    TRUST_KINDS,
    TRUST_MAX,
    UPDATE,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from companion.core.shapes import HeldPolicy

_DENY_ENTRY = 12  # key_id, until
_DAY = 86_400
_SALT = 16
_U32 = 0xFFFFFFFF
_SETTINGS = {"bolt_ms": (50, 10_000), "ajar_s": (5, 3_600), "drift_ppm": (1, 1_000)}


class Trust:
    """One issuer key a door trusts: its slot, 32 bytes, and the kinds it may sign."""

    def __init__(self, slot: int, key: bytes, kinds: tuple[int, ...]) -> None:
        self.slot = slot
        self.key = key
        self.kinds = kinds


class Policy:
    """A policy whose signature and fields were found right."""

    def __init__(self, wire: bytes, document: dict) -> None:
        """Takes the parsed document; raises Refused for a field that is missing or wrong."""
        self.wire = wire
        self.hash = binascii.hexlify(hashlib.sha256(memoryview(wire)[HEAD:]).digest()[:8]).decode()
        self.version = integer(document, "version", 0xFFFFFFFFFFFFF)
        self.door = integer(document, "door")
        self.is_room = word(document, "class", ("room", "common")) == "room"
        self.zones = _zones(field(document, "zones"))
        self.generation = integer(document, "generation")
        self.staff_epoch = integer(document, "staff_epoch")
        self.emergency_epoch = integer(document, "emergency_epoch")
        self.clock_epoch = integer(document, "clock_epoch")
        self.min_iat = integer(document, "min_iat")
        self.issued_at = integer(document, "issued_at")
        self.deny = _deny(field(document, "deny"))
        self.guests_when_lost = word(document, "clock_lost", ("guests", "staff")) == "guests"
        self.set_mode = word(document, "mode", MODES)
        self.mode_until = integer(document, "mode_until")
        if self.set_mode != "normal" and not self.issued_at < self.mode_until <= self.issued_at + _DAY:
            raise Refused("mode_end")
        self.schedule = _schedule(field(document, "schedule"))
        self.trust = _trust(field(document, "trust"))
        self.settings = _settings(field(document, "settings"))
        self.link = _link(document["link"]) if "link" in document else None  # number and salt of the next link key

    def denied(self, key_id: bytes) -> bool:
        """Whether a key is on the deny list."""
        return find_denied(self.deny, key_id)

    def mode_at(self, lo: int, hi: int | None) -> str:
        """The mode in force when the time is within [lo, hi]."""
        if self.set_mode == "lockdown":
            if lo < self.mode_until:
                return "lockdown"
        elif self.set_mode != "normal" and hi is not None and hi < self.mode_until:
            return self.set_mode
        for start, end in self.schedule:
            if start <= lo and hi is not None and hi < end:
                return "passage"
        return "normal"

    def stays_open(self, lo: int, hi: int | None) -> bool:
        """Whether the door opens without a token; a set privacy switch suspends it."""
        mode = self.mode_at(lo, hi)
        return mode == "passage" or (mode == "evacuate" and not self.is_room)


def read(wire: bytes, held: "HeldPolicy") -> Policy:
    """The policy in a message for the door that holds `held`; raises Refused.

    wire: slot(1) || signature(64) || JSON. Nothing of the JSON is parsed before its signature
    is verified.
    """
    scope = held.property_id + held.door.to_bytes(4, "big")
    document = read_signed(wire, b"HP1", scope, held, POLICY, POLICY_BYTES_MAX)
    policy = Policy(wire, document)
    if policy.door != held.door:
        raise Refused("other_door")
    if policy.version <= held.version:
        raise Refused("old_version")
    _check_trust(policy.trust, wire[0], held.trust)
    return policy


def find_denied(deny: bytes, key_id: bytes) -> bool:
    """Binary search in sorted key_id(8) || until(4) entries, in place."""
    low, high = 0, len(deny) // _DENY_ENTRY
    while low < high:
        middle = (low + high) // 2
        found = deny[middle * _DENY_ENTRY : middle * _DENY_ENTRY + 8]
        if found == key_id:
            return True
        if found < key_id:
            low = middle + 1
        else:
            high = middle
    return False


def _check_trust(trust: list[Trust], signer: int, held: "Sequence[Trust]") -> None:
    """The new list keeps the key it is signed with, and gives no listed slot another key."""
    known = {t.slot: t.key for t in held}
    signed_with = False
    for t in trust:
        if t.slot in known:
            if t.key != known[t.slot]:
                raise Refused("slot_reused")
        else:
            _check_key(t.key)
        signed_with = signed_with or (t.slot == signer and POLICY in t.kinds)
    if not signed_with:
        raise Refused("drops_own_key")


def _check_key(key: bytes) -> None:
    try:
        Verifier(key)
    except ValueError:
        raise Refused("bad_key") from None


def _zones(value: object) -> int:
    mask = 0
    for index in sequence(value, 32):
        mask |= 1 << bounded(index, 0, 31)
    return mask


def _deny(value: object) -> bytes:
    try:
        if not isinstance(value, str):
            raise ValueError
        deny = binascii.a2b_base64(value)
        if not _is_base64_of(value, deny):
            raise ValueError  # the decoder skips what it does not know; a denied key must not get lost so
    except ValueError:
        raise Refused("bad_field") from None
    if len(deny) % _DENY_ENTRY or len(deny) > DENY_MAX * _DENY_ENTRY:
        raise Refused("bad_field")
    for at in range(_DENY_ENTRY, len(deny), _DENY_ENTRY):
        if deny[at - _DENY_ENTRY : at - _DENY_ENTRY + 8] >= deny[at : at + 8]:
            raise Refused("bad_field")  # not sorted: the search in place would miss a denied key
    return deny


def _is_base64_of(text: str, data: bytes) -> bool:
    """Whether `text` is the base64 of `data`, looked at line by line: whole copies of a long list find no room."""
    for at in range(0, len(data), 48):
        line = binascii.b2a_base64(data[at : at + 48])[:-1].decode()
        if text[at // 3 * 4 : at // 3 * 4 + 64] != line:
            return False
    return len(text) == (len(data) + 2) // 3 * 4


def _schedule(value: object) -> list[tuple[int, int]]:
    intervals = []
    for interval in sequence(value, SCHEDULE_MAX):
        if len(sequence(interval, 2)) != 2:
            raise Refused("bad_field")
        start = bounded(interval[0], 0, _U32)
        intervals.append((start, bounded(interval[1], start + 1, _U32)))
    return intervals


def _trust(value: object) -> list[Trust]:
    return read_trust(sequence(value, TRUST_MAX))


def read_trust(entries: list) -> list[Trust]:
    """The trusted keys in [{slot, key, kinds}], as policies and a door's config carry them."""
    trust: list[Trust] = []
    for entry in entries:
        if not isinstance(entry, dict):
            raise Refused("bad_field")
        slot = integer(entry, "slot", 15)
        if slot in [t.slot for t in trust]:
            raise Refused("slot_reused")
        trust.append(Trust(slot, _key(field(entry, "key")), _kinds(field(entry, "kinds"))))
    return trust


def _key(value: object) -> bytes:
    if not isinstance(value, str) or len(value) != 64:
        raise Refused("bad_field")
    try:
        return binascii.unhexlify(value)
    except ValueError:
        raise Refused("bad_field") from None


def _kinds(value: object) -> tuple[int, ...]:
    words = sequence(value, len(TRUST_KINDS))
    for name in words:
        if not isinstance(name, str) or name not in TRUST_KINDS:
            raise Refused("bad_field")
    kinds = tuple([TRUST_KINDS.index(name) for name in words])
    if not kinds or (len(kinds) > 1 and (POLICY in kinds or UPDATE in kinds)):
        raise Refused("bad_field")
    return kinds


def _link(value: object) -> tuple[int, bytes]:
    pair = sequence(value, 2)
    if len(pair) != 2 or not isinstance(pair[1], str) or len(pair[1]) != 2 * _SALT:
        raise Refused("bad_field")
    try:
        return bounded(pair[0], 1, _U32), binascii.unhexlify(pair[1])
    except ValueError:
        raise Refused("bad_field") from None


def _settings(value: object) -> dict[str, int]:
    if not isinstance(value, dict):
        raise Refused("bad_field")
    settings = {}
    for name, (least, most) in _SETTINGS.items():
        if name in value:
            settings[name] = bounded(value[name], least, most)
    return settings
