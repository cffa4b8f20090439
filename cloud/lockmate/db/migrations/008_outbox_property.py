"""What must go out tells whose hotel it is; what is kept apart is counted; ids wide enough for years of a chain."""

from __future__ import annotations

import peewee as pw
from peewee_migrate import Migrator

_WIDE = ("outbox", "audit", "disputed")  # as many rows as messages: past 31 bits within years


def migrate(migrator: Migrator, database: pw.Database, *, fake=False):
    """Up. Policies and opens tell their hotel by the companion; a letter on its way keeps none, and still goes."""
    migrator.sql(
        """ALTER TABLE "outbox" ADD COLUMN "property_id" INTEGER REFERENCES "property" ("id") ON DELETE CASCADE"""
    )
    migrator.sql(
        """UPDATE "outbox" SET "property_id" = (SELECT MIN("companion"."property_id") FROM "companion"
        WHERE "outbox"."address" IN ('lm/1/' || "companion"."companion_id" || '/down/policy',
        'lm/1/' || "companion"."companion_id" || '/down/open'))"""
    )
    migrator.sql("""CREATE INDEX "outbox_property_id_state" ON "outbox" ("property_id", "state")""")
    migrator.sql("""ALTER TABLE "disputed" ADD COLUMN "count" INTEGER NOT NULL DEFAULT 1""")
    if isinstance(database, pw.PostgresqlDatabase):
        for table in _WIDE:
            migrator.sql(f"""ALTER TABLE "{table}" ALTER COLUMN "id" TYPE BIGINT""")
            migrator.sql(f"""ALTER SEQUENCE "{table}_id_seq" AS BIGINT""")


def rollback(migrator: Migrator, database: pw.Database, *, fake=False):
    """Down. Wide ids stay wide: nothing is lost by that."""
    migrator.sql("""ALTER TABLE "disputed" DROP COLUMN "count" """)
    migrator.sql("""DROP INDEX "outbox_property_id_state" """)
    migrator.sql("""ALTER TABLE "outbox" DROP COLUMN "property_id" """)
