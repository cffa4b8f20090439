"""Brings the schema up (and down again, in tests) by the numbered files in `migrations/`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import peewee
from peewee_migrate import Router

from lockmate.db.base import connect, database
from lockmate.settings import Settings, SettingsError

_FOLDER = Path(__file__).parent / "migrations"
_LOG = logging.getLogger("lockmate.migrate")


class NotMigrated(SettingsError):
    """The database is older than this program."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(
            "not_migrated", f"The database lacks {len(names)} step(s) of its schema. Run `lockmate migrate`."
        )


def migrate(settings: Settings | None = None) -> list[str]:
    """Run the migrations that are missing, each in its own transaction; returns their names.

    With `settings`, connects first and makes the database if it is missing.
    """
    if settings is not None:
        connect(settings, make=True)
    with _loose_references():
        done: list[str] = _router().run()
    return done


def rollback() -> str:
    """Undo the newest migration; returns its name. For tests and for a failed upgrade."""
    router: Any = _router()
    name: str = router.done[-1]
    with _loose_references():
        router.rollback()
    return name


def pending() -> list[str]:
    """The migrations that this database lacks."""
    names: list[str] = _router().diff
    return names


def require_migrated() -> None:
    """Raises NotMigrated if a migration is missing: a server must not start on an old schema."""
    missing = pending()
    if missing:
        raise NotMigrated(missing)


@contextmanager
def _loose_references() -> Iterator[None]:
    """SQLite changes a column by making the table anew: what points to its rows must not be emptied meanwhile.

    Its own procedure (sqlite.org/lang_altertable.html, section 7): enforcement off outside the transactions, and
    a check of all references at the end.
    """
    if not isinstance(database.obj, peewee.SqliteDatabase):
        yield
        return
    database.execute_sql("PRAGMA foreign_keys = 0")
    try:
        yield
        broken = database.execute_sql("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise peewee.IntegrityError(f"references broken by a migration: {broken[:5]}")
    finally:
        database.execute_sql("PRAGMA foreign_keys = 1")


def _router() -> Router:
    return Router(database.obj, migrate_dir=_FOLDER, logger=_LOG)
