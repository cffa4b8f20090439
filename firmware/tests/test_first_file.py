"""MicroPython's first file on a companion: mounts, makes a file system on a blank part, or starts without one."""

# runs on: micropython32 micropython

import os
import random
import sys

import check
import flash_ram
import vfs

FILE = check.FIRMWARE + "/micropython_boards/frozen/_boot.py"


class Said:
    """A module that tells of being called."""

    def __init__(self, calls, name):
        setattr(self, name, lambda: calls.append(name))


class Nowhere:
    bdev = None


class Flash:
    def __init__(self, part):
        self.bdev = part


def boots(flashbdev):
    """What the first file does with a flash: the calls it makes, and what is at the root after it."""
    with open(FILE) as file:
        text = file.read()
    calls = []
    sys.modules["flashbdev"] = flashbdev
    sys.modules["inisetup"] = Said(calls, "setup")
    sys.modules["start"] = Said(calls, "start")
    machine = vfs.VfsPosix()
    vfs.umount("/")
    try:
        exec(text, {})
        found = os.listdir("/") if flashbdev.bdev and not calls else []
        if found:
            vfs.umount("/")
    finally:
        vfs.mount(machine, "/")
        for name in ("flashbdev", "inisetup", "start"):
            del sys.modules[name]
    return calls, found


def formatted():
    part = flash_ram.Ram(16)
    vfs.VfsLfs2.mkfs(part)
    flash = vfs.VfsLfs2(part)
    with flash.open("main.py", "w") as file:
        file.write("pass")
    return part


def test_a_sound_file_system_is_mounted_and_nothing_else_is_done():
    assert boots(Flash(formatted())) == ([], ["main.py"])


def test_a_blank_part_gets_its_file_system():
    assert boots(Flash(flash_ram.Ram(16))) == (["setup"], [])


def test_a_file_system_that_does_not_mount_stops_nothing():
    part = formatted()
    for block in part.blocks[:2]:
        block[:] = bytes(random.getrandbits(8) for _ in range(len(block)))
    assert boots(Flash(part)) == (["start"], [])


def test_without_a_part_for_files_micropython_goes_on():
    assert boots(Nowhere()) == ([], [])


if __name__ == "__main__":
    check.run(globals())
