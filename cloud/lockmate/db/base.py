"""Connection, transactions and the base of all models (SQLite by default)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import peewee

from lockmate.settings import Settings, SettingsError

database = peewee.DatabaseProxy()
_SQLITE = "sqlite:///"


def connect(settings: Settings, *, make: bool = False) -> peewee.Database:
    """Point the models at the database of `settings`; raises SettingsError if it is not there and not to be made.

    No connection is opened here: each thread opens its own, at its first query or by `database.connect()`.
    """
    path = settings.database.removeprefix(_SQLITE)
    if path != ":memory:":
        if make:
            Path(path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _create(Path(path))
        elif not Path(path).is_file():
            raise SettingsError("no_database", f"There is no database at {path}. Run `lockmate init`, or look at "
                                "LOCKMATE_DATABASE and LOCKMATE_DATA.")
    db = peewee.SqliteDatabase(
        path,
        pragmas={"journal_mode": "wal", "foreign_keys": 1, "synchronous": "full", "busy_timeout": 10_000},
    )
    database.initialize(db)
    return db


def _create(path: Path) -> None:
    """An empty file for its owner only, if there is none: it will hold guests' names. SQLite's -wal takes its mode."""
    with contextlib.suppress(OSError):  # one that is there, or that SQLite will say more about
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


@contextmanager
def transaction() -> Iterator[None]:
    """One transaction; takes SQLite's write lock at its start, since a later upgrade fails under concurrency.

    Inside another one it is a savepoint, so that a verb may call verbs.
    """
    with database.atomic("IMMEDIATE"):
        yield


class BaseModel(peewee.Model):
    """Times are integer UTC milliseconds; ids are never shown to guests."""

    id: Any

    class Meta:
        database = database
        legacy_table_names = False
