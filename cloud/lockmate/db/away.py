"""A database that can't be had now, told apart from one whose schema is not ours: only the first is waited for."""

from __future__ import annotations

from typing import Final

import peewee

from lockmate.settings import SettingsError

# What a worker catches around its work; `require_away` then lets only the first kind pass.
ERRORS: Final = (peewee.OperationalError, peewee.InterfaceError, peewee.ProgrammingError)
_SQLITE_SCHEMA = ("no such", "has no column", "syntax error", "no column named")
_RETRY = ("40001", "40P01", "55P03")  # serialization failure, deadlock, lock not to be had in time


class SchemaDiffers(SettingsError):
    """The database's schema is not the one of this program: waiting would not mend it."""

    def __init__(self, why: str) -> None:
        super().__init__(
            "schema_differs",
            f"The database's schema is not that of this program ({why}). Run `lockmate migrate` with the newest "
            "version, then start again.",
        )


def require_away(error: Exception) -> str:
    """The word for the log, `database_away` or `database_busy`; raises SchemaDiffers if it is neither."""
    told = str(error).strip().splitlines()
    if isinstance(error, peewee.ProgrammingError) or (
        isinstance(error, peewee.OperationalError) and any(word in str(error) for word in _SQLITE_SCHEMA)
    ):
        raise SchemaDiffers(told[0] if told else type(error).__name__) from error
    state = getattr(error.__cause__ or error.__context__, "sqlstate", None)
    return "database_busy" if state in _RETRY or "locked" in str(error) else "database_away"
