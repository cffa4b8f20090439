"""A sample of the clock's weeks among liars: `make faults ONLY=clock` has the long run."""

from __future__ import annotations

from tools.faults import clock
from tools.faults.tally import Tally


def test_a_clock_among_liars_holds_the_truth():
    tally = Tally("clock")
    clock.run(tally, rounds=60)
    assert tally.violations == []
    assert tally.tried >= 120
    assert tally.checks > 1_000
