# runs on: pytest
"""Verification against signatures that `cryptography` makes, and its verdict on signatures spoilt at random.

Both agree on good signatures and on spoilt ones; the edge cases where they may not are in test_ed25519.py.
"""

from __future__ import annotations

from companion.core import ed25519
from companion.core.base45 import decode
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

import base45

_SEEDS = st.binary(min_size=32, max_size=32)
_FEW = settings(max_examples=60, deadline=None)


def _accepts(key: Ed25519PrivateKey, message: bytes, signature: bytes) -> bool:
    try:
        key.public_key().verify(signature, message)
    except InvalidSignature:
        return False
    return True


@_FEW
@given(_SEEDS, st.binary(max_size=300))
def test_what_cryptography_signs_is_accepted(seed: bytes, message: bytes) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public = key.public_key().public_bytes_raw()
    signature = key.sign(message)
    assert ed25519.verify(public, message, signature)
    assert ed25519.Verifier(public).verify(message, signature)


@_FEW
@given(st.binary(min_size=1, max_size=120), st.integers(0, 511), st.integers(0, 959))
def test_what_was_spoilt_is_refused(message: bytes, bit: int, place: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    verifier = ed25519.Verifier(key.public_key().public_bytes_raw())
    good = key.sign(message)
    spoilt = bytearray(good)
    spoilt[bit >> 3] ^= 1 << (bit & 7)
    assert not verifier.verify(message, bytes(spoilt))
    assert not _accepts(key, message, bytes(spoilt))
    other = bytearray(message)
    other[place // 8 % len(message)] ^= 1 << place % 8
    assert not verifier.verify(bytes(other), good)


@_FEW
@given(st.binary(max_size=200))
def test_base45_of_another_library_comes_back(data: bytes) -> None:
    assert decode(base45.b45encode(data)) == data
