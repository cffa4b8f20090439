# mypy: ignore-errors
# (this runs in MicroPython)
"""Runs in MicroPython, as its own start does on a board: maps the firmware's ROMFS image, mounts it, and runs it.

`--rom FILE` of the command line names the image. It lies outside the heap, as in a board's flash: code in it is run
where it lies. MicroPython's unix build has VfsRom, but no partition to look for one.
"""

import gc
import os
import sys

import ffi
import uctypes
import vfs

_READ = 1  # PROT_READ; MAP_PRIVATE is 2


def mapped(path):
    """The bytes of a file, mapped into memory."""
    libc = ffi.open(None)
    opened = libc.func("i", "open", "si")(path, 0)
    size = os.stat(path)[6]
    address = libc.func("P", "mmap", "PLiiil")(0, size, _READ, 2, opened, 0)
    return uctypes.bytearray_at(address, size)


gc.threshold(4096)  # as a board's start.py does
vfs.mount(vfs.VfsRom(mapped(sys.argv[sys.argv.index("--rom") + 1])), "/rom")
sys.path.insert(0, "/rom")
__import__("companion.main")
