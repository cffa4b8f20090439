"""The raw REPL that MicroPython's unix port has none of: raw mode, raw paste, soft reset, byte for byte.

Behaviour after MicroPython's own `shared/runtime/pyexec.c` (documented in its docs/reference/repl.rst). Arguments:
FLASH TABLE MODE IDENTITY AIR. TABLE has (offset, size) by label; MODE is `friendly`, or `raw` as before a soft reset.
It tells its pump on standard error whether code runs (`E`) or the prompt waits (`I`), so that Ctrl-C becomes an
interrupt at the right time.
"""

import gc
import json
import os
import sys

import esp32
import flash
import machine
import network
import romfs
import vfs

SOFT_RESET = 4
_WINDOW = 127  # of raw paste: half of the board's input buffer of 256 bytes, less one
_stdin = sys.stdin.buffer
_stdout = sys.stdout.buffer


def _mount(device: flash.Partition) -> None:
    """The board's own file system becomes the root, formatted at the first boot, as the ESP32 port does it."""
    try:
        root = vfs.VfsLfs2(device, mtime=False)
    except OSError:
        vfs.VfsLfs2.mkfs(device)
        root = vfs.VfsLfs2(device, mtime=False)
    vfs.umount("/")
    vfs.mount(root, "/")
    os.chdir("/")
    sys.path[:] = ["", "/lib", ".frozen"]
    sys.argv[:] = []


def _byte() -> int:
    got = _stdin.read(1)
    if not got:
        sys.exit(0)  # the cable's other end is gone for good
    return got[0]


def _say(text: bytes) -> None:
    _stdout.write(text)


def _state(letter: str) -> None:
    sys.stderr.write(letter)


class _Exit(Exception):
    """Leave this REPL; `code` as the process's exit code, or None for the other REPL."""

    def __init__(self, code: int | None) -> None:
        super().__init__()
        self.code = code


def _paste() -> bytes:
    """Raw paste: the code, with flow control by windows of 127 bytes."""
    _say(b"R\x01" + bytes([_WINDOW, 0]) + b"\x01")
    code = bytearray()
    left = _WINDOW
    while True:
        c = _byte()
        if c == 3:
            raise KeyboardInterrupt
        if c == 4:
            _say(b"\x04")
            return bytes(code)
        code.append(c)
        left -= 1
        if left == 0:
            _say(b"\x01")
            left = _WINDOW


def _run(code: bytes, names: dict) -> None:
    """Run code as both raw modes do: its output, 0x04, what went wrong, 0x04."""
    try:
        _state("E")
        try:
            exec(compile(code, "<stdin>", "exec"), names)
        finally:
            _state("I")
        _say(b"\x04")
    except SystemExit as asked:
        if asked.args and asked.args[0] == machine.RESET:
            raise
        raise _Exit(SOFT_RESET) from None
    except BaseException as failed:
        _say(b"\x04")
        sys.print_exception(failed, sys.stdout)
    _say(b"\x04")
    gc.collect()


def _raw(names: dict) -> None:
    while True:
        _say(b"raw REPL; CTRL-B to exit\r\n")
        again = True
        while again:
            again = _raw_prompt(names)


def _raw_prompt(names: dict) -> bool:
    """One prompt of raw mode; False if it shall be announced anew."""
    _say(b">")
    line = bytearray()
    while True:
        c = _byte()
        if c == 1:
            if len(line) == 2 and line[0] == 5:
                if line[1] == 65:
                    try:
                        code = _paste()
                    except KeyboardInterrupt:
                        _say(b"\x04\x04")
                        return True
                    _run(code, names)
                else:
                    _say(b"R\x00")
                return True
            return False
        if c == 2:
            _say(b"\r\n")
            raise _Exit(None)
        if c == 3:
            line = bytearray()
        elif c == 4:
            break
        else:
            line.append(c)
    _say(b"OK")
    if not line:
        _say(b"\r\n")
        raise _Exit(SOFT_RESET)
    _run(bytes(line), names)
    return True


def _friendly() -> None:
    """Enough of the friendly REPL to answer a key, to go into raw mode and to reset."""
    _say(b"MicroPython %s; virtual board\r\nType \"help()\" for more information.\r\n>>> " % sys.version.encode())
    while True:
        c = _byte()
        if c == 1:
            return
        if c == 3 or c == 13:
            _say(b"\r\n>>> ")
        elif c == 4:
            raise _Exit(SOFT_RESET)


def main() -> None:
    """Until a reset of either kind ends the process."""
    path, table, mode, identity, air = sys.argv[1:6]
    esp32.table.update(json.loads(table))
    esp32.chip.append(open(path, "r+b"))
    machine._identity[0] = bytes.fromhex(identity)
    network.air.update(json.loads(air))
    if "romfs" in esp32.table:
        romfs.put_on(path, *esp32.table["romfs"])
    _mount(flash.Partition(esp32.chip[0], *esp32.table["vfs"]))
    names = {"__name__": "__main__"}
    raw = mode == "raw"
    while True:
        try:
            if not raw:
                _friendly()
            raw = True
            _raw(names)
        except _Exit as end:
            if end.code is not None:
                _say(b"MPY: soft reboot\r\n")
                sys.exit(end.code)
            raw = False
        except KeyboardInterrupt:
            pass  # between two commands: the prompt comes again


main()
