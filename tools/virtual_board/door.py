"""A virtual board hung at a door: the firmware that the tool put on its flash runs, from the files that lie there."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tools.virtual.companion import VirtualCompanion
from tools.virtual.firmware import pack
from tools.virtual.image import read_image
from tools.virtual_board.board import VirtualBoard

_TOUCH_S = 10.0
_TRUST_S = 30.0
_AGAIN_S = 0.5
_FREE_MS = 11_000  # after an open nothing that follows is force
_AJAR_MS = 61_000
_LOCKED_OUT_MS = 2_100
_TOUCHED = {"card_open": "motor", "inside_open": "handle", "privacy": "privacy"}


@contextmanager
def hung(board: VirtualBoard, folder: Path) -> Iterator[VirtualCompanion]:
    """The companion that this board is, with power, for a while. What it writes is on the board's flash afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    image = folder / "flash.img"
    with os.fdopen(os.open(image, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(board.image())
    rom = folder / "firmware.romfs"
    rom.write_bytes(_firmware(board, read_image(image)))
    companion = VirtualCompanion(image, built=rom, log=folder / "console.log")
    try:
        with companion:
            yield companion
    finally:
        board.put_image(image.read_bytes())


def _firmware(board: VirtualBoard, files: dict[str, bytes]) -> bytes:
    """The image of the slot that starts: as it lies in the ROMFS, or packed from the folder's files."""
    slot = files.get("/slot", b"a").decode()
    both = board.partition("romfs")
    if both:
        return both[: len(both) // 2] if slot == "a" else both[len(both) // 2 :]
    return pack({name.removeprefix(f"/{slot}/"): body for name, body in files.items() if name.startswith(f"/{slot}/")})


class Hands:
    """A person at a virtual door who does what the guide says (`tools.installer.accepting.Guide`)."""

    def __init__(self, companion: VirtualCompanion) -> None:
        self._door = companion
        companion.bolt_is_felt = True
        self.done: list[str] = []
        self._scanned_at = 0

    def step(self, check: dict[str, Any], code: str) -> None:
        """Do what this check wants done."""
        name = check["name"]
        if code and self._scan(code) == "open":
            self._walk_in()
        elif name == "ajar":
            self._door.advance(_AJAR_MS)
        elif name == "forced":
            self._door.advance(_FREE_MS)
            self._door.sense("door", 1)
        elif name in _TOUCHED:
            self._door.sense(_TOUCHED[name], 1)

    def ask(self, check: str) -> bool:
        """Light and sound, as they were."""
        seen = self._door.observed
        if check == "light":
            return any(sight.get("light") == "green" for sight in seen)
        return any("sound" in sight for sight in seen) if check == "sound" else self._door.opens > 0

    def passed(self, check: dict[str, Any]) -> None:
        """It was felt: let go of what was pressed, and shut the door."""
        name = check["name"]
        self.done.append(name)
        if check["state"] == "passed" and name in ("ajar", "forced"):
            self._door.sense("door", 0)
            self._door.sense("bolt", 0)
        elif check["state"] == "passed" and name in _TOUCHED:
            self._door.sense(_TOUCHED[name], 0)

    def _scan(self, code: str) -> str:
        """Hold a code before the reader; the verdict."""
        until = time.monotonic() + _TRUST_S
        while True:
            self._scanned_at = self._door.mark()
            self._door.scan(code)
            verdict: str = self._door.wait(lambda sight: "verdict" in sight, _TOUCH_S, self._scanned_at)["verdict"]
            if verdict != "unknown_issuer" or time.monotonic() > until:
                break
            time.sleep(_AGAIN_S)  # a spare trusts guests' codes a moment after its first policy: people hold it again
        if verdict == "forged":
            self._door.advance(_LOCKED_OUT_MS)
        return verdict

    def _walk_in(self) -> None:
        """The bolt goes back with the pulse, and the door is pushed open."""
        self._door.wait(lambda sight: sight.get("bolt") == 1, _TOUCH_S, self._scanned_at)
        self._door.wait(lambda sight: sight.get("bolt") == 0, _TOUCH_S, self._scanned_at)
        self._door.sense("door", 1)
