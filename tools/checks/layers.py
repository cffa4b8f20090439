"""A pytest plugin: prints how many tests each layer ran and how many seconds they took, whichever process ran them."""

from __future__ import annotations

import collections
import time
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

# A layer is a folder of tests; what is marked `browser` is a layer of its own wherever it lies.
FOLDERS = {
    "firmware/tests": "firmware",
    "cloud/tests": "cloud",
    "tools/tests": "tools",
    "hil_tests": "door in the loop",
}
PAGES = "pages"
_NOTE = "layer"


def layer_of(path: PurePath, markers: set[str]) -> str:
    """The layer a test belongs to, from its path under the root and its markers."""
    if "browser" in markers:
        return PAGES
    text = path.as_posix()
    return next((name for folder, name in FOLDERS.items() if text.startswith(folder + "/")), "other")


class LayerTimes:
    """Adds up set-up, call and tear-down of each test under its layer.

    With several test processes each test's report carries its layer to the one that prints.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.begun = time.monotonic()
        self.seconds: collections.defaultdict[str, float] = collections.defaultdict(float)
        self.tests: collections.Counter[str] = collections.Counter()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Notes the layer of every test while its markers are at hand."""
        for item in items:
            path = item.path.relative_to(self.root) if item.path.is_relative_to(self.root) else item.path
            item.user_properties.append((_NOTE, layer_of(path, {mark.name for mark in item.iter_markers()})))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Adds one phase of one test."""
        layer = str(dict(report.user_properties).get(_NOTE, "other"))
        self.seconds[layer] += report.duration
        if report.when == "call" or (report.when == "setup" and report.outcome != "passed"):
            self.tests[layer] += 1

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Prints the table above pytest's own closing line."""
        if not self.tests:
            return
        terminalreporter.section("seconds of each layer")
        for layer in sorted(self.tests):
            terminalreporter.write_line(f"{layer:<18}{self.tests[layer]:>6} tests{self.seconds[layer]:>10.1f} s")
        whole = time.monotonic() - self.begun
        terminalreporter.write_line(f"{'by the clock':<18}{self.tests.total():>6} tests{whole:>10.1f} s")


def pytest_configure(config: pytest.Config) -> None:
    """Registers the plugin once for a run."""
    config.pluginmanager.register(LayerTimes(config.rootpath), "lockmate-layers")
