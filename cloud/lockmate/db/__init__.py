"""The database: one connection per request or task, transactions, migrations."""

from __future__ import annotations

from lockmate.db import months
from lockmate.db.away import ERRORS, SchemaDiffers, require_away
from lockmate.db.base import (
    BaseModel,
    checkpoint,
    connect,
    database,
    disconnect,
    driver,
    hold_batches,
    is_postgres,
    rows,
    transaction,
)
from lockmate.db.schema import NotMigrated, done, migrate, pending, require_migrated, rollback, steps

__all__ = [
    "ERRORS",
    "BaseModel",
    "NotMigrated",
    "SchemaDiffers",
    "checkpoint",
    "connect",
    "database",
    "disconnect",
    "done",
    "driver",
    "hold_batches",
    "is_postgres",
    "migrate",
    "months",
    "pending",
    "require_away",
    "require_migrated",
    "rollback",
    "rows",
    "steps",
    "transaction",
]
