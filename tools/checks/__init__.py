"""Checks of the tree itself: what `make lint` and the test runs rely on besides ruff, mypy and import-linter."""
