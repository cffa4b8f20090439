"""A real Chromium for whoever looks at pages with a person's eyes: page tests, and what the smoke run prints."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@contextmanager
def browser() -> Iterator[Browser]:
    """Start it, and end it. One at a time in a process: a second Playwright would find the first one's loop running."""
    from playwright.sync_api import sync_playwright

    program = shutil.which(PROGRAM)
    if program is None:
        raise FileNotFoundError(f"{PROGRAM} is not installed; run make setup")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=program, args=FLAGS)
        try:
            yield made
        finally:
            made.close()
