"""A person at the laptop: reads what `lockmate-installer accept` shows on a terminal, and does it at a virtual door.

The codes are read off the screen as a door's reader does it, from light and dark, and never taken from a variable.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import threading
from pathlib import Path

import zxingcpp
from PIL import Image

from tools.installer.say import catalogue
from tools.virtual_board.door import Hands

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_INKS = {" ": (0, 0), "▀": (255, 0), "▄": (0, 255), "█": (255, 255)}
_ASKS = b"[y/N]: "
_SHOWN = ("valid", "expired", "tampered", "wrong_door", "swapped")  # with a code
_SIZE = (30, 200)  # lines, letters
_ZOOM = 6
_AGAIN_S = 8.0
_PATIENCE_S = 120.0  # a person gives up, too


class Walk:
    """One run of the command, on a terminal of its own. `screen`: the lines that it showed, without colours."""

    def __init__(self, hands: Hands, home: Path, language: str = "en") -> None:
        self.screen: list[str] = []
        self._hands = hands
        self._home = home
        self._words = catalogue(language)
        self._language = language
        self._code: list[str] = []
        self._check = ""

    def accept(self, door: int, *words: object) -> int:
        """Walk through the acceptance of a door; the command's exit code."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *_SIZE, 0, 0))
        around = {**os.environ, "LOCKMATE_INSTALLER_HOME": str(self._home), "LOCKMATE_LANGUAGE": self._language,
                  "TERM": "xterm-256color"}  # fmt: skip
        command = [sys.executable, "-m", "tools.installer", "accept", str(door), *map(str, words)]
        with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=around) as running:
            patience = threading.Timer(_PATIENCE_S, running.kill)
            patience.start()
            os.close(slave)
            line = b""
            with contextlib.suppress(OSError), os.fdopen(master, "r+b", buffering=0) as screen:  # it ends with an error
                while True:
                    if not select.select([screen], [], [], _AGAIN_S)[0]:
                        self._try_again()
                        continue
                    letter = screen.read(1)
                    line += letter
                    if letter == b"\n":
                        self._read(_plain(line).rstrip("\r\n"))
                        line = b""
                    elif letter == b" " and line.endswith(_ASKS):
                        screen.write(b"y\n" if self._answer(_plain(line)) else b"n\n")
            patience.cancel()
        return running.returncode

    def _try_again(self) -> None:
        """Nothing happened for a while: whoever stands there does it once more."""
        if self._check and self._check not in _SHOWN:
            self._hands.step({"name": self._check}, "")

    def _answer(self, question: str) -> bool:
        return self._hands.ask(next(name for name, text in self._words["ask"].items() if question.startswith(text)))

    def _read(self, line: str) -> None:
        """A whole line: a step, a row of a code, or a check that has passed."""
        self.screen.append(line)
        if is_code(line):
            self._code.append(line)
            if len(self._code) * 2 > len(line):
                code, self._code = _scanned(self._code), []
                self._hands.step({"name": self._check}, code)
            return
        for name, text in self._words["check"].items():
            if line == text:
                self._check = name
                if name not in _SHOWN:
                    self._hands.step({"name": name}, "")
        for name, text in self._words["name"].items():
            for mark, state in (("✓ ", "passed"), ("– ", "absent")):
                if line.startswith(mark + text):
                    self._hands.passed({"name": name, "state": state, "note": ""})


def is_code(line: str) -> bool:
    """Whether a line of the screen is part of a code."""
    return bool(line) and set(line) <= set(_INKS)


def _plain(line: bytes) -> str:
    return _ESCAPES.sub("", line.decode(errors="replace"))


def _scanned(rows: list[str]) -> str:
    """The text of a code on the screen, from its light and dark."""
    picture = Image.new("L", (len(rows[0]), 2 * len(rows)))
    for y, row in enumerate(rows):
        for x, letter in enumerate(row):
            for half in (0, 1):
                picture.putpixel((x, 2 * y + half), _INKS[letter][half])
    large = picture.resize((picture.width * _ZOOM, picture.height * _ZOOM), Image.Resampling.NEAREST)
    read = zxingcpp.read_barcodes(large)
    if len(read) != 1:
        raise ValueError("no code can be read on the screen")
    return str(read[0].text)
