"""Root of the test runs: loads the plugin that times each layer."""

from __future__ import annotations

pytest_plugins = ["tools.checks.layers"]
