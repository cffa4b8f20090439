"""Comb tables on flash, one file for each trusted key: made once, when the key becomes trusted (core/ed25519_tables).

A file is a head (magic and engine), the key, the table, and a SHA-256 over all of that. The table of a key that is no
longer trusted is removed; one that is damaged counts as none and is made anew.
"""

import binascii
import hashlib
import os

from companion.core import ed25519
from companion.core.ed25519_tables import BASE_ENCODED
from companion.store import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from typing import IO

    from companion.core.ed25519_tables import Pieces
    from companion.core.policy import Trust
    from companion.store.beliefs import Beliefs

_MAGIC = b"LMT1"
_NEW = ".new"


def head(engine: str, public_key: bytes) -> bytes:
    """What the file of a key's table begins with."""
    return _MAGIC + engine[:1].encode() + public_key


def name(engine: str, public_key: bytes) -> str:
    """The file's name in the folder."""
    return engine[:1] + binascii.hexlify(public_key[:8]).decode()


class Shelf:
    """The tables in one folder."""

    def __init__(self, folder: str) -> None:
        """A flash that can't be written keeps no tables; the door works all the same."""
        self._folder = folder
        self._writing: list[str] = []
        try:
            files.names(folder)
        except OSError:
            pass

    def has(self, engine: str, public_key: bytes) -> bool:
        """Whether there is a table of this key; whether it is whole, `load` tells."""
        begin = head(engine, public_key)
        try:
            with open(self._path(engine, public_key), "rb") as file:
                return file.read(len(begin)) == begin
        except OSError:
            return False

    def load(self, engine: str, public_key: bytes, table: bytearray) -> bool:
        """Fills `table`; False if there is none, or none that is whole."""
        begin = head(engine, public_key)
        try:
            with open(self._path(engine, public_key), "rb") as file:
                if file.read(len(begin)) != begin or file.readinto(table) != len(table):
                    return False
                kept = file.read()
        except OSError:
            return False
        digest = hashlib.sha256(begin)
        digest.update(table)
        return kept == digest.digest()

    def keep(self, engine: str, public_key: bytes, pieces: "Pieces") -> "Pieces":
        """Passes the pieces on while it writes them; the file is in place when the last one was taken.

        A flash that is full or broken is no reason not to verify: then the table is not kept.
        """
        path = self._path(engine, public_key)
        if path in self._writing:  # made in slices just now, and wanted at once: one of the two is enough
            yield from pieces
            return
        self._writing.append(path)
        try:
            yield from self._write(path, head(engine, public_key), pieces)
        finally:
            self._writing.remove(path)

    def _write(self, path: str, begin: bytes, pieces: "Pieces") -> "Pieces":
        digest = hashlib.sha256(begin)
        file = _create(path + _NEW, begin)
        try:
            for at, piece in pieces:
                digest.update(piece)
                file = _put(file, piece)
                yield at, piece
            file = _put(file, digest.digest())
        finally:
            whole = _close(file)
        if whole:
            try:
                os.rename(path + _NEW, path)
            except OSError:
                pass  # made anew when it is wanted again

    def trim(self, engine: str, public_keys: "Sequence[bytes]") -> None:
        """Removes the tables of all keys but these and the base point; nothing may be in the making."""
        stay = [name(engine, key) for key in public_keys] + [name(engine, BASE_ENCODED)]
        try:
            kept = files.names(self._folder)
        except OSError:
            return
        for each in kept:
            if each not in stay:
                files.remove(self._folder + "/" + each)

    def _path(self, engine: str, public_key: bytes) -> str:
        return self._folder + "/" + name(engine, public_key)


def _create(path: str, begin: bytes) -> "IO[bytes] | None":
    """A new file that begins so, None if there is no room for it."""
    try:
        return _put(open(path, "wb"), begin)
    except OSError:
        return None


def _put(file: "IO[bytes] | None", data: bytes | bytearray | memoryview) -> "IO[bytes] | None":
    """Adds to a file; None, and the file closed, if that can't be done. What is left of it goes at the next boot."""
    if file is None:
        return None
    try:
        file.write(data)
        return file
    except OSError:
        _close(file)
        return None


def _close(file: "IO[bytes] | None") -> bool:
    """True if all that was written is on flash."""
    if file is None:
        return False
    try:
        file.close()
        return True
    except OSError:
        return False


_PAUSE = 240  # ticks after a table for which there was no memory: a minute, then twice that each time
_PAUSE_MAX = 240 * 60


class Stock:
    """Puts the tables of all trusted keys on the shelf, a slice at a time, and takes away those of others.

    So a key that came in a policy has its table before its first token comes, as a rule: no scan waits for it.
    """

    def __init__(self, shelf: Shelf, beliefs: "Beliefs") -> None:
        self._shelf = shelf
        self._beliefs = beliefs
        self._seen: list[Trust] | None = None
        self._wanted: list[bytes] = []
        self._slices: Generator[object, None, None] | None = None
        self._rest = 0  # ticks until it is tried again
        self._pause = _PAUSE

    def tick(self) -> bool:
        """Does the next slice, at most half a verification long (a key's check: three). False if all is done."""
        if self._rest:
            self._rest -= 1
            return True
        try:
            if self._beliefs.trust is not self._seen:
                self._begin()
            return self._step()
        except MemoryError:
            self._let_go()
            self._seen = None  # all over again at a moment when there is room; each try writes to flash
            self._rest = self._pause
            self._pause = min(2 * self._pause, _PAUSE_MAX)
            return True

    def _step(self) -> bool:
        if self._slices is None:
            if not self._wanted:
                ed25519.let_go()
                self._pause = _PAUSE
                return False
            try:
                self._slices = ed25519.make_table(self._wanted.pop(), self._shelf)
            except ValueError:
                return True  # not a good key: no verifier takes it either
        try:
            next(self._slices)
        except StopIteration:
            self._slices = None
        return True

    def _begin(self) -> None:
        self._let_go()
        self._seen = self._beliefs.trust
        self._wanted = [trusted.key for trusted in self._seen]
        self._shelf.trim(ed25519.engine(), self._wanted)

    def _let_go(self) -> None:
        slices, self._slices = self._slices, None
        if slices is not None:
            slices.close()
