"""The board's `/main.py`: finishes a provisioning that was cut off, picks the firmware's slot, and starts it.

Slots `a` and `b` are the halves of the flash's ROMFS, whose code is run where it lies; folders `/a` and `/b` where
MicroPython was built without that. An update is written beside what runs; the file `/slot` names the one to start.
`/hold` keeps the firmware from starting, once: an installer's tool has work to do, and a watchdog that runs can't be
stopped. `/provision` holds files to be put in place; the name `done` in it says that all are there.
"""

import gc
import os
import sys

import vfs

FOLDER = "/firmware"


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
    """The name of the slot to start."""
    try:
        with open("/slot") as chosen:
            return "b" if chosen.read(1) == "b" else "a"
    except OSError:
        return "a"


def halves() -> "tuple[memoryview, memoryview] | None":
    """The memory of slots `a` and `b`, None on a board without a ROMFS."""
    try:
        if not vfs.rom_ioctl(1):
            return None
        whole = memoryview(vfs.rom_ioctl(2, 0))
    except (AttributeError, OSError, TypeError):
        return None
    half = len(whole) // 2
    return whole[:half], whole[half:]


def firmware() -> str:
    """The folder with the firmware to start. A slot with nothing in it that can be mounted gives way to the other."""
    name = slot()
    memory = halves()
    if memory is None:
        return "/" + name
    for half in memory if name == "a" else (memory[1], memory[0]):
        try:
            vfs.mount(vfs.VfsRom(half), FOLDER)
            break
        except (OSError, ValueError):
            pass
    return FOLDER


def forget() -> None:
    """Whoever works on the board resets it on purpose: those restarts count for nothing."""
    try:
        __import__("machine").RTC().memory(b"")
    except (ImportError, AttributeError):
        pass  # a simulated board has no such memory


def start() -> None:
    """Run the firmware, unless somebody asked to be left alone with the board."""
    gc.threshold(4096)  # modules loaded into the holes of a heap leave none in between
    sys.path.insert(0, firmware())
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
