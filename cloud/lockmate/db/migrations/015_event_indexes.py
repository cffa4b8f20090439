"""The trail has no index whose first columns another index has: each is a page more to write for each door's lines."""

from __future__ import annotations

import peewee as pw
from peewee_migrate import Migrator

_SPARE = ("companion", "door")


def migrate(migrator: Migrator, database: pw.Database, *, fake=False):
    """Up."""
    for name in _SPARE:
        migrator.sql(f"DROP INDEX event_{name}_id")


def rollback(migrator: Migrator, database: pw.Database, *, fake=False):
    """Down."""
    for name in _SPARE:
        migrator.sql(f"CREATE INDEX event_{name}_id ON event ({name}_id)")
