"""The one clock of the cloud. Tests may move it: a file holds an offset in milliseconds."""

from __future__ import annotations

import time

from lockmate import settings


def now_ms() -> int:
    """Milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000 + _offset_ms()


def now_s() -> int:
    """Seconds since 1970, UTC, rounded down."""
    return now_ms() // 1000


def _offset_ms() -> int:
    """Nothing, unless the test clock is on; settings refuse it outside tests."""
    try:
        file = settings.current().test_clock
    except settings.SettingsError:
        return 0
    if file is None:
        return 0
    try:
        return int(file.read_text("ascii") or "0")
    except FileNotFoundError:
        return 0
