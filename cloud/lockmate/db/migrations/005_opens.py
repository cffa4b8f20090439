"""Staff keys and epochs, more browsers of one holder, remote opens, notices."""

from __future__ import annotations

import peewee as pw
from peewee_migrate import Migrator


def migrate(migrator: Migrator, database: pw.Database, *, fake=False):
    """Up."""

    migrator.add_fields(
        "key",
        kind=pw.CharField(default="guest", max_length=10),
        label=pw.CharField(default="", max_length=60),
    )
    migrator.drop_not_null("key", "holder", "door")
    migrator.add_fields("holder", email=pw.CharField(default="", max_length=120))

    @migrator.create_model
    class Epoch(pw.Model):
        id = pw.AutoField()
        property = pw.ForeignKeyField(
            column_name="property_id", field="id", model=migrator.orm["property"], on_delete="CASCADE"
        )
        kind = pw.CharField(max_length=10)
        value = pw.BigIntegerField(default=0)

        class Meta:
            table_name = "epoch"
            indexes = ((("property", "kind"), True),)

    @migrator.create_model
    class Browser(pw.Model):
        id = pw.AutoField()
        holder = pw.ForeignKeyField(
            column_name="holder_id", field="id", model=migrator.orm["holder"], on_delete="CASCADE"
        )
        secret_hash = pw.CharField(max_length=64, unique=True)
        made_at = pw.BigIntegerField()

        class Meta:
            table_name = "browser"

    @migrator.create_model
    class Carry(pw.Model):
        id = pw.AutoField()
        holder = pw.ForeignKeyField(
            column_name="holder_id", field="id", model=migrator.orm["holder"], on_delete="CASCADE"
        )
        selector = pw.CharField(max_length=16, unique=True)
        secret_hash = pw.CharField(max_length=64)
        made_at = pw.BigIntegerField()
        ends_at = pw.BigIntegerField()
        taken_at = pw.BigIntegerField(null=True)

        class Meta:
            table_name = "carry"

    @migrator.create_model
    class RemoteOpen(pw.Model):
        id = pw.AutoField()
        property = pw.ForeignKeyField(
            column_name="property_id", field="id", model=migrator.orm["property"], on_delete="CASCADE"
        )
        door = pw.ForeignKeyField(column_name="door_id", field="id", model=migrator.orm["door"], on_delete="CASCADE")
        key_id = pw.CharField(max_length=16, unique=True)
        right = pw.ForeignKeyField(
            column_name="right_id", field="id", model=migrator.orm["key"], null=True, on_delete="SET NULL"
        )
        holder = pw.ForeignKeyField(
            column_name="holder_id", field="id", model=migrator.orm["holder"], null=True, on_delete="SET NULL"
        )
        actor = pw.CharField(max_length=60)
        reason = pw.CharField(default="", max_length=120)
        asked_at = pw.BigIntegerField()
        answer = pw.CharField(default="", max_length=16)
        answered_at = pw.BigIntegerField(null=True)

        class Meta:
            table_name = "remote_open"
            indexes = (
                (("door", "asked_at"), False),
                (("holder", "asked_at"), False),
            )

    @migrator.create_model
    class Notice(pw.Model):
        id = pw.AutoField()
        holder = pw.ForeignKeyField(
            column_name="holder_id", field="id", model=migrator.orm["holder"], on_delete="CASCADE"
        )
        kind = pw.CharField(max_length=12)
        facts = pw.TextField(default="{}")
        made_at = pw.BigIntegerField()
        read_at = pw.BigIntegerField(null=True)

        class Meta:
            table_name = "notice"
            indexes = ((("holder", "id"), False),)


def rollback(migrator: Migrator, database: pw.Database, *, fake=False):
    """Down: staff keys go with what tells of them."""

    migrator.remove_model("notice")
    migrator.remove_model("remote_open")
    migrator.remove_model("carry")
    migrator.remove_model("browser")
    migrator.remove_model("epoch")
    migrator.remove_fields("holder", "email")
    migrator.sql("UPDATE claim SET key_id = NULL WHERE key_id IN (SELECT id FROM key WHERE kind <> 'guest')")
    migrator.sql("DELETE FROM key WHERE kind <> 'guest'")
    migrator.add_not_null("key", "holder", "door")
    migrator.remove_fields("key", "kind", "label")
