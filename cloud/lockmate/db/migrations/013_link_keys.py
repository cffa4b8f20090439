"""Link keys that change: the number that a door was asked for, and each companion's number and other key."""

from __future__ import annotations

import peewee as pw
from peewee_migrate import Migrator


def migrate(migrator: Migrator, database: pw.Database, *, fake=False):
    """Up."""

    migrator.add_fields(
        "door_rules",
        link_n=pw.IntegerField(default=0),
        link_asked=pw.BooleanField(default=False),
    )
    migrator.add_fields(
        "companion",
        link_n=pw.IntegerField(default=0),
        link_other=pw.BlobField(null=True),
        link_log=pw.CharField(default="", max_length=16),
        link_seq=pw.BigIntegerField(default=0),
    )


def rollback(migrator: Migrator, database: pw.Database, *, fake=False):
    """Down."""

    migrator.remove_fields("companion", "link_n", "link_other", "link_log", "link_seq")
    migrator.remove_fields("door_rules", "link_n", "link_asked")
