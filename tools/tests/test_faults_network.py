"""A sample of the network's faults, on real parts: `make faults ONLY=network` has the long run, and judges times."""

from __future__ import annotations

import pytest

from tools.faults import network
from tools.faults.tally import Tally


@pytest.mark.broker
def test_a_door_opens_through_every_kind_of_fault_and_everything_comes_home_exactly_once() -> None:
    tally = Tally("network")
    network.sample(tally, ("garbled", "broker_killed", "own_certificate_expired"))
    assert tally.tried == 3
    assert tally.violations == []
    assert tally.checks > 15
