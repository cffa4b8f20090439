"""A sample of random days in a whole hotel; `make faults ONLY=truth` runs many (tools/truth says what must hold)."""

from __future__ import annotations

from tools.faults import truth
from tools.faults.tally import Tally
from tools.truth.machine import Totals

RUNS = 8
STEPS = 25


def test_whatever_hands_network_and_power_do_the_cloud_never_says_more_than_the_doors(capsys):
    tally = Tally("truth")
    truth.run(tally, RUNS, steps=STEPS, again=True)
    with capsys.disabled():
        print(f"\ntruth: {Totals.steps} steps, {len(Totals.states)} states, {Totals.checks} checks")
    assert tally.violations == []
    assert Totals.steps > RUNS * STEPS // 2
    assert {"check_out", "replace", "rekey", "move"} & set(Totals.done)
