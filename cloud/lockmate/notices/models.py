"""What holders were told."""

from __future__ import annotations

import json

import peewee as pw

from lockmate.db import BaseModel
from lockmate.keys.models import Holder


class Notice(BaseModel):
    """One thing that a holder is told; the words are in the catalogue, under its kind."""

    holder = pw.ForeignKeyField(Holder, backref="notices", on_delete="CASCADE")
    holder_id: int
    kind = pw.CharField(12)  # "claimed" | "issued" | "changed" | "moved" | "ended" | "reissued"
    facts = pw.TextField(default="{}")  # JSON: hotel, room, order, starts_at, ends_at, timezone, …
    made_at = pw.BigIntegerField()
    read_at = pw.BigIntegerField(null=True)

    class Meta:
        indexes = ((("holder", "id"), False),)

    @property
    def told(self) -> dict[str, object]:
        """The facts that fill its words."""
        told: dict[str, object] = json.loads(self.facts)
        return told
