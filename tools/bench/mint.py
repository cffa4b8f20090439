"""Minting tokens: against bare signatures, PyJWT and python-cwt with the same claims; and a day's sheaf over HTTP."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import cwt
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cwt import COSEKey

from lockmate.keys.token import Minter, Signer, to_be_signed
from lockmate.protocol import GUEST
from tools.bench import over_http
from tools.bench.figures import Figure, figure, rate_ratio

if TYPE_CHECKING:
    from collections.abc import Callable

_TOKENS = 100  # a run: a few ms, so that whatever else the machine does seldom falls into one side of a pair alone
_RUNS = 101
_NOW = 1_800_000_000


def measure() -> dict[str, Figure]:
    """mint.raw_sign_ratio, pyjwt_ratio, cwt_ratio; sheaf_ms and sheaf_raw_ratio."""
    private = Ed25519PrivateKey.generate()
    signer = Signer(0, os.urandom(8), private.sign)
    key_id = os.urandom(8)
    jti = os.urandom(20).hex()  # as many bytes as the CWT's id, in JSON's only way
    message = to_be_signed(b"\x10" + bytes(33), signer.property_id)
    pem = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                serialization.NoEncryption())
    cose = COSEKey.from_pem(pem.decode(), alg="EdDSA")

    def ours() -> None:
        minter = Minter(signer, kind=GUEST, key_id=key_id, generation=7, iat=_NOW, door=801)
        for n in range(_TOKENS):
            minter.mint(_NOW + n, _NOW + n + 420)

    def raw() -> None:
        for _ in range(_TOKENS):
            private.sign(message)

    def python_cwt() -> None:
        for n in range(_TOKENS):
            cwt.encode({4: _NOW + n + 420, 5: _NOW + n, 6: _NOW, 7: message[-20:]}, cose)

    def pyjwt() -> None:
        for n in range(_TOKENS):
            jwt.encode({"exp": _NOW + n + 420, "nbf": _NOW + n, "iat": _NOW, "jti": jti}, private, algorithm="EdDSA")

    def against(theirs: Callable[[], object], what: str) -> Figure:
        return figure(rate_ratio(ours, theirs, _RUNS, cpu=True), "x", what)

    day, day_ratio = over_http.day()
    return {
        "mint.raw_sign_ratio": against(raw, "bare cryptography signatures, same run"),
        "mint.pyjwt_ratio": against(pyjwt, "PyJWT EdDSA, same claims, same run"),
        "mint.cwt_ratio": against(python_cwt, "python-cwt, same claims, same run"),
        "mint.sheaf_ms": figure(day, "ms", "a day's tokens from the real server, first byte asked to last byte read"),
        "mint.sheaf_raw_ratio": figure(day_ratio, "x", "as many bare signatures, same run"),
    }
