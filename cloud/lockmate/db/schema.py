"""Brings the schema up (and down again, in tests) by the numbered files in `migrations/`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

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
    done: list[str] = _router().run()
    return done


def rollback() -> str:
    """Undo the newest migration; returns its name. For tests and for a failed upgrade."""
    router: Any = _router()
    name: str = router.done[-1]
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


def _router() -> Router:
    return Router(database.obj, migrate_dir=_FOLDER, logger=_LOG)
