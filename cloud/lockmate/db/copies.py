"""A copy of the whole database in one file, taken while others work in it, and put back into an empty one."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

from lockmate.db.base import database, disconnect, is_postgres
from lockmate.settings import SQLITE, Settings, SettingsError

SQLITE_NAME, POSTGRES_NAME = "database.sqlite", "database.pgdump"
_VARIABLES = {"host": "PGHOST", "hostaddr": "PGHOSTADDR", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD",
              "dbname": "PGDATABASE", "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "passfile": "PGPASSFILE",
              "service": "PGSERVICE"}


def save(settings: Settings, folder: Path) -> Path:
    """Write the copy into `folder`, consistent as of one moment; the file. Raises SettingsError if it can't be made."""
    if is_postgres():
        file = folder / POSTGRES_NAME
        _postgres("pg_dump", settings, "--format=custom", "--no-owner", "--no-privileges", f"--file={file}")
        return file
    file = folder / SQLITE_NAME
    source = sqlite3.connect(f"file:{settings.database.removeprefix(SQLITE)}?mode=ro", uri=True, timeout=30)
    with contextlib.closing(source), contextlib.closing(sqlite3.connect(file)) as copy:
        source.backup(copy)
    return file


def load(settings: Settings, folder: Path) -> None:
    """Put the copy that lies in `folder` in place; SettingsError unless the database is empty and of that kind."""
    name = POSTGRES_NAME if is_postgres() else SQLITE_NAME
    file = folder / name
    if not file.exists():
        raise SettingsError("backup_of_another_kind", f"The backup holds no {name}. Set LOCKMATE_DATABASE to a "
                            "database of the kind that was backed up.")
    if database.get_tables():
        raise SettingsError("database_not_empty", f"{settings.database_told} holds tables already. Restore into a new "
                            "one: nothing that exists is overwritten.")
    disconnect()
    if is_postgres():
        _postgres("pg_restore", settings, "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction",
                  "--dbname=", str(file))
        return
    place = Path(settings.database.removeprefix(SQLITE))
    for rest in ("-wal", "-shm"):
        place.with_name(place.name + rest).unlink(missing_ok=True)
    shutil.copyfile(file, place)


def _postgres(program: str, settings: Settings, *words: str) -> None:
    """Run one of PostgreSQL's programs; what it must know goes by its variables, where no other user can read it."""
    from psycopg.conninfo import conninfo_to_dict

    facts = conninfo_to_dict(settings.database)
    around = {_VARIABLES[name]: str(value) for name, value in facts.items() if name in _VARIABLES and value is not None}
    if shutil.which(program) is None:
        raise SettingsError("postgres_programs_missing", f"{program} is not installed. Run `apt install "
                            "postgresql-client`, of the server's version or newer.")
    words = tuple(word + around["PGDATABASE"] if word == "--dbname=" else word for word in words)
    done = subprocess.run([program, *words], env={**os.environ, **around}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SettingsError("backup_failed", f"{program} said: {done.stderr.strip()}")
