"""Other systems that may act (a PMS), and the references under which they know their reservations."""

from __future__ import annotations

import peewee as pw
from peewee_migrate import Migrator


def migrate(migrator: Migrator, database: pw.Database, *, fake=False):
    """Up."""

    @migrator.create_model
    class System(pw.Model):
        id = pw.AutoField()
        property = pw.ForeignKeyField(
            column_name="property_id", field="id", model=migrator.orm["property"], on_delete="CASCADE"
        )
        name = pw.CharField(max_length=40)
        token_hash = pw.CharField(max_length=64, unique=True)
        made_at = pw.BigIntegerField()
        ended_at = pw.BigIntegerField(null=True)

        class Meta:
            table_name = "system"

    migrator.add_fields("order", reference=pw.CharField(max_length=40, null=True))
    migrator.add_index("order", "property", "reference", unique=True)


def rollback(migrator: Migrator, database: pw.Database, *, fake=False):
    """Down."""

    migrator.drop_index("order", "property", "reference")
    migrator.remove_fields("order", "reference")
    migrator.remove_model("system")
