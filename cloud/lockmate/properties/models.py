"""Hotels (properties), their zones and their doors."""

from __future__ import annotations

import peewee as pw

from lockmate.db import BaseModel


class Property(BaseModel):
    """One hotel; has its own issuer keys, CA and companions."""

    property_id = pw.CharField(16, unique=True)  # 8 random bytes in hex (protocol section 1)
    name = pw.CharField(80)
    timezone = pw.CharField(40)  # IANA name
    check_in_time = pw.CharField(5, default="14:00")  # local wall time
    check_out_time = pw.CharField(5, default="12:00")
    day_use_end = pw.CharField(5, default="18:00")  # of a stay that departs on the day it arrives
    slot_seconds = pw.IntegerField(default=300)  # length of one sheaf slot
    overlap_seconds = pw.IntegerField(default=60)  # how long a token is good before and after its slot
    guest_zones = pw.BigIntegerField(default=1)  # bit i: guests' keys carry zone i
    move_grace_minutes = pw.IntegerField(default=15)  # how long the old room may still be opened in a move
    currency = pw.CharField(3, default="CNY")  # ISO 4217; what payments are taken in


class Zone(BaseModel):
    """A set of doors; `bit` 0..31 is its bit in a token's zones."""

    property = pw.ForeignKeyField(Property, backref="zones", on_delete="CASCADE")
    property_id: int
    bit = pw.IntegerField()
    name = pw.CharField(40)

    class Meta:
        indexes = ((("property", "bit"), True),)


class Door(BaseModel):
    """A room or a common door."""

    property = pw.ForeignKeyField(Property, backref="doors", on_delete="CASCADE")
    property_id: int
    number = pw.BigIntegerField()  # u32, never 0; what tokens carry
    name = pw.CharField(40)  # what people say: "801", "Gym"
    door_class = pw.CharField(8)  # "room" | "common"
    zones = pw.BigIntegerField(default=0)  # bit i: door lies in zone i

    class Meta:
        indexes = ((("property", "number"), True), (("property", "name"), True))
