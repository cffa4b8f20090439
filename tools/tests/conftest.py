"""What tests of a door on its line share: the broker of their `authority`, and the cloud behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.tests.cloud_parts import Hotel
from tools.tests.net_parts import Broker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tools.tests.net_parts import Authority


@pytest.fixture
def broker(authority: Authority, tmp_path: Path) -> Iterator[Broker]:
    """A running broker."""
    made = Broker(tmp_path / "broker", authority)
    made.start()
    yield made
    made.kill()


@pytest.fixture
def hotel(broker: Broker) -> Iterator[Hotel]:
    """The cloud's side."""
    made = Hotel(broker)
    yield made
    made.close()
