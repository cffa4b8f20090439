"""Modules that are there only while they are wanted, once in years: their room on the heap is free in between."""

import sys


def unload(*names: str) -> None:
    """Forget modules: from the table, and from the package that holds them."""
    for name in names:
        package, _, last = name.rpartition(".")
        sys.modules.pop(name, None)
        if package in sys.modules and hasattr(sys.modules[package], last):
            delattr(sys.modules[package], last)
