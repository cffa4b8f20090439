"""Random hands on a whole hotel: desk, PMS, guests, network, power and backups against the real gate (tools/truth)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tools.truth.machine import Machine, Totals
from tools.truth.world import wipe

if TYPE_CHECKING:
    from tools.faults.tally import Tally

ROUNDS = 150  # runs; some 40 steps each
STEPS = 40


def run(tally: Tally, rounds: int = ROUNDS, *, steps: int = STEPS, again: bool = False) -> None:
    """`rounds` runs of up to `steps` steps; `again`: the same ones each time. A violation is told with its steps."""
    chosen = settings(
        max_examples=rounds, stateful_step_count=steps, deadline=None, database=None, derandomize=again,
        suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
        phases=(Phase.explicit, Phase.reuse, Phase.generate),  # not shrunk: that takes longer than all the runs
    )
    broken = ""
    try:
        run_state_machine_as_test(Machine, settings=chosen)
    except AssertionError as violation:
        broken = "\n".join([str(violation), *getattr(violation, "__notes__", [])])
    finally:
        wipe()
    tally.tried += Totals.steps
    tally.checks += Totals.checks
    tally.check(not broken, broken)
    for name, count in sorted(Totals.done.items()):
        print(f"  {count:6} {name}")
    print(f"  {Totals.runs} runs, {Totals.steps} steps, {len(Totals.states)} different states, {Totals.checks} checks")
