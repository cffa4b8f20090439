"""The board's `/main.py`: finishes a provisioning that was cut off, picks the firmware's slot, and starts it.

Slots are the folders `/a` and `/b`, so that an update is written beside what runs; the file `/slot` names the one
to start. `/hold` keeps the firmware from starting, once: an installer's tool has work to do, and a watchdog that
runs can't be stopped. `/provision` holds files to be put in place; the name `done` in it says that all are there.
"""

import gc
import os
import sys


def finish() -> None:
    """Put the files of a whole `/provision` in place; throw a part of one away. Safe to be cut off at any point."""
    try:
        waiting = os.listdir("/provision")
    except OSError:
        return
    whole = "done" in waiting
    for name in waiting:
        if name == "done":
            continue
        if whole:
            os.rename("/provision/" + name, "/" + name)
        else:
            os.remove("/provision/" + name)
    if whole:
        os.remove("/provision/done")
    os.rmdir("/provision")


def slot() -> str:
    """The folder of the firmware to start."""
    try:
        with open("/slot") as chosen:
            name = chosen.read(1)
    except OSError:
        name = "a"
    return "/b" if name == "b" else "/a"


def forget() -> None:
    """Whoever works on the board resets it on purpose: those restarts count for nothing."""
    try:
        __import__("machine").RTC().memory(b"")
    except (ImportError, AttributeError):
        pass  # a simulated board has no such memory


def start() -> None:
    """Run the firmware, unless somebody asked to be left alone with the board."""
    gc.threshold(4096)  # modules loaded into the holes of a heap leave none in between
    sys.path.insert(0, slot())
    try:
        __import__("shut")  # the bolt's pins come to rest before anything else can go wrong
    except ImportError:
        pass  # a board whose bolt needs none of that
    finish()
    try:
        os.remove("/hold")
    except OSError:
        __import__("companion.main")
    else:
        forget()


if __name__ == "__main__":
    start()
