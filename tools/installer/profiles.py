"""The pins profile that goes on a board: a revision of the tree by its name, or a file; checked before all else."""

from __future__ import annotations

import json
from pathlib import Path

from tools import pinout
from tools.installer.board import Report
from tools.installer.trouble import Trouble

_MOST = 5  # faults told at once


def read(word: str | None) -> str:
    """The profile's text, compact, of a revision's name or a file's; "" for None.

    Raises Trouble: `profile_unknown` if it is neither, `profile_wrong` with every misuse of a pin and its place.
    """
    if word is None:
        return ""
    if word in pinout.names():
        text = pinout.text_of(word)
    else:
        try:
            text = Path(word).read_text("utf-8")
        except FileNotFoundError:
            raise Trouble("profile_unknown", profile=word, known=", ".join(pinout.names()) or "–") from None
        except (OSError, ValueError) as error:
            raise Trouble("file_open", file=word, why=getattr(error, "strerror", None) or error) from error
    found = [str(fault) for fault in pinout.faults(text)]
    if found:
        more = [f"… {len(found)}"] if len(found) > _MOST else []
        raise Trouble("profile_wrong", profile=word, faults="; ".join(found[:_MOST] + more))
    return json.dumps(json.loads(text), separators=(",", ":"))


def fit(text: str, report: Report) -> None:
    """See that a board gets a profile, and one for its chip. A simulated board needs none.

    Raises Trouble `profile_missing` or `profile_chip`.
    """
    if report.board != "esp32":
        return
    if not text:
        raise Trouble("profile_missing", known=", ".join(pinout.names()) or "–")
    chip = json.loads(text)["chip"]
    if chip != report.chip.lower().replace("-", ""):
        raise Trouble("profile_chip", profile=chip, chip=report.chip)
