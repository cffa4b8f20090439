# mypy: ignore-errors
# (this runs in MicroPython)
"""Starts the firmware in a process of its own: everything is imported before, so that a start costs little."""

import sys

import board

import companion.early
import companion.net.uplink  # noqa: F401
from companion.core import ed25519
from companion.door import entry
from companion.store import journal as journals

_HANGS_S = 60


class _Known(entry.Entry):
    """An entrance that tells who its parts are."""

    def __init__(self, beliefs, clock, journal, *rest):
        super().__init__(beliefs, clock, journal, *rest)
        board.Board.beliefs = beliefs
        board.Board.clock = clock
        board.Board.journal = journal


entry.Entry = _Known
ed25519.engine()


def boot(flash, script, moved, written=None, hangs_s=_HANGS_S):
    """In a child of this process: the firmware on that flash, `script(board)` at its door. Its exit code."""
    child = board.fork()
    if child:
        status = bytearray(4)
        board.waitpid(child, status, 0)
        return status[1] if status[0] == 0 else -status[0]
    try:
        board.alarm(hangs_s)
        board.Board.flash = flash
        board.Board.script = lambda door: script(door)  # a bound method would not be bound again
        board.Board.moved = lambda door: moved(door)
        if written is not None:
            journals.Journal.write = _telling(journals.Journal.write, written)
        __import__("companion.main")
    except BaseException as failed:
        sys.print_exception(failed)
    return board.leave(5)


def _telling(write, written):
    def told(self, kind, **fields):
        seq = write(self, kind, **fields)
        written(self, seq)
        return seq

    return told
