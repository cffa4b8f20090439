"""The link key in force: the one that the installer gave, or what a policy's salt made of it since (protocol 6).

`key` and `former` are changed in place, so that all who were given them speak under the new one at once.
"""

import hashlib
import struct

from companion.core import mac
from companion.store.places import FilePlace
from companion.store.slots import Slots

_RECORD = ">8sI32s32s"  # which provisioned key this follows from, number, former key, key
_SIZE = 76


class LinkKey:
    """`n`: its number, 0 as provisioned; `former`: the key before it, of older lines; at first the same."""

    def __init__(self, path: str, provisioned: bytes) -> None:
        self.key = bytearray(provisioned)
        self.n = 0
        self.former = bytearray(provisioned)
        self._first = hashlib.sha256(provisioned).digest()[:8]
        self._slots = Slots(FilePlace(path + ".a"), FilePlace(path + ".b"))
        body = self._slots.read()
        if body is not None and len(body) == _SIZE and body[:8] == self._first:
            _, self.n, self.former[:], self.key[:] = struct.unpack(_RECORD, body)

    def follow(self, n: int, salt: bytes) -> None:
        """Take the step to key `n`, if it was not taken; on flash, twice, when it returns. Raises OSError."""
        if n <= self.n:
            return
        former = bytes(self.key)
        new = mac.hmac_sha256(former, b"LK1", salt)
        self._slots.write(struct.pack(_RECORD, self._first, n, former, new))
        self._slots.settle()
        self.n = n
        self.former[:] = former
        self.key[:] = new
