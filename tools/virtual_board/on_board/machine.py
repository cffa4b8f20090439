"""The module `machine` of the virtual board: what an installer's commands ask of it."""

import sys

RESET = 5  # exit code: a hard reset was asked for
_identity = [b""]


def unique_id() -> bytes:
    """The six bytes of the chip's MAC address."""
    return _identity[0]


def reset() -> None:
    """A hard reset: the process ends, and the board's power supply starts another one."""
    sys.exit(RESET)
