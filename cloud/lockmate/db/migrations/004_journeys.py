"""Journeys of the desk: groups, day use, moves, payments, and every key that a guest ever got."""

from __future__ import annotations

import peewee as pw
from peewee_migrate import Migrator


def migrate(migrator: Migrator, database: pw.Database, *, fake=False):
    """Up. Columns are added in plain SQL: another way copies the table, and what points to it would go with the old."""

    migrator.sql("""ALTER TABLE "property" ADD COLUMN "day_use_end" VARCHAR(5) NOT NULL DEFAULT '18:00'""")
    migrator.sql("""ALTER TABLE "property" ADD COLUMN "currency" VARCHAR(3) NOT NULL DEFAULT 'CNY'""")
    migrator.sql("""ALTER TABLE "order" ADD COLUMN "group" VARCHAR(40) NOT NULL DEFAULT ''""")

    @migrator.create_model
    class GuestKey(pw.Model):
        id = pw.AutoField()
        guest = pw.ForeignKeyField(column_name="guest_id", field="id", model=migrator.orm["guest"], on_delete="CASCADE")
        key = pw.ForeignKeyField(
            column_name="key_id", field="id", model=migrator.orm["key"], on_delete="CASCADE", unique=True
        )

        class Meta:
            table_name = "guest_key"

    migrator.sql(
        """INSERT INTO "guest_key" ("guest_id", "key_id")
        SELECT MIN("id"), "key_id" FROM "guest" WHERE "key_id" IS NOT NULL GROUP BY "key_id" """
    )

    @migrator.create_model
    class Move(pw.Model):
        id = pw.AutoField()
        stay = pw.ForeignKeyField(column_name="stay_id", field="id", model=migrator.orm["stay"], on_delete="CASCADE")
        from_room = pw.ForeignKeyField(
            column_name="from_room_id", field="id", model=migrator.orm["door"], on_delete="RESTRICT"
        )
        to_room = pw.ForeignKeyField(
            column_name="to_room_id", field="id", model=migrator.orm["door"], on_delete="RESTRICT"
        )
        from_generation = pw.BigIntegerField()
        to_generation = pw.BigIntegerField()
        started_at = pw.BigIntegerField()
        closes_at = pw.BigIntegerField()
        opened_at = pw.BigIntegerField(null=True)
        closed_at = pw.BigIntegerField(null=True)
        how = pw.CharField(default="", max_length=10)

        class Meta:
            table_name = "move"
            indexes = (
                (("stay", "id"), False),
                (("closed_at", "closes_at"), False),
            )

    @migrator.create_model
    class Payment(pw.Model):
        id = pw.AutoField()
        stay = pw.ForeignKeyField(column_name="stay_id", field="id", model=migrator.orm["stay"], on_delete="CASCADE")
        at = pw.BigIntegerField()
        amount_minor = pw.BigIntegerField()
        currency = pw.CharField(max_length=3)
        method = pw.CharField(max_length=10)
        note = pw.CharField(default="", max_length=120)
        taken_by = pw.CharField(max_length=60)

        class Meta:
            table_name = "payment"


def rollback(migrator: Migrator, database: pw.Database, *, fake=False):
    """Down."""

    migrator.remove_model("payment")
    migrator.remove_model("move")
    migrator.remove_model("guest_key")
    migrator.sql('ALTER TABLE "order" DROP COLUMN "group"')
    migrator.sql('ALTER TABLE "property" DROP COLUMN "currency"')
    migrator.sql('ALTER TABLE "property" DROP COLUMN "day_use_end"')
