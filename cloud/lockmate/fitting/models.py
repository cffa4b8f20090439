"""Codes and sessions of installers, the boards they fit, and what was accepted."""

from __future__ import annotations

import peewee as pw

from lockmate.db import BaseModel
from lockmate.doors.models import Companion
from lockmate.properties.models import Door, Property


class EnrolmentCode(BaseModel):
    """Lets one laptop in, once; the code itself is only shown on the page that made it."""

    property = pw.ForeignKeyField(Property, on_delete="CASCADE")
    property_id: int
    code_hash = pw.CharField(64, unique=True)
    actor = pw.CharField(60)  # who made it
    made_at = pw.BigIntegerField()
    ends_at = pw.BigIntegerField()
    used_at = pw.BigIntegerField(null=True)


class InstallerSession(BaseModel):
    """A laptop that was let in, known by the hash of a random secret."""

    property = pw.ForeignKeyField(Property, on_delete="CASCADE")
    property_id: int
    secret_hash = pw.CharField(64, unique=True)
    laptop = pw.CharField(40)
    actor = pw.CharField(60)
    made_at = pw.BigIntegerField()
    ends_at = pw.BigIntegerField()
    ended_at = pw.BigIntegerField(null=True)


class Board(BaseModel):
    """A piece of hardware by its MAC address, from the first time that it was flashed for this hotel."""

    property = pw.ForeignKeyField(Property, on_delete="CASCADE")
    property_id: int
    serial = pw.CharField(12)  # the MAC, hex
    chip = pw.CharField(12)
    firmware = pw.CharField(20, default="")
    digest = pw.CharField(64, default="")  # of the firmware image's manifest
    companion = pw.ForeignKeyField(Companion, null=True, on_delete="SET NULL")
    companion_id: int | None
    spare_code = pw.CharField(8, default="")  # on the housing of a spare
    flashed_at = pw.BigIntegerField(null=True)
    provisioned_at = pw.BigIntegerField(null=True)
    retired_at = pw.BigIntegerField(null=True)

    class Meta:
        indexes = ((("property", "serial"), True),)


class Acceptance(BaseModel):
    """A guided check of one companion at its door; with `document` it is passed and never changed again."""

    property = pw.ForeignKeyField(Property, on_delete="CASCADE")
    property_id: int
    door = pw.ForeignKeyField(Door, on_delete="CASCADE")
    door_id: int
    companion = pw.ForeignKeyField(Companion, on_delete="CASCADE")
    companion_id: int
    actor = pw.CharField(60)
    started_at = pw.BigIntegerField()
    first_event = pw.BigIntegerField()  # events with a higher row id count
    throws = pw.IntegerField(default=0)  # of the bolt, as the door had counted them before
    key_id = pw.CharField(16)  # of the codes shown
    codes = pw.TextField()  # JSON: what is shown for each check
    answers = pw.TextField(default="{}")  # JSON: what the person saw and heard
    asked_at = pw.BigIntegerField(default=0)  # when the door was last asked for a fresh report
    finished_at = pw.BigIntegerField(null=True)
    document = pw.BlobField(null=True)  # the exact JSON bytes that were signed
    signature = pw.BlobField(null=True)  # by the property's CA (ECDSA P-256, SHA-256, DER)
