"""How many bytes of machine code a compiled MicroPython module (.mpy, version 6) holds.

The format is that of py/persistentcode.c in MicroPython 1.20 to 1.26: header, names, constants, then the code blocks
inside one another. Only what is needed to walk it is read.
"""

from __future__ import annotations

_BYTECODE, _NATIVE_PYTHON, _VIPER = range(3)
_NO_DATA = range(5)  # function table, None, False, True, ...
_STRING, _BYTES, _TUPLE = 5, 6, 10


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self) -> int:
        """Seven bits a byte, the highest first, until a byte below 128."""
        value = 0
        while True:
            byte = self.take(1)[0]
            value = value << 7 | byte & 127
            if byte < 128:
                return value

    def name(self) -> None:
        length = self.number()
        if not length & 1:  # odd: one of the interpreter's own
            self.take((length >> 1) + 1)

    def constant(self) -> None:
        kind = self.take(1)[0]
        if kind in _NO_DATA:
            return
        length = self.number()
        if kind == _TUPLE:
            for _ in range(length):
                self.constant()
        else:
            self.take(length + (kind in {_STRING, _BYTES}))

    def code(self) -> int:
        """The machine code in this block and those inside it."""
        head = self.number()
        length = head >> 3
        self.take(length)
        kind = head & 3
        if kind == _NATIVE_PYTHON:
            raise ValueError("native Python code is not used here")
        if kind == _VIPER:
            self.number()  # flags
        inside = sum(self.code() for _ in range(self.number())) if head & 4 else 0
        return inside + (length if kind == _VIPER else 0)


def size(module: bytes) -> int:
    """Bytes of machine code; ValueError if this is no such module."""
    if module[:2] != b"M\x06":
        raise ValueError("not a .mpy of version 6")
    reader = _Reader(module)
    reader.take(4)
    names = reader.number()
    constants = reader.number()
    for _ in range(names):
        reader.name()
    for _ in range(constants):
        reader.constant()
    return reader.code()
