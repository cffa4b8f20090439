"""The smoke run's own reading of tokens against the protocol's vectors: a checker that is wrong proves nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.smoke import tokens

VECTORS = json.loads((Path(__file__).parents[2] / "docs" / "vectors" / "hk1.json").read_text("utf-8"))
PROPERTY = bytes.fromhex(VECTORS["property_id"])
KEYS = {entry["slot"]: bytes.fromhex(entry["key"]) for entry in VECTORS["trust"]}
OPENING = [case for case in VECTORS["cases"] if case["verdict"] == "open"]


def test_the_vectors_hold_codes_that_open():
    assert len(OPENING) > 5


@pytest.mark.parametrize("case", OPENING, ids=lambda case: case["name"])
def test_a_code_that_opens_is_signed_by_the_key_in_its_slot(case):
    token = tokens.read(case["text"])
    assert token.signed_by(KEYS[token.slot], PROPERTY)
    assert "HK1:" + tokens.base45(token.wire) == case["text"]


@pytest.mark.parametrize("case", OPENING[:3], ids=lambda case: case["name"])
def test_a_tampered_code_keeps_its_form_and_loses_its_signature(case):
    forged = tokens.read(tokens.tampered(case["text"]))
    assert forged.generation == tokens.read(case["text"]).generation + 1
    assert not forged.signed_by(KEYS[forged.slot], PROPERTY)


def test_another_hotel_does_not_verify_it():
    token = tokens.read(OPENING[0]["text"])
    assert not token.signed_by(KEYS[token.slot], bytes(8))


@pytest.mark.parametrize("text", ["", "HK1:", "HK1:" + "0" * 146, "HK2:" + "0" * 147, "HK1:" + ":" * 147])
def test_what_is_no_token_is_refused(text):
    with pytest.raises(ValueError):
        tokens.read(text)
