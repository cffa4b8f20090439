"""An exception as the journal may tell it: one short line, what and where, and never what it says.

Messages are left out: they may hold what the program worked on, a key or a password.
"""

import io
import sys

_LONGEST = 80


def describe(failed: BaseException) -> str:
    """Its name, a number if it carries one, and the last place of ours: `OSError 5 at door/entry.py:83`."""
    text = type(failed).__name__
    if failed.args and isinstance(failed.args[0], int):
        text += " %d" % failed.args[0]
    place = _place(failed)
    return (text + " at " + place if place else text)[:_LONGEST]


def _place(failed: BaseException) -> str:
    """Where it was raised, as file:line; empty where the interpreter does not tell."""
    if not hasattr(sys, "print_exception"):  # CPython
        return ""
    kept = io.StringIO()
    try:
        sys.print_exception(failed, kept)
    except MemoryError:
        return ""
    place = ""
    for line in kept.getvalue().split("\n")[1:]:
        if not line.startswith('  File "'):
            break  # the exception's own words begin
        name, _, rest = line[8:].partition('", line ')
        if "/" not in name:
            name = name.replace(".", "/") + ".py"  # compiled for a board, a file is called as it is imported
        place = "/".join(name.split("/")[-2:]) + ":" + rest.split(",")[0]
    return place
