"""What the door believes: its signed policy, the keys it trusts, and what tokens taught it; all of it on flash.

Three records, each kept in two places (store/slots.py): the policy as its signed bytes, verified again at every load;
the trusted keys, so that a lost policy does not lose them; and what was learned (generation, floor, once-keys used), in
raw flash alone, where no erase stands before the bolt. If learned things or the newest policy are lost, guests wait
until an ack names the version of the policy held (protocol section 6, "Without a verified policy").
"""

import struct

from companion.core import policy as policies
from companion.core.ed25519 import Verifier
from companion.core.fields import Refused
from companion.core.names import EMERGENCY, GUEST, POLICY, REMOTE, RESET_KIND, UPDATE
from companion.core.policy import Policy, Trust
from companion.store import files
from companion.store.linkkey import LinkKey
from companion.store.places import Cell, FilePlace, Log
from companion.store.slots import Slots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from companion.core.clock import Clock
    from companion.core.ed25519_tables import Shelf
    from companion.core.gate import Learns
    from companion.store.config import Config
    from companion.store.layout import Store

_LEARNED = ">8sIIIIQB"  # property, door, generation, floor, clock epoch, policy version, flags
_LEARNED_SIZE = 33
_EPOCH_KNOWN = 1
_GUESTS_TRUSTED = 2
_LATCHED = 4
_USED = 12  # bytes of a used key: key_id, until
_USED_MAX = 128
_LOCKOUT_MS = 2_000
_BOLT_MS = 800
_AJAR_S = 60
_DRIFT_PPM = 100
_AFTER_A_LOSS = (EMERGENCY, POLICY, UPDATE)
_NOT_AFTER_A_LOSS = (GUEST, REMOTE, RESET_KIND)


class Beliefs:
    """The door's beliefs, as the gate, the uplink and the bolt need them. Make one with `load`."""

    def __init__(
        self, directory: str, config: "Config", shelf: "Shelf | None" = None, store: "Store | None" = None
    ) -> None:
        self._shelf = shelf
        self.property_id = config.property_id
        self.door = config.door
        self.generation = 0
        self.floor = 0  # as it is on flash, seconds
        self.clock_epoch: int | None = None
        self.policy: Policy | None = None
        self.trust: list[Trust] = []
        # of the policy held; here those of a door without one (protocol section 6)
        self.version = -1
        self.held_version = 0  # and this and the hash as `state` tells them
        self.held_hash = "0" * 16
        self.is_room = True
        self.zones = 0
        self.staff_epoch = 0
        self.emergency_epoch = 0
        self.min_iat = 0
        self.guests_when_lost = True
        self.bolt_ms = _BOLT_MS
        self.ajar_s = _AJAR_S
        self.drift_ppm = _DRIFT_PPM
        self.privacy = False  # the live switch, or a push-button's latch; door/senses.py moves it
        self._latched = False
        self.guests_trusted = False
        self.lost = False  # something was lost before this boot, or nothing was ever there
        self._newest = 0  # the newest policy version ever taken
        self._used = b""
        self._unsaved = False  # something is believed that is not on flash: whoever opens next keeps it first
        self._forged_ms: list[int | None] = [None, None]  # by road
        self._verifiers: dict[int, Verifier] = {}
        self.link = LinkKey(directory + "-link", config.link_key)  # beside: who loses his beliefs still speaks
        try:
            files.names(directory)
        except OSError:
            pass  # no file system: the places in raw flash are left
        self._learned_slots, self._policy_slots, self._trust_slots = _places(directory, store)

    @classmethod
    def load(
        cls,
        directory: str,
        config: "Config",
        provisioned: bytes | None = None,
        shelf: "Shelf | None" = None,
        store: "Store | None" = None,
    ) -> "Beliefs":
        """The beliefs that the flash holds.

        provisioned: the policy that the installer gave, its wire, if there is one; shelf: where its keys' tables are;
        store: the raw flash, None where there are files alone. Raises OSError if the flash can't be used.
        """
        beliefs = cls(directory, config, shelf, store)
        fresh = beliefs._restore(config) and provisioned is not None
        packed = beliefs._trust_slots.read()
        beliefs.trust = config.trust if packed is None else _unpack_trust(packed)
        held = beliefs._read(beliefs._policy_slots.read())
        if held is not None:
            beliefs._use(held)
            if packed != _pack_trust(held.trust):
                beliefs._keep_trust(held.trust)
        beliefs._judge_loss(fresh)
        offered = beliefs._read(provisioned)
        if offered is not None and offered.version > beliefs.version:
            beliefs._take(offered, provisioned or b"", None, 0)
        elif fresh and beliefs.policy is None:
            beliefs.guests_trusted = False  # provisioned with nothing that can be believed: as a spare
            beliefs._save()
        while beliefs.settle():
            pass
        return beliefs

    def _judge_loss(self, fresh: bool) -> None:
        """Find out whether something was lost, and keep that finding."""
        if fresh:
            self.guests_trusted = True
            if self.policy is None:
                return  # the policy that was provisioned is taken next, and saved with that
        elif self._learned_slots.read() is None or self.held_version < self._newest:
            self.lost = not (self._policy_slots.untouched and self._learned_slots.untouched)
            self.guests_trusted = False
        elif self.held_version == self._newest:
            return  # all is as it was left
        # else the power went between a policy and what it teaches
        if self.policy is not None:
            self._learn_policy(self.policy, None, 0)
        self._save()

    # what the gate asks

    def verifier(self, slot: int, kind: int) -> Verifier | None:
        """The key of a slot if it is trusted for a kind (index in TRUST_KINDS) now, else None."""
        if not self.guests_trusted and kind in _NOT_AFTER_A_LOSS:
            return None
        if self.policy is None and kind not in _AFTER_A_LOSS:
            return None
        for trusted in self.trust:
            if trusted.slot == slot and kind in trusted.kinds:
                return self._verifier(trusted)
        return None

    def _verifier(self, trusted: Trust) -> Verifier | None:
        found = self._verifiers.get(trusted.slot)
        if found is None:
            try:
                found = self._verifiers[trusted.slot] = Verifier(trusted.key, self._shelf)
            except ValueError:
                pass  # a key that nothing can be signed with
        return found

    def denied(self, key_id: bytes) -> bool:
        """Whether a key is on the deny list."""
        return self.policy is not None and self.policy.denied(key_id)

    def was_used(self, key_id: bytes) -> bool:
        """Whether a once-key was used here."""
        for at in range(0, len(self._used), _USED):
            if self._used[at : at + 8] == key_id:
                return True
        return False

    def used_full(self) -> bool:
        """Whether there is no room to remember another once-key."""
        return len(self._used) >= _USED * _USED_MAX

    def mode(self, lo: int, hi: int | None) -> str:
        """The mode in force."""
        return "normal" if self.policy is None else self.policy.mode_at(lo, hi)

    def stays_open(self, lo: int, hi: int | None) -> bool:
        """Whether the door opens without a token; a set privacy switch suspends it."""
        return self.policy is not None and not self.privacy and self.policy.stays_open(lo, hi)

    def locked_out(self, road: int, now_ms: int) -> bool:
        """Whether a forged token came by this road within the last 2 s."""
        forged_ms = self._forged_ms[road]
        return forged_ms is not None and now_ms - forged_ms < _LOCKOUT_MS

    def forged(self, road: int, now_ms: int) -> None:
        """A forged token came by this road. It locks out, unless one did so just before: a flood leaves every second
        2 s free, so that a good token waits no longer than that.
        """
        former_ms = self._forged_ms[road]
        if former_ms is None or now_ms - former_ms >= 2 * _LOCKOUT_MS:
            self._forged_ms[road] = now_ms

    # what others ask

    @property
    def damaged(self) -> int:
        """How many files of beliefs were not right at load."""
        return self._learned_slots.damaged + self._policy_slots.damaged + self._trust_slots.damaged

    # what changes beliefs

    def learn(self, learns: "Learns") -> None:
        """Take what an accepted token teaches; on flash when it returns. Raises OSError."""
        changed = self._unsaved
        if learns.generation is not None and learns.generation > self.generation:
            self.generation = learns.generation
            changed = True
        if learns.used is not None and not self.was_used(learns.used):
            self._used += learns.used + learns.used_until.to_bytes(4, "big")
            changed = True
        if learns.floor > self.floor:
            self.floor = learns.floor
            changed = True
        if changed:
            self._save()

    def forget(self, lo: int) -> None:
        """Let go of once-keys that have expired for sure. In RAM: the flash follows with the next change."""
        kept = b""
        for at in range(0, len(self._used), _USED):
            entry = self._used[at : at + _USED]
            if int.from_bytes(entry[8:], "big") >= lo:
                kept += entry
        if len(kept) != len(self._used):
            self._used = kept

    def latch(self, on: bool) -> None:
        """A push-button's privacy: in force at once, and over a restart, which nobody inside would notice."""
        self.privacy = self._latched = on
        self._save()

    def save_floor(self, lo: int) -> None:
        """Keep the clock's lower bound, if it is above the one kept. Raises OSError."""
        if lo > self.floor or self._unsaved:
            self.floor = max(self.floor, lo)
            self._save()

    def accept(self, wire: bytes, clock: "Clock", now_ms: int) -> Policy:
        """Take a policy that came for this door; on flash when it returns, and the clock moved.

        Raises Refused (a code), or OSError if it can't be kept.
        """
        found = policies.read(wire, self)
        self._take(found, wire, clock, now_ms)
        return found

    def policy_named(self, version: int) -> None:
        """An ack of an event of this boot named a policy version: after a loss, guests are trusted if it is ours.

        The caller has checked the ack's mac and tag, and that its seq is not below the journal's `boot_seq`.
        """
        if not self.guests_trusted and self.policy is not None and version == self.policy.version:
            self.guests_trusted = True
            self.lost = False
            self._newest = version
            self._save()

    def take_door(self, door: int) -> bool:
        """A spare learns from a fresh ack which door it hangs on. False if it is no spare."""
        if self.door or not 0 < door <= 0xFFFFFFFF:
            return False
        self.door = door
        self._save()
        return True

    def settle(self) -> bool:
        """Bring one second copy up to the first, or erase ahead, when nobody waits. False if nothing was to do."""
        return self._learned_slots.settle() or self._policy_slots.settle() or self._trust_slots.settle()

    # inside

    def _restore(self, config: "Config") -> bool:
        """Take what was learned from flash; True if nothing ever was, or only another door's."""
        body = self._learned_slots.read()
        if body is not None and len(body) >= _LEARNED_SIZE and (len(body) - _LEARNED_SIZE) % _USED == 0:
            held, door, generation, floor, epoch, newest, flags = struct.unpack(_LEARNED, body[:_LEARNED_SIZE])
            if held == config.property_id and config.door in (0, door):
                self.door, self.generation, self.floor, self._newest = door, generation, floor, newest
                self.clock_epoch = epoch if flags & _EPOCH_KNOWN else None
                self.guests_trusted = bool(flags & _GUESTS_TRUSTED)
                self.privacy = self._latched = bool(flags & _LATCHED)
                self._used = body[_LEARNED_SIZE:]
                return False
            for slots in (self._policy_slots, self._trust_slots, self._learned_slots):
                slots.erase()  # learned things last: a cut in between finds them, and starts again
            return True
        return self._learned_slots.untouched

    def _read(self, wire: bytes | None) -> Policy | None:
        """A policy of ours from its bytes on flash, None if it is not right. What is held is not compared."""
        if wire is None:
            return None
        version, self.version = self.version, -1
        try:
            return policies.read(wire, self)
        except Refused:
            return None
        finally:
            self.version = version

    def _take(self, found: Policy, wire: bytes, clock: "Clock | None", now_ms: int) -> None:
        """Keep a policy and what it teaches, in an order that a cut at any place leaves safe."""
        self._policy_slots.write(wire)
        self._learn_policy(found, clock, now_ms)
        self._use(found)
        self._save()
        self._keep_trust(found.trust)

    def _use(self, found: Policy) -> None:
        found.wire = b""  # it is on flash; 4 KB of RAM are not
        self.policy = found
        self.version = self.held_version = found.version
        self.held_hash = found.hash
        self.is_room = found.is_room
        self.zones = found.zones
        self.staff_epoch = found.staff_epoch
        self.emergency_epoch = found.emergency_epoch
        self.min_iat = found.min_iat
        self.guests_when_lost = found.guests_when_lost
        self.bolt_ms = found.settings.get("bolt_ms", _BOLT_MS)
        self.ajar_s = found.settings.get("ajar_s", _AJAR_S)
        self.drift_ppm = found.settings.get("drift_ppm", _DRIFT_PPM)
        self.generation = max(self.generation, found.generation)
        if found.link is not None:
            self.link.follow(found.link[0], found.link[1])

    def _keep_trust(self, trust: list[Trust]) -> None:
        self._trust_slots.write(_pack_trust(trust))
        self.trust = trust
        self._verifiers = {}

    def _learn_policy(self, found: Policy, clock: "Clock | None", now_ms: int) -> None:
        """The time and the generation that a policy teaches."""
        if self.clock_epoch is not None and found.clock_epoch > self.clock_epoch:
            self.floor = found.issued_at
            if clock is not None:
                clock.set_back(found.issued_at, now_ms)
        elif clock is not None:
            clock.raise_floor(found.issued_at, now_ms)
            self.floor = max(self.floor, clock.floor(now_ms))
        else:
            self.floor = max(self.floor, found.issued_at)
        self.clock_epoch = found.clock_epoch
        self._newest = max(self._newest, found.version)

    def _save(self) -> None:
        self._unsaved = True
        flags = _EPOCH_KNOWN if self.clock_epoch is not None else 0
        flags |= (_GUESTS_TRUSTED if self.guests_trusted else 0) | (_LATCHED if self._latched else 0)
        head = struct.pack(
            _LEARNED,
            self.property_id,
            self.door,
            self.generation,
            self.floor,
            self.clock_epoch or 0,
            self._newest,
            flags,
        )
        self._learned_slots.write(head + self._used)
        self._unsaved = False


def _places(directory: str, store: "Store | None") -> "tuple[Slots, Slots, Slots]":
    """Where the three records are."""
    if store is None:
        learned, policy, trust = [
            Slots(FilePlace(directory + name + ".a"), FilePlace(directory + name + ".b"))
            for name in ("/learned", "/policy", "/trust")
        ]
        return learned, policy, trust
    return (
        Slots(Log(store.learned[0]), Log(store.learned[1])),
        Slots(FilePlace(directory + "/policy"), Cell(store.policy)),
        Slots(FilePlace(directory + "/trust"), Log(store.trust)),
    )


def _pack_trust(trust: list[Trust]) -> bytes:
    packed = b""
    for trusted in trust:
        kinds = 0
        for kind in trusted.kinds:
            kinds |= 1 << kind
        packed += bytes((trusted.slot, kinds)) + trusted.key
    return packed


def _unpack_trust(packed: bytes) -> list[Trust]:
    trust = []
    for at in range(0, len(packed) - 33, 34):
        kinds = tuple([kind for kind in range(7) if packed[at + 1] >> kind & 1])
        trust.append(Trust(packed[at], packed[at + 2 : at + 34], kinds))
    return trust
