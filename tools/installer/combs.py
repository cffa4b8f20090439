"""Comb tables of the keys that a companion trusts, on its flash before its first scan asks for one.

They are public and carry their own checksum, so they go to their place at once, outside the folder of a provisioning:
cut off in the middle, they are tables of keys that nobody trusts yet.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from companion.core.fields import HEAD, Refused
from companion.core.policy import read_trust
from tools import tables
from tools.installer import on_board
from tools.installer.board import Board, Report
from tools.installer.trouble import Trouble

FOLDER = "/tables"
_WIDE = ("x64",)  # 64-bit words: the native engine is for 32 bits


@dataclass(frozen=True, slots=True)
class Laid:
    """engine: which the board chose; tables: how many of them its firmware took."""

    engine: str
    tables: int


def trusted(files: dict[str, bytes]) -> list[bytes]:
    """The keys, 32 bytes each, that a companion with these files trusts when it starts. Raises Trouble `not_taken`."""
    config = json.loads(files["/config.json"])
    policy = files.get("/policy")
    listed = [config["trust"], *([json.loads(policy[HEAD:])["trust"]] if policy else [])]
    try:
        keys = {trust.key for entries in listed for trust in read_trust(entries)}
    except Refused as refused:
        raise Trouble("not_taken", companion=config.get("companion_id")) from refused
    return sorted(keys)


def lay(board: Board, report: Report, public_keys: Iterable[bytes], companion: str) -> Laid:
    """Put the tables of these keys on the board, and let its own firmware say which engine it runs and what it took.

    Tables of other keys are removed. Raises Trouble; `bad_key` for a key that no door takes.
    """
    keys = list(public_keys)
    guessed = "plain" if report.arch in _WIDE else "viper"
    laid = _lay(board, report, keys, guessed)
    if laid.engine != guessed:  # its known-answer test chose otherwise
        laid = _lay(board, board.report(), keys, laid.engine)
    if laid.tables != len(tables.used(keys, laid.engine)):
        raise Trouble("not_taken", companion=companion)
    return laid


def engine(board: Board) -> str | None:
    """Which engine the firmware in the slot that starts chooses; None if it can't be run here. Raises Trouble."""
    board.freshen()
    try:
        chosen: str = board.run(on_board.TABLES % (FOLDER, 0, []))[0]
    except Trouble as trouble:
        if trouble.code != "board_said":
            raise
        return None
    finally:
        board.freshen()
    return chosen


def _lay(board: Board, report: Report, keys: list[bytes], engine: str) -> Laid:
    try:
        made = tables.files(keys, engine)
    except ValueError as error:
        raise Trouble("bad_key", why=error) from error
    stale = sorted(set(report.tables) - set(made))
    board.remove(*(f"{FOLDER}/{name}" for name in stale))
    board.replace_all({f"{FOLDER}/{name}": content for name, content in made.items()})
    size = len(next(iter(made.values()))) - tables.AROUND
    board.freshen()
    took, count = board.run(on_board.TABLES % (FOLDER, size, tables.used(keys, engine)))
    board.freshen()  # the firmware's modules leave little room for what comes next
    return Laid(took, count)
