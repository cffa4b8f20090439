"""MicroPython's first file on a companion: the file system, or what is right without one.

The port's own file of this name prints for ever when it can't be mounted: the door would stay shut until the board
is flashed again. Here the firmware starts from the ROMFS, opens by what its raw flash holds, and says so.
"""

import vfs
from flashbdev import bdev


def blank() -> bool:
    """Whether nothing was ever written: a board that was flashed just now."""
    first = bytearray(bdev.ioctl(5, 0))
    bdev.readblocks(0, first)
    return all(byte == 0xFF for byte in first)


def boot() -> None:
    """Mount the file system, make it on a blank part, or start the firmware without one."""
    if not bdev:
        return
    try:
        vfs.mount(bdev, "/")
    except OSError:
        if blank():
            __import__("inisetup").setup()
        else:
            __import__("start").start()


boot()
