"""What the board on the cable is and holds, for `status`; a firmware that ran runs again afterwards."""

from __future__ import annotations

import contextlib
from typing import Any

from tools.installer import combs
from tools.installer.board import open_board
from tools.installer.trouble import Trouble


def at(port: str) -> dict[str, Any]:
    """Facts by name. `engine`: what verifies its codes by its own known-answer test, None without a firmware.

    Raises Trouble.
    """
    with open_board(port) as board:
        ran = board.quiet()
        try:
            report = board.report()
            engine = combs.engine(board) if report.firmware else None
        except BaseException:
            with contextlib.suppress(Trouble):
                board.restart()  # whatever it was: a door is not left standing
            raise
        if ran or report.companion_id:
            board.restart()
    return {
        "serial": report.serial, "chip": report.chip, "micropython": report.micropython, "romfs": report.rom > 0,
        "memory": report.memory, "slot": report.slot, "companion": report.companion_id,
        "door": report.config.get("door"), "free": report.free, "engine": engine,
        "tables": sum(report.tables.values()),
    }  # fmt: skip
