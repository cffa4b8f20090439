"""Minting tokens: against the bare signatures inside them, and against python-cwt with the same claims."""

from __future__ import annotations

import os

import cwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cwt import COSEKey

from lockmate.keys.token import Signer, mint, to_be_signed
from lockmate.protocol import GUEST
from tools.bench.figures import Figure, figure, rate_ratio

_TOKENS = 400  # a run; one day's sheaf has 288
_NOW = 1_800_000_000


def measure() -> dict[str, Figure]:
    """mint.raw_sign_ratio and mint.cwt_ratio."""
    private = Ed25519PrivateKey.generate()
    signer = Signer(0, os.urandom(8), private.sign)
    key_id = os.urandom(8)
    message = to_be_signed(b"\x10" + bytes(33), signer.property_id)
    pem = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                serialization.NoEncryption())
    cose = COSEKey.from_pem(pem.decode(), alg="EdDSA")

    def ours() -> None:
        for n in range(_TOKENS):
            mint(signer, kind=GUEST, key_id=key_id, generation=7, nbf=_NOW + n, exp=_NOW + n + 420, iat=_NOW, door=801)

    def raw() -> None:
        for _ in range(_TOKENS):
            private.sign(message)

    def python_cwt() -> None:
        for n in range(_TOKENS):
            cwt.encode({4: _NOW + n + 420, 5: _NOW + n, 6: _NOW, 7: message[-20:]}, cose)

    return {
        "mint.raw_sign_ratio": figure(rate_ratio(ours, raw), "x", "bare cryptography signatures per second, same run"),
        "mint.cwt_ratio": figure(rate_ratio(ours, python_cwt), "x", "python-cwt tokens per second, same claims, run"),
    }
