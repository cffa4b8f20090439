"""A pytest plugin: one real Chromium for all page tests of a run, of the cloud and of the tools."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# The same engine as Debian's chromium without its windows, which cost half of the time of a page test.
PROGRAM = "chromium-headless-shell"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser. One for the whole run: a second Playwright would find the first one's loop running."""
    from playwright.sync_api import sync_playwright

    program = shutil.which(PROGRAM)
    assert program, f"{PROGRAM} is not installed; run make setup"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()
