"""A pytest plugin: one real Chromium for all page tests of a run, of the cloud and of the tools."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tools.hotel import chromium as real

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser, one for the whole of a test process."""
    with real.browser() as browser:
        yield browser
