"""Brings the schema up (and down again, in tests) by the numbered files in `migrations/`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import peewee
from peewee_migrate import Router

from lockmate.db import months
from lockmate.db.away import require_away
from lockmate.db.base import connect, database, is_postgres
from lockmate.settings import Settings, SettingsError

_FOLDER = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 0x4D696772  # "Migr"
_LOG = logging.getLogger("lockmate.migrate")


class NotMigrated(SettingsError):
    """The database is older than this program."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(
            "not_migrated", f"The database lacks {len(names)} step(s) of its schema. Run `lockmate migrate`."
        )


class MigrationUnderWay(SettingsError):
    """Somebody else migrates this database now."""

    def __init__(self) -> None:
        super().__init__(
            "migration_under_way", "Another migration of this database runs, or somebody writes for long. Wait for its "
            "end, then run `lockmate migrate` again."
        )


def migrate(settings: Settings | None = None) -> list[str]:
    """Run the migrations that are missing, all or none; returns their names.

    With `settings`, connects first and makes the database if it is missing (SQLite's file, not PostgreSQL's database).
    Raises MigrationUnderWay if another one does not end in time.
    """
    if settings is not None:
        connect(settings, make=True)
    with _loose_references(), _alone():
        ran: list[str] = _router().run()
    months.prepare()
    return ran


def rollback() -> str:
    """Undo the newest migration; returns its name. For tests and for a failed upgrade."""
    with _loose_references(), _alone():
        router: Any = _router()
        name: str = router.done[-1]
        router.rollback()
    return name


def done() -> list[str]:
    """The migrations that this database has, oldest first."""
    if not database.table_exists("migratehistory"):
        return []
    return [row[0] for row in database.execute_sql("SELECT name FROM migratehistory ORDER BY id").fetchall()]


def steps() -> list[str]:
    """The migrations that this program knows, oldest first."""
    return sorted(file.stem for file in _FOLDER.glob("[0-9]*.py"))


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
def _alone() -> Iterator[None]:
    """One runner at a time, from the look at what is missing to the commit of the last step."""
    if is_postgres():
        with database.transaction():
            _wait_for(lambda: database.execute_sql("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,)))
            yield
        return
    whole = database.transaction("EXCLUSIVE")
    _wait_for(whole.__enter__)
    try:
        yield
    except BaseException:
        whole.__exit__(*sys.exc_info())
        raise
    whole.__exit__(None, None, None)


def _wait_for(lock: Callable[[], object]) -> None:
    try:
        lock()
    except peewee.OperationalError as error:
        if require_away(error) == "database_busy":
            raise MigrationUnderWay from error
        raise


@contextmanager
def _loose_references() -> Iterator[None]:
    """SQLite changes a column by making the table anew: what points to its rows must not be emptied meanwhile.

    Its own procedure (sqlite.org/lang_altertable.html, section 7): enforcement off outside the transactions, and
    a check of all references at the end.
    """
    if is_postgres():
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
