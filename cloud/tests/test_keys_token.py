"""Tokens are minted byte for byte as the protocol says, and nothing is minted that the gate calls malformed."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path

import base45
import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cwt import COSE, COSEKey
from hypothesis import given
from hypothesis import strategies as st

from lockmate.keys import TokenMalformed, token
from lockmate.keys.base45 import encode
from lockmate.protocol import KINDS, LIVES

VECTORS = json.loads((Path(__file__).parents[2] / "docs/vectors/hk1.json").read_text())
PROPERTY = bytes.fromhex(VECTORS["property_id"])
RFC_9285 = {b"AB": "BB8", b"Hello!!": "%69 VD92EX0", b"base-45": "UJCLQE7W581", b"ietf!": "QED8WEX0"}


def signer(slot):
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(VECTORS["signing_seeds"][str(slot)]))
    return token.Signer(slot, PROPERTY, private.sign)


def fields_of(record):
    head, flags, door, zones, key_id, generation, nbf, exp, iat = struct.unpack(">BBII8sIIII", record)
    return {
        "kind": flags >> 5,
        "once": bool(flags & 16),
        "over_privacy": bool(flags & 8),
        "door": door,
        "zones": zones,
        "key_id": key_id,
        "generation": generation,
        "nbf": nbf,
        "exp": exp,
        "iat": iat,
    }, head & 15


def wires():
    """(name, verdict, wire) of every vector that is 98 bytes of Base45 and of version 1, each once."""
    seen = {}
    for case in VECTORS["cases"]:
        try:
            wire = base45.b45decode(case["text"].removeprefix("HK1:"))
        except ValueError:
            continue
        if len(wire) == 98 and wire[0] >> 4 == 1 and case["text"].startswith("HK1:"):
            seen.setdefault(wire, (case["name"], case["verdict"]))
    return [pytest.param(wire, verdict, id=name) for wire, (name, verdict) in seen.items()]


def test_the_example_is_met_in_each_of_its_parts():
    example = VECTORS["example"]
    record = bytes.fromhex(example["record"])
    tbs = token.to_be_signed(record, PROPERTY)
    assert tbs.hex() == example["tbs"]
    assert tbs == cbor2.dumps(
        ["Signature1", b"\xa1\x01\x32", bytes.fromhex(example["aad"]), bytes.fromhex(example["payload"])]
    )
    fields, slot = fields_of(record)
    text = token.mint(signer(slot), **fields)
    assert text == example["text"]
    assert base45.b45decode(text[4:])[34:].hex() == example["signature"]


@pytest.mark.parametrize(("wire", "verdict"), wires())
def test_every_vector_is_minted_to_the_byte_or_refused(wire, verdict):
    fields, slot = fields_of(wire[:34])
    untellable = wire[1] & 7 or str(slot) not in VECTORS["signing_seeds"]  # a minter has no reserved bit to set
    if untellable:
        return
    if verdict == "malformed" and not road_only(fields, wire):
        with pytest.raises(TokenMalformed):
            token.mint(signer(slot), **fields)
    else:
        text = token.mint(signer(slot), **fields)
        assert len(text) == 151
        assert base45.b45decode(text[4:])[:34] == wire[:34]
        if verdict != "forged":
            assert base45.b45decode(text[4:]) == wire


def road_only(fields, wire):
    """Malformed only because it came by the wrong road."""
    return any(
        case["verdict"] != "malformed" and base45.b45decode(case["text"][4:])[:34] == wire[:34]
        for case in VECTORS["cases"]
        if len(case["text"]) == 151 and case["verdict"] != "unsupported"
    )


def test_an_independent_library_verifies_the_cwt_that_a_token_stands_for():
    private = Ed25519PrivateKey.generate()
    fields, _ = fields_of(bytes.fromhex(VECTORS["example"]["record"]))
    wire = base45.b45decode(token.mint(token.Signer(3, PROPERTY, private.sign), **fields)[4:])
    payload = cbor2.dumps({4: fields["exp"], 5: fields["nbf"], 6: fields["iat"], 7: wire[2:22]})
    x = base64.urlsafe_b64encode(private.public_key().public_bytes_raw()).rstrip(b"=").decode()
    key = COSEKey.from_jwk({"kty": "OKP", "crv": "Ed25519", "alg": "Ed25519", "x": x})
    cose = cbor2.dumps(cbor2.CBORTag(18, [b"\xa1\x01\x32", {}, payload, wire[34:]]))
    assert COSE.new().decode(cose, key, external_aad=b"HK1" + wire[:2] + PROPERTY) == payload


@given(st.data())
def test_any_fields_are_minted_exactly_when_the_door_reads_them(data):
    u32 = st.integers(0, 0xFFFFFFFF)
    kind = data.draw(st.integers(0, 5))
    iat = data.draw(st.integers(65_530, 0xFFFFFFFF))
    fields = {
        "kind": kind,
        "key_id": data.draw(st.binary(min_size=8, max_size=8)),
        "generation": data.draw(u32),
        "nbf": data.draw(st.integers(65_530, 0xFFFFFFFF)),
        "exp": min(0xFFFFFFFF, iat + data.draw(st.integers(0, 604_802))),
        "iat": iat,
        "door": data.draw(st.sampled_from([0, 801])),
        "zones": data.draw(st.sampled_from([0, 5])),
        "once": data.draw(st.booleans()),
        "over_privacy": data.draw(st.booleans()),
    }
    gate_reads = door_reads(fields)
    try:
        text = token.mint(token.Signer(0, PROPERTY, lambda _: bytes(64)), **fields)
    except TokenMalformed:
        assert not gate_reads or not (fields["door"] or fields["zones"])
    else:
        assert gate_reads
        assert fields_of(base45.b45decode(text[4:])[:34])[0] == fields


def door_reads(fields):
    """The firmware's own reader."""
    from companion.core.token import Malformed, Token

    flags = fields["kind"] << 5 | fields["once"] << 4 | fields["over_privacy"] << 3
    order = [fields[name] for name in ("door", "zones", "key_id", "generation", "nbf", "exp", "iat")]
    try:
        Token(struct.pack(">BBII8sIIII", 0x10, flags, *order) + bytes(64))
    except Malformed:
        return False
    return True


@pytest.mark.parametrize(
    "wrong",
    [{"key_id": b"short"}, {"generation": -1}, {"generation": 1 << 32}, {"kind": 8}, {"door": 1 << 32}, {"nbf": -5}],
)
def test_what_does_not_fit_its_bytes_is_refused(wrong):
    fields, slot = fields_of(bytes.fromhex(VECTORS["example"]["record"]))
    with pytest.raises(TokenMalformed):
        token.mint(signer(slot), **fields | wrong)


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_a_life_is_as_long_as_its_kind_allows_and_no_second_longer(kind):
    life = LIVES[kind]
    fields = {
        "kind": kind,
        "key_id": bytes(8),
        "generation": 0,
        "door": 801,
        "once": True,
        "nbf": 70_000,
        "iat": 70_000,
    }
    assert len(token.mint(signer(0), **fields, exp=70_000 + life)) == 151
    with pytest.raises(TokenMalformed):
        token.mint(signer(0), **fields, exp=70_001 + life)


@given(st.binary(max_size=200))
def test_base45_comes_back_as_it_was(data):
    assert base45.b45decode(encode(data)) == data


@pytest.mark.parametrize(("plain", "text"), RFC_9285.items())
def test_base45_meets_the_examples_of_its_rfc(plain, text):
    assert encode(plain) == text
