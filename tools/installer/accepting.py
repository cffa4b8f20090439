"""The guided acceptance: shows codes, asks only what nothing senses, and watches what the door tells its cloud."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import segno

from tools.installer.cloud import Cloud, write_private
from tools.installer.trouble import Trouble

_LOOK_S = 0.5


class Guide(Protocol):
    """Who stands at the door: a person at the laptop, or a test with its hands on a virtual one."""

    def step(self, check: dict[str, Any], code: str) -> None:
        """A check comes up; `code`: what is to be scanned for it, "" where nothing is."""

    def ask(self, check: str) -> bool:
        """Whether it was seen (light, sound, and the bolt where nothing senses it)."""

    def passed(self, check: dict[str, Any]) -> None:
        """A check has passed, or is not made at this door."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The certificate, signed; `checks` with the state of each."""

    acceptance: int
    door: int
    companion: str
    checks: list[dict[str, Any]]
    document: bytes
    signature: bytes


def accept(cloud: Cloud, door: int, guide: Guide, *, companion: str = "", patience_s: float = 300.0,
           pause: Callable[[float], None] = time.sleep) -> Accepted:
    """Walk through every check of a door, in order. Raises Trouble `checks_missing` if one does not pass in time.

    Where another door's companion may hang here, a code for that door is shown: if it opens, `doors_swapped`.
    """
    begun = cloud.ask("POST", "/acceptances", door=door, companion=companion)
    codes, number = begun["codes"], begun["acceptance"]
    shown: set[str] = set()
    done: set[str] = set()
    since = time.monotonic()
    told = begun
    while True:
        waiting = [check for check in told["checks"] if check["state"] in ("waiting", "failed")]
        for check in told["checks"]:
            if check["state"] in ("passed", "absent") and check["name"] not in done:
                done.add(check["name"])
                guide.passed(check)
                since = time.monotonic()
        if not waiting:
            break
        if told["swapped"]:
            raise Trouble("doors_swapped", door=door, companion=told["elsewhere"])
        present = waiting[0]
        if told["elsewhere"] and told["elsewhere"] not in shown:
            shown = {told["elsewhere"]}  # what was shown before comes again if this was a false alarm
            guide.step({"name": "swapped", "how": "sensed", "state": "waiting"}, told["proof"])
            since = time.monotonic()
        elif not told["elsewhere"] and present["name"] not in shown:
            shown.add(present["name"])
            guide.step(present, codes.get(present["name"], ""))
        if present["how"] == "asked" and present["state"] == "waiting":
            seen = guide.ask(present["name"])
            told = cloud.ask("POST", f"/acceptances/{number}/answers", check=present["name"], seen=seen)
            continue
        if present["state"] == "failed" or time.monotonic() - since > patience_s:
            raise Trouble("checks_missing", checks=[check["name"] for check in waiting], note=present["note"])
        pause(_LOOK_S)
        told = cloud.ask("POST", f"/acceptances/{number}/look")
    signed = cloud.ask("POST", f"/acceptances/{number}/finish")
    return Accepted(number, door, told["companion"], told["checks"], base64.b64decode(signed["document"]),
                    base64.b64decode(signed["signature"]))


def keep(cloud: Cloud, accepted: Accepted, folder: Path) -> list[Path]:
    """The certificate as files beside each other: JSON, its signature, PDF. The cloud keeps it too."""
    stem = folder / f"acceptance-{accepted.door}-{accepted.companion}"
    pdf = cloud.fetch("GET", f"/acceptances/{accepted.acceptance}/certificate.pdf")
    parts = {".json": accepted.document, ".json.sig": accepted.signature, ".pdf": pdf}
    found = []
    for suffix, content in parts.items():
        path = stem.with_name(stem.name + suffix)
        write_private(path, content)
        found.append(path)
    return found


def drawn(code: str) -> str:
    """A token as a QR code of half blocks, the light modules drawn: 45 letters by 23 lines, a plain window."""
    matrix = segno.make(code, error="l", boost_error=False).matrix_iter(border=4)
    rows = [bytes(row) for row in matrix]
    if len(rows) % 2:
        rows.append(bytes(len(rows[0])))
    lines = []
    for upper, lower in zip(rows[::2], rows[1::2], strict=True):
        lines.append("".join(" ▄▀█"[2 * (not up) + (not low)] for up, low in zip(upper, lower, strict=True)))
    return "\n".join(lines)
