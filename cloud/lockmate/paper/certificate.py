"""The certificate of acceptance on paper: what the signed JSON says, with that JSON and its signature attached."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from lockmate.paper.sheet import Sheet, texts

_LEFT, _WIDTH, _LABEL = 20.0, 170.0, 62.0


def certificate(document: bytes, signature: bytes, timezone: str) -> bytes:
    """A page of A4 (PDF) for a signed acceptance document. Raises FontMissing."""
    facts: dict[str, Any] = json.loads(document)
    words = texts()["certificate"]
    at = datetime.fromtimestamp(facts["finished_at"] / 1000, ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M %Z")
    page = Sheet()
    page.set_title(f"{words['title']} {facts['door']['name']}")
    page.add_page()
    y = page.write_at(_LEFT, 20, _WIDTH, words["title"], points=20, bold=True) + 6
    companion = facts["companion"]
    for label, value in (
        ("property", facts["property"]["name"]),
        ("door", f"{facts['door']['name']}  ({facts['door']['number']})"),
        ("companion", companion["id"]),
        ("board", f"{companion['chip']}  {companion['board']}  firmware {companion['firmware']}"),
        ("certificate", companion["certificate"]),
        ("by", facts["by"]),
        ("at", at),
    ):
        page.write_at(_LEFT, y, _LABEL, words[label], points=9)
        y = page.write_at(_LEFT + _LABEL, y, _WIDTH - _LABEL, value, points=11, bold=label == "door") + 2
    page.write_at(_LEFT + 100, y + 7, _WIDTH - 100, words["evidence"], points=8, align="R")
    y = page.write_at(_LEFT, y + 5, _WIDTH, words["checks"], points=13, bold=True) + 2
    for check in facts["checks"]:
        y = _check(page, y, check, words)
    y = page.write_at(_LEFT, y + 6, _WIDTH, words["digest"], points=8)
    y = page.write_at(_LEFT, y, _WIDTH, hashlib.sha256(document).hexdigest(), points=9) + 2
    page.write_at(_LEFT, y, _WIDTH, words["signed"], points=8, lines=3)
    page.embed_file(bytes=document, basename="acceptance.json", mime_type="application/json")
    page.embed_file(bytes=signature, basename="acceptance.json.sig", mime_type="application/octet-stream")
    return page.bytes()


def _check(page: Sheet, y: float, check: dict[str, Any], words: dict[str, str]) -> float:
    seen = check["evidence"]
    line = f"{seen['log'][:8]}… {seen['seq']}" if seen else check["note"]
    page.write_at(_LEFT, y, 82, texts()["check"].get(check["name"], check["name"]), points=9)
    state = check["state"]
    absent = state == "absent"
    page.write_at(_LEFT + 82, y, 58 if absent else 30, words.get(state, state), points=9, bold=state == "passed")
    if not absent:
        page.write_at(_LEFT + 112, y, 28, words[check["how"]], points=9)
    page.write_at(_LEFT + 140, y, 30, line, points=8, align="R")
    return y + 6
