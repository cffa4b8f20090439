"""Root of the test runs: loads the plugins that time each layer and bring the browser."""

from __future__ import annotations

pytest_plugins = ["tools.checks.layers", "tools.checks.chromium"]
