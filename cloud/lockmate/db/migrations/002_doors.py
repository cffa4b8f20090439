"""Doors: rules, policies, companions; the audit trail; the outbox."""

from __future__ import annotations

import peewee as pw
from peewee_migrate import Migrator


def migrate(migrator: Migrator, database: pw.Database, *, fake=False):
    """Up."""

    @migrator.create_model
    class Companion(pw.Model):
        id = pw.AutoField()
        property = pw.ForeignKeyField(
            column_name="property_id", field="id", model=migrator.orm["property"], on_delete="CASCADE"
        )
        door = pw.ForeignKeyField(
            column_name="door_id", field="id", model=migrator.orm["door"], null=True, on_delete="SET NULL"
        )
        companion_id = pw.CharField(max_length=32, unique=True)
        link_key = pw.BlobField()
        certificate_serial = pw.CharField(default="", max_length=48)
        state = pw.CharField(default="in_service", max_length=12)
        enrolled_at = pw.BigIntegerField()
        online = pw.BooleanField(default=False)
        heard_at = pw.BigIntegerField(null=True)
        log = pw.CharField(default="", max_length=16)
        seq = pw.BigIntegerField(default=0)
        policy_version = pw.BigIntegerField(default=0)
        policy_hash = pw.CharField(default="", max_length=16)
        policy_confirmed_at = pw.BigIntegerField(null=True)
        generation = pw.BigIntegerField(default=0)
        clock_lo = pw.BigIntegerField(null=True)
        clock_hi = pw.BigIntegerField(null=True)
        report = pw.TextField(default="{}")

        class Meta:
            table_name = "companion"

    @migrator.create_model
    class Denial(pw.Model):
        id = pw.AutoField()
        door = pw.ForeignKeyField(column_name="door_id", field="id", model=migrator.orm["door"], on_delete="CASCADE")
        key_id = pw.CharField(max_length=16)
        kind = pw.CharField(default="guest", max_length=10)
        until = pw.BigIntegerField()
        minted_at = pw.BigIntegerField()
        made_at = pw.BigIntegerField()

        class Meta:
            table_name = "denial"
            indexes = ((("door", "key_id"), True),)

    @migrator.create_model
    class Disputed(pw.Model):
        id = pw.AutoField()
        companion_id = pw.CharField(max_length=32)
        reason = pw.CharField(max_length=24)
        line = pw.BlobField()
        received_at = pw.BigIntegerField()

        class Meta:
            table_name = "disputed"

    @migrator.create_model
    class DoorRules(pw.Model):
        id = pw.AutoField()
        door = pw.ForeignKeyField(
            column_name="door_id", field="id", model=migrator.orm["door"], on_delete="CASCADE", unique=True
        )
        generation = pw.BigIntegerField(default=1)
        taken = pw.BooleanField(default=False)
        staff_epoch = pw.BigIntegerField(default=0)
        emergency_epoch = pw.BigIntegerField(default=0)
        clock_epoch = pw.BigIntegerField(default=0)
        min_iat = pw.BigIntegerField(default=0)
        mode = pw.CharField(default="normal", max_length=10)
        mode_until = pw.BigIntegerField(default=0)
        clock_lost = pw.CharField(default="guests", max_length=8)
        settings = pw.TextField(default="{}")

        class Meta:
            table_name = "door_rules"

    @migrator.create_model
    class Event(pw.Model):
        id = pw.AutoField()
        property = pw.ForeignKeyField(
            column_name="property_id", field="id", model=migrator.orm["property"], on_delete="CASCADE"
        )
        companion = pw.ForeignKeyField(
            column_name="companion_id", field="id", model=migrator.orm["companion"], on_delete="CASCADE"
        )
        door = pw.ForeignKeyField(
            column_name="door_id", field="id", model=migrator.orm["door"], null=True, on_delete="SET NULL"
        )
        log = pw.CharField(max_length=16)
        seq = pw.BigIntegerField()
        tag = pw.CharField(max_length=16)
        line = pw.BlobField()
        at = pw.BigIntegerField()
        unsure = pw.BigIntegerField(null=True)
        kind = pw.CharField(max_length=16)
        road = pw.CharField(default="", max_length=6)
        verdict = pw.CharField(default="", max_length=16)
        key_id = pw.CharField(default="", max_length=16)
        generation = pw.BigIntegerField(null=True)
        card = pw.CharField(default="", max_length=40)
        count = pw.IntegerField(default=1)
        received_at = pw.BigIntegerField()

        class Meta:
            table_name = "event"
            indexes = (
                (("companion", "log", "seq"), True),
                (("door", "id"), False),
                (("key_id",), False),
            )

    @migrator.create_model
    class JournalLog(pw.Model):
        id = pw.AutoField()
        companion = pw.ForeignKeyField(
            column_name="companion_id", field="id", model=migrator.orm["companion"], on_delete="CASCADE"
        )
        log = pw.CharField(max_length=16)
        stored_seq = pw.BigIntegerField(default=0)
        stored_tag = pw.CharField(default="", max_length=16)
        highest_seq = pw.BigIntegerField(default=0)
        first_heard_at = pw.BigIntegerField()

        class Meta:
            table_name = "journal_log"
            indexes = ((("companion", "log"), True),)

    @migrator.create_model
    class Outbox(pw.Model):
        id = pw.AutoField()
        channel = pw.CharField(max_length=12)
        address = pw.CharField(max_length=120)
        order_key = pw.CharField(max_length=60)
        payload = pw.BlobField()
        retained = pw.BooleanField(default=False)
        expires_at = pw.BigIntegerField(null=True)
        state = pw.CharField(default="pending", max_length=10)
        attempts = pw.IntegerField(default=0)
        next_try_at = pw.BigIntegerField(default=0)
        leased_until = pw.BigIntegerField(default=0)
        error = pw.CharField(default="", max_length=200)
        made_at = pw.BigIntegerField()
        sent_at = pw.BigIntegerField(null=True)

        class Meta:
            table_name = "outbox"
            indexes = (
                (("channel", "state", "next_try_at"), False),
                (("order_key", "id"), False),
            )

    @migrator.create_model
    class Policy(pw.Model):
        id = pw.AutoField()
        door = pw.ForeignKeyField(column_name="door_id", field="id", model=migrator.orm["door"], on_delete="CASCADE")
        version = pw.BigIntegerField()
        slot = pw.IntegerField()
        signature = pw.BlobField()
        body = pw.BlobField()
        hash = pw.CharField(max_length=16)
        made_at = pw.BigIntegerField()
        confirmed_at = pw.BigIntegerField(null=True)

        class Meta:
            table_name = "policy"
            indexes = ((("door", "version"), True),)

    @migrator.create_model
    class Revocation(pw.Model):
        id = pw.AutoField()
        property = pw.ForeignKeyField(
            column_name="property_id", field="id", model=migrator.orm["property"], on_delete="CASCADE"
        )
        serial = pw.CharField(max_length=48)
        at = pw.BigIntegerField()

        class Meta:
            table_name = "revocation"
            indexes = ((("property", "serial"), True),)


def rollback(migrator: Migrator, database: pw.Database, *, fake=False):
    """Down."""

    migrator.remove_model("revocation")
    migrator.remove_model("policy")
    migrator.remove_model("outbox")
    migrator.remove_model("journal_log")
    migrator.remove_model("event")
    migrator.remove_model("door_rules")
    migrator.remove_model("disputed")
    migrator.remove_model("denial")
    migrator.remove_model("companion")
