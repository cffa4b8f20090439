"""The database: one connection per request or task, transactions, migrations."""

from __future__ import annotations

from lockmate.db.base import BaseModel, connect, database, transaction
from lockmate.db.schema import NotMigrated, migrate, pending, require_migrated, rollback

__all__ = [
    "BaseModel",
    "NotMigrated",
    "connect",
    "database",
    "migrate",
    "pending",
    "require_migrated",
    "rollback",
    "transaction",
]
