"""A sample of `make faults ONLY=signatures`: every engine takes good signatures and none that was spoilt."""

from __future__ import annotations

from tools.faults import signatures
from tools.faults.tally import Tally


def test_every_engine_takes_good_signatures_and_no_spoilt_one(monkeypatch):
    monkeypatch.setattr(signatures, "_A_KEY", 10)
    tally = Tally("signatures")
    signatures.run(tally, 20)
    assert tally.violations == []
    assert tally.tried == 3 * 20 * 5
    assert tally.checks == 3 * (1 + 20 + 2 * 5 * 20)


def test_what_an_engine_gets_wrong_is_a_violation(monkeypatch):
    monkeypatch.setattr(signatures, "RUNS", ((64, "plain"),))
    monkeypatch.setattr(signatures, "accepts", lambda case: True)
    tally = Tally("signatures")
    signatures.run(tally, 1)
    assert len(tally.violations) == 5
