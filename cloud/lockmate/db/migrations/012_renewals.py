"""Renewals of certificates and networks over the air."""

from __future__ import annotations

import peewee as pw
from peewee_migrate import Migrator


def migrate(migrator: Migrator, database: pw.Database, *, fake=False):
    """Up."""

    migrator.add_fields("companion", certificate_ends=pw.BigIntegerField(null=True))

    @migrator.create_model
    class Renewal(pw.Model):
        id = pw.AutoField()
        companion = pw.ForeignKeyField(
            column_name="companion_id", field="id", model=migrator.orm["companion"], unique=True, on_delete="CASCADE"
        )
        version = pw.BigIntegerField()
        what = pw.CharField(max_length=12)
        payload = pw.BlobField()
        serial = pw.CharField(default="", max_length=48)
        fingerprint = pw.CharField(default="", max_length=16)
        ends_at = pw.BigIntegerField(null=True)
        made_at = pw.BigIntegerField()
        put_at = pw.BigIntegerField()
        done_at = pw.BigIntegerField(null=True)

        class Meta:
            table_name = "renewal"


def rollback(migrator: Migrator, database: pw.Database, *, fake=False):
    """Down."""

    migrator.remove_model("renewal")
    migrator.remove_fields("companion", "certificate_ends")
