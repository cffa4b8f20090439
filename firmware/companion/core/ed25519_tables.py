"""The comb tables in RAM: the base point's, and those of the keys used last, in buffers taken once and for all.

A table is made on the board itself, or taken from a shelf: an object of the caller (a folder on flash, say) with

    load(public_key, parts) -> bool    fills the parts in order, True if it had them
    save(public_key, parts) -> None    keeps them

where `parts` are three buffers: two halves of the table (each below 8 KB, so that a fragmented heap still has room)
and a SHA-256 over the engine's name, the key and both halves. A table whose checksum is wrong is made anew.
"""

import hashlib

from companion.core.ed25519_curve import BASE, BASE_ENCODED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Shelf(Protocol):
        """A place where tables outlive a reboot."""

        def load(self, public_key: bytes, parts: tuple[bytearray, ...]) -> bool: ...

        def save(self, public_key: bytes, parts: tuple[bytearray, ...]) -> None: ...

    class Engine(Protocol):
        """What an engine module offers."""

        NAME: str
        HALF: int

        def decode(self, public_key: bytes) -> tuple[int, int] | None: ...

        def is_of_order_l(self, point: tuple[int, int]) -> bool: ...

        def build(self, point: tuple[int, int], halves: tuple[bytearray, ...]) -> None: ...

        def holds(
            self,
            base: tuple[bytearray, ...],
            key: tuple[bytearray, ...],
            public_key: bytes,
            message: bytes,
            signature: bytes,
        ) -> bool: ...


class Tables:
    """The tables of one engine: `base`, and at most `slots` keys' at once, the longest unused giving way."""

    def __init__(self, engine: "Engine", slots: int, shelf: "Shelf | None" = None) -> None:
        """Takes the buffers, and makes the base point's table or loads it."""
        self.engine = engine
        self.base = self._buffers()
        self._slots = [self._buffers() for _ in range(slots)]
        self._keys: list[bytes | None] = [None] * slots
        self._fill(BASE_ENCODED, BASE, self.base, shelf)

    def _buffers(self) -> tuple[bytearray, ...]:
        return (bytearray(self.engine.HALF), bytearray(self.engine.HALF), bytearray(32))

    def of(self, public_key: bytes, shelf: "Shelf | None") -> tuple[bytearray, ...]:
        """The parts of this (good) key's table, made or loaded if it is not the one in RAM."""
        if self._keys[0] == public_key:
            return self._slots[0]
        return self._bring(public_key, shelf)

    def _bring(self, public_key: bytes, shelf: "Shelf | None") -> tuple[bytearray, ...]:
        """Puts the key first; fills the last slot for a key that has none."""
        keys = self._keys
        place = keys.index(public_key) if public_key in keys else len(keys) - 1
        parts = self._slots.pop(place)
        held = keys.pop(place)
        self._slots.insert(0, parts)
        keys.insert(0, None)
        if held != public_key:
            self._fill(public_key, None, parts, shelf)
        keys[0] = public_key  # only now: a fill that failed leaves the slot empty
        return parts

    def _fill(
        self, public_key: bytes, point: tuple[int, int] | None, parts: tuple[bytearray, ...], shelf: "Shelf | None"
    ) -> None:
        if shelf is not None and shelf.load(public_key, parts) and self._sum(public_key, parts) == parts[2]:
            return
        point = point or self.engine.decode(public_key)
        if point is None:
            raise ValueError("not a canonical encoding of a point")
        self.engine.build(point, parts)
        parts[2][:] = self._sum(public_key, parts)
        if shelf is not None:
            shelf.save(public_key, parts)

    def _sum(self, public_key: bytes, parts: tuple[bytearray, ...]) -> bytes:
        digest = hashlib.sha256(b"ed25519 comb 8/1 " + self.engine.NAME.encode() + public_key)
        digest.update(parts[0])
        digest.update(parts[1])
        return digest.digest()
