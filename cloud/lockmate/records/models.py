"""The audit trail of the doors, as they signed it."""

from __future__ import annotations

import peewee as pw

from lockmate.db import BaseModel
from lockmate.doors.models import Companion
from lockmate.properties.models import Door, Property


class Event(BaseModel):
    """One line of a companion's journal; `line` keeps the exact bytes its tag was made over."""

    property = pw.ForeignKeyField(Property, on_delete="CASCADE")
    property_id: int
    companion = pw.ForeignKeyField(Companion, backref="events", on_delete="CASCADE", index=False)
    companion_id: int
    door = pw.ForeignKeyField(Door, null=True, backref="events", on_delete="SET NULL", index=False)
    door_id: int | None
    log = pw.CharField(16)
    seq = pw.BigIntegerField()
    tag = pw.CharField(16)
    line = pw.BlobField()
    at = pw.BigIntegerField()  # seconds, the door's lower bound
    unsure = pw.BigIntegerField(null=True)  # seconds; null while the door had lost the time
    kind = pw.CharField(16)
    road = pw.CharField(6, default="")
    verdict = pw.CharField(16, default="")
    key_id = pw.CharField(16, default="")
    generation = pw.BigIntegerField(null=True)
    card = pw.CharField(40, default="")
    count = pw.IntegerField(default=1)
    received_at = pw.BigIntegerField()

    class Meta:
        # Each index is written once for each line, and at another place for each door: no two begin alike.
        indexes = (
            (("companion", "log", "seq"), True),
            (("door", "id"), False),
            (("key_id",), False),
        )


class Disputed(BaseModel):
    """A line that may not enter the trail: same identity with other bytes, bad tag, unknown or retired companion."""

    companion_id = pw.CharField(32, index=True)
    # "bad_tag" | "other_bytes" | "unknown_companion" | "retired" | "other_property" | "malformed" | "more"
    reason = pw.CharField(24)
    line = pw.BlobField()
    received_at = pw.BigIntegerField()  # the first time
    count = pw.IntegerField(default=1)  # how often it came; "more": how many others came that are not kept


class Alarm(BaseModel):
    """Something that a person must look at; one row of a kind and subject, however often it is told."""

    property = pw.ForeignKeyField(Property, on_delete="CASCADE")
    property_id: int
    door = pw.ForeignKeyField(Door, null=True, on_delete="SET NULL")
    door_id: int | None
    kind = pw.CharField(20)
    subject = pw.CharField(80)  # which one: "event 12 0123456789abcdef 411", "companion c-801"
    details = pw.TextField(default="{}")  # JSON, for the sentence
    raised_at = pw.BigIntegerField()
    told_at = pw.BigIntegerField()  # the last time
    count = pw.IntegerField(default=1)
    over_at = pw.BigIntegerField(null=True)  # when what it tells of had ended by itself
    acked_at = pw.BigIntegerField(null=True)
    acked_by = pw.CharField(60, default="")
    note = pw.CharField(120, default="")

    class Meta:
        indexes = ((("property", "kind", "subject"), True), (("property", "acked_at", "told_at"), False))


class Mark(BaseModel):
    """How far a piece of work that goes through the trail has come."""

    name = pw.CharField(20, unique=True)
    value = pw.BigIntegerField(default=0)
