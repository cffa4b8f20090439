"""The cloud of Lockmate: issues keys, tells doors what to believe, and shows the desk what is true."""

from __future__ import annotations

__version__ = "0.1.0"
