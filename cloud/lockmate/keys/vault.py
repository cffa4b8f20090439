"""Seals secrets at rest: AES-256-GCM under the master key (NIST SP 800-38D).

The master key is 32 random bytes in hex, in a file only its owner reads, or in the environment, where a key management
service puts it (docs/operate.md).
"""

from __future__ import annotations

import hmac
import os
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lockmate import settings
from lockmate.keys.errors import WrongMasterKey

_NONCE = 12
_KEY_CHARACTERS = 64


def make(path: Path) -> bool:
    """Write a new master key with mode 0600; False, and nothing done, if the file exists."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(os.urandom(32).hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return True


def check() -> None:
    """At start: raises SettingsError unless the master key can be used."""
    _in_use()


def seal(secret: bytes, purpose: bytes) -> bytes:
    """nonce || ciphertext; it opens only for the same `purpose`."""
    nonce = os.urandom(_NONCE)
    return nonce + _in_use().encrypt(nonce, secret, purpose)


def unseal(sealed: bytes, purpose: bytes) -> bytes:
    """The secret; raises WrongMasterKey."""
    sealed = bytes(sealed)
    try:
        return _in_use().decrypt(sealed[:_NONCE], sealed[_NONCE:], purpose)
    except (InvalidTag, ValueError):
        raise WrongMasterKey from None


def reseal(sealed: bytes, purpose: bytes, to: Path) -> bytes:
    """The same secret under the master key in another file; raises WrongMasterKey."""
    nonce = os.urandom(_NONCE)
    return nonce + _cipher(to, "").encrypt(nonce, unseal(sealed, purpose), purpose)


def derive(purpose: bytes) -> bytes:
    """32 bytes that follow from the master key and the purpose: the same again after a restore, and kept nowhere."""
    chosen = settings.current()
    return hmac.digest(_key(chosen.master_key_file, chosen.master_key), b"derive" + purpose, "sha256")


def _in_use() -> AESGCM:
    chosen = settings.current()
    return _cipher(chosen.master_key_file, chosen.master_key)


@lru_cache(maxsize=4)
def _cipher(path: Path, text: str) -> AESGCM:
    return AESGCM(_key(path, text))


@lru_cache(maxsize=4)
def _key(path: Path, text: str) -> bytes:
    """`text`: the key itself, from the environment; else it is in the file."""
    where = "LOCKMATE_MASTER_KEY" if text else str(path)
    text = text or settings.read_secret(path, "master_key", least=_KEY_CHARACTERS)
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != _KEY_CHARACTERS // 2:
        raise settings.SettingsError(
            "master_key_bad",
            f"{where} must hold 64 hex digits. Restore it from its backup: without it no key is signed.",
        )
    return key
