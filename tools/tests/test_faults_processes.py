"""A sample of the process faults, on real parts: `make faults ONLY=processes` has the long run."""

from __future__ import annotations

import pytest

from tools.faults import processes
from tools.faults.tally import Tally


@pytest.mark.broker
def test_each_process_may_die_once_and_a_bad_week_may_follow():
    tally = Tally("processes")
    processes.run(tally, rounds=6)
    assert tally.tried == 10
    assert tally.violations == []
    assert tally.checks > 200
