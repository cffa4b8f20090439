"""Lines kept apart are looked up by their companion."""

from __future__ import annotations

import peewee as pw
from peewee_migrate import Migrator


def migrate(migrator: Migrator, database: pw.Database, *, fake=False):
    """Up."""
    migrator.add_index("disputed", "companion_id")


def rollback(migrator: Migrator, database: pw.Database, *, fake=False):
    """Down."""
    migrator.drop_index("disputed", "companion_id")
