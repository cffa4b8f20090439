"""A record kept twice: two files with an age and a checksum each, so that neither a cut nor a bad block loses it.

A write goes to the older file and is durable on return; `settle` brings the other one up to it,
later, when nobody waits. Either file may then be lost without losing the record.
"""

import binascii
import struct

from companion.store import files

_HEAD = ">4sIHI"  # magic, age, length, CRC-32 of age, length and body
_HEAD_SIZE = 14
_MAGIC = b"LMS1"
_SUFFIXES = (".a", ".b")


class Slots:
    """One record under `path`.a and `path`.b. `damaged` counts files that were there but not right at first."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._ages = [0, 0]  # 0: nothing good there
        self.damaged = 0
        for n in (0, 1):
            raw = files.read(path + _SUFFIXES[n])
            if raw is not None:
                self._ages[n] = _parse(raw)[0]
                self.damaged += self._ages[n] == 0

    @property
    def untouched(self) -> bool:
        """Whether there was never anything here, good or not."""
        return self.damaged == 0 and self._ages == [0, 0]

    def read(self) -> bytes | None:
        """The newest record, None if there is no good one."""
        if self._ages == [0, 0]:
            return None
        return _parse(files.read(self._path + _SUFFIXES[self._newer()]) or b"")[1]

    def write(self, body: bytes) -> None:
        """Keep a new record, durable on return. Raises OSError; the former one then stands."""
        self._put(1 - self._newer(), max(self._ages) + 1, body)

    def settle(self) -> None:
        """Bring the older file up to the newest record, if it is behind."""
        if self._ages[0] != self._ages[1]:
            body = self.read()
            if body is not None:
                self._put(1 - self._newer(), max(self._ages), body)

    def erase(self) -> None:
        """Forget the record."""
        for suffix in _SUFFIXES:
            files.remove(self._path + suffix)
        self._ages = [0, 0]

    def _newer(self) -> int:
        return 0 if self._ages[0] > self._ages[1] else 1

    def _put(self, n: int, age: int, body: bytes) -> None:
        files.write(self._path + _SUFFIXES[n], _head(age, body), body)
        self._ages[n] = age


def _crc(age: int, body: bytes) -> int:
    return binascii.crc32(body, binascii.crc32(struct.pack(">IH", age, len(body)))) & 0xFFFFFFFF


def _head(age: int, body: bytes) -> bytes:
    return struct.pack(_HEAD, _MAGIC, age, len(body), _crc(age, body))


def _parse(raw: bytes) -> tuple[int, bytes | None]:
    """(age, body), body None if the file is not right."""
    if len(raw) < _HEAD_SIZE:
        return 0, None
    magic, age, length, crc = struct.unpack(_HEAD, raw[:_HEAD_SIZE])
    body = raw[_HEAD_SIZE:]
    if magic != _MAGIC or age == 0 or length != len(body) or crc != _crc(age, body):
        return 0, None
    return age, body
