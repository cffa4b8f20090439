"""What the cloud has written down, read past the cloud's own code: the database file, and every event's tag."""

from __future__ import annotations

import hashlib
import hmac
import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


class Books:
    """Read-only questions to the database of a run."""

    def __init__(self, database: Path) -> None:
        self._uri = f"file:{database}?mode=ro"

    def rows(self, question: str, *values: object) -> list[dict[str, Any]]:
        """The rows of a SELECT."""
        with closing(sqlite3.connect(self._uri, uri=True, timeout=10)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(question, values)]

    def events(self, companion_id: str) -> list[dict[str, Any]]:
        """Every event of a companion, in the order of its journal."""
        return self.rows(
            "SELECT e.log, e.seq, e.tag, e.line, e.kind, e.verdict, e.key_id, e.road, e.count FROM event e"
            " JOIN companion c ON c.id = e.companion_id WHERE c.companion_id = ? ORDER BY e.id", companion_id)

    def companion(self, companion_id: str) -> dict[str, Any]:
        """What the cloud believes of a companion."""
        return self.rows("SELECT * FROM companion WHERE companion_id = ?", companion_id)[0]

    def newest_policy(self, door: int) -> int:
        """The version of the newest policy signed for a door, by its number."""
        found = self.rows("SELECT max(p.version) AS version FROM policy p JOIN door d ON d.id = p.door_id"
                          " WHERE d.number = ?", door)
        return int(found[0]["version"] or 0)

    def disputed(self) -> int:
        """How many lines the cloud would not let into the trail."""
        return int(self.rows("SELECT count(*) AS n FROM disputed")[0]["n"])

    def issuer_keys(self) -> dict[int, bytes]:
        """Public keys by slot."""
        return {row["slot"]: bytes.fromhex(row["public"]) for row in self.rows("SELECT slot, public FROM issuer_key")}


def trail_faults(events: list[dict[str, Any]], link_key: bytes) -> list[str]:
    """What is wrong with a companion's trail: gaps, doubles, lines whose tag its link key did not make."""
    wrong = []
    seen: dict[str, list[int]] = {}
    for event in events:
        line = bytes(event["line"])
        tag = hmac.new(link_key, line, hashlib.sha256).hexdigest()[:16]
        if not hmac.compare_digest(tag, event["tag"]):
            wrong.append(f"event {event['seq']}: its tag is {event['tag']}, made over the line it would be {tag}")
        facts = json.loads(line)
        if (facts["log"], facts["seq"], facts["kind"]) != (event["log"], event["seq"], event["kind"]):
            wrong.append(f"event {event['seq']}: its columns differ from its line {line.decode()}")
        seen.setdefault(event["log"], []).append(event["seq"])
    for log, seqs in seen.items():
        if len(set(seqs)) < len(seqs):
            wrong.append(f"log {log}: stored twice: {sorted({seq for seq in seqs if seqs.count(seq) > 1})}")
        missing = sorted(set(range(1, max(seqs) + 1)) - set(seqs))
        if missing:
            wrong.append(f"log {log}: missing {missing}")
    return wrong
