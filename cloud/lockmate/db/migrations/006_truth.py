"""Requests done once, what a door is ahead by, schedules and renewals, issuer keys that come and go, alarms."""

from __future__ import annotations

import peewee as pw
from peewee_migrate import Migrator


def migrate(migrator: Migrator, database: pw.Database, *, fake=False):
    """Up."""

    migrator.add_fields(
        "door_rules",
        beyond=pw.BigIntegerField(default=0),
        schedule=pw.TextField(default="[]"),
        renew_at=pw.BigIntegerField(null=True),
    )
    migrator.add_fields("companion", resent_at=pw.BigIntegerField(default=0))
    migrator.add_fields(
        "issuer_key", state=pw.CharField(default="signing", max_length=8), last_exp=pw.BigIntegerField(default=0)
    )
    migrator.add_fields("property", overlap_seconds=pw.IntegerField(default=60))

    @migrator.create_model
    class Request(pw.Model):
        id = pw.AutoField()
        property = pw.ForeignKeyField(
            column_name="property_id", field="id", model=migrator.orm["property"], on_delete="CASCADE"
        )
        key = pw.CharField(max_length=80)
        verb = pw.CharField(max_length=40)
        print = pw.CharField(max_length=32)
        result = pw.TextField(default="")
        at = pw.BigIntegerField()

        class Meta:
            table_name = "request"
            indexes = (
                (("property", "key"), True),
                (("at",), False),
            )

    @migrator.create_model
    class Alarm(pw.Model):
        id = pw.AutoField()
        property = pw.ForeignKeyField(
            column_name="property_id", field="id", model=migrator.orm["property"], on_delete="CASCADE"
        )
        door = pw.ForeignKeyField(
            column_name="door_id", field="id", model=migrator.orm["door"], null=True, on_delete="SET NULL"
        )
        kind = pw.CharField(max_length=20)
        subject = pw.CharField(max_length=80)
        details = pw.TextField(default="{}")
        raised_at = pw.BigIntegerField()
        told_at = pw.BigIntegerField()
        count = pw.IntegerField(default=1)
        over_at = pw.BigIntegerField(null=True)
        acked_at = pw.BigIntegerField(null=True)
        acked_by = pw.CharField(default="", max_length=60)
        note = pw.CharField(default="", max_length=120)

        class Meta:
            table_name = "alarm"
            indexes = (
                (("property", "kind", "subject"), True),
                (("property", "acked_at", "told_at"), False),
            )

    @migrator.create_model
    class Mark(pw.Model):
        id = pw.AutoField()
        name = pw.CharField(max_length=20, unique=True)
        value = pw.BigIntegerField(default=0)

        class Meta:
            table_name = "mark"


def rollback(migrator: Migrator, database: pw.Database, *, fake=False):
    """Down."""

    migrator.remove_model("mark")
    migrator.remove_model("alarm")
    migrator.remove_model("request")
    migrator.remove_fields("property", "overlap_seconds")
    migrator.remove_fields("issuer_key", "state", "last_exp")
    migrator.remove_fields("companion", "resent_at")
    migrator.remove_fields("door_rules", "beyond", "schedule", "renew_at")
