"""Connection, transactions and the base of all models: SQLite, or PostgreSQL for more than one machine."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import peewee
from playhouse.pool import PooledPostgresqlDatabase, PooledSqliteDatabase

from lockmate.settings import POSTGRES, SQLITE, Settings, SettingsError

database = peewee.DatabaseProxy()

HOUSE_LOCK = 0x4C6F636B  # "Lock": the advisory lock of whoever changes what others decide by
_VALUES_MAX = 500  # of one query
_CONNECTIONS_MAX = 64  # of one process; a server process has as many threads at most
_WAIT_SECONDS = 10
# A request takes a connection and gives it back: opening one costs as much as several queries, on SQLite too.
_POOL = {"max_connections": _CONNECTIONS_MAX, "timeout": _WAIT_SECONDS, "stale_timeout": 600}
# Of each session: bounded waits, and nobody keeps a lock who has stopped working.
_POSTGRES_OPTIONS = (
    f"-c lock_timeout={_WAIT_SECONDS}s -c idle_in_transaction_session_timeout=60s -c timezone=UTC "
    "-c default_transaction_isolation=read\\ committed"
)
_WAL_PAGES = 16_000  # 64 MB: `checkpoint` comes long before; it is the bound where no delivery worker runs
_CACHE_KIB = 16_384
_held = threading.local()


def connect(settings: Settings, *, make: bool = False) -> peewee.Database:
    """Point the models at the database of `settings`; raises SettingsError if it is not there and not to be made.

    No connection is opened here: each thread opens its own, at its first query or by `database.connect()`.
    """
    if database.obj is not None:
        disconnect()  # a pool that is replaced would keep its connections
    url = settings.database
    db = _postgres(url) if url.startswith(POSTGRES) else _sqlite(url.removeprefix(SQLITE), make=make)
    database.initialize(db)
    return db


def is_postgres() -> bool:
    """Whether the models' database is PostgreSQL; SQLite otherwise."""
    return isinstance(database.obj, peewee.PostgresqlDatabase)


def hold_batches() -> None:
    """This process's connections hold a large batch's pages: SQLite's usual 2 MB would be written and read again."""
    if not is_postgres():
        database.pragma("cache_size", -_CACHE_KIB, permanent=True)


def disconnect() -> None:
    """Close this thread's connection and those that wait in the pool: before a fork, and at the end."""
    database.close_all()


def _sqlite(path: str, *, make: bool) -> peewee.Database:
    if path != ":memory:":
        if make:
            Path(path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _create(Path(path))
        elif not Path(path).is_file():
            raise SettingsError("no_database", f"There is no database at {path}. Run `lockmate init`, or look at "
                                "LOCKMATE_DATABASE and LOCKMATE_DATA.")
    pool: peewee.Database = PooledSqliteDatabase(
        path, **_POOL, check_same_thread=False,
        pragmas={"journal_mode": "wal", "foreign_keys": 1, "synchronous": "full", "busy_timeout": _WAIT_SECONDS * 1000,
                 "wal_autocheckpoint": _WAL_PAGES},
    )
    return pool


def _postgres(url: str) -> peewee.Database:
    if importlib.util.find_spec("psycopg") is None:
        raise SettingsError("postgres_driver_missing", "LOCKMATE_DATABASE names PostgreSQL, and its driver is not "
                            "installed. Run `pip install 'lockmate[postgres]'`.")
    pool: peewee.Database = PooledPostgresqlDatabase(
        url, **_POOL, prefer_psycopg3=True,
        connect_timeout=_WAIT_SECONDS, options=_POSTGRES_OPTIONS, application_name="lockmate",
        keepalives_idle=30, keepalives_interval=10, keepalives_count=3,
    )
    return pool


def _create(path: Path) -> None:
    """An empty file for its owner only, if there is none: it will hold guests' names. SQLite's -wal takes its mode."""
    with contextlib.suppress(OSError):  # one that is there, or that SQLite will say more about
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def checkpoint() -> int:
    """Move what SQLite's log holds into its file, while nobody waits for it; 0.

    Left to itself SQLite does it within a commit, and whoever commits waits for as many writes again.
    """
    if not is_postgres():
        database.execute_sql("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    return 0


@contextmanager
def transaction(*, alone: bool = True) -> Iterator[None]:
    """One transaction. What it reads can't be changed by another one before it ends, so a verb may decide by it.

    SQLite: the write lock is taken at the start, since a later upgrade fails under concurrency. PostgreSQL: all that
    are `alone` hold one advisory lock in turn, which comes to the same; the others (alone=False: ingest and the
    outbox, the busy ones) lock just the rows they change. Whoever takes both takes the advisory lock first.
    Inside another transaction it is a savepoint, so that a verb may call verbs.
    """
    if not is_postgres():
        with database.atomic("IMMEDIATE"):
            yield
        return
    with database.atomic():
        if not alone or getattr(_held, "alone", False):
            yield
            return
        database.execute_sql("SELECT pg_advisory_xact_lock(%s)", (HOUSE_LOCK,))
        _held.alone = True
        try:
            yield
        finally:
            _held.alone = False


@contextmanager
def driver() -> Iterator[Any]:
    """A cursor of the driver itself, for what a query builder would slow down; errors come out as peewee's own."""
    with peewee.__exception_wrapper__:  # type: ignore[attr-defined]
        yield database.connection().cursor()


def rows(sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
    """What a bare query finds; {} in it is where the marks of the values go, as many queries as they need."""
    found: list[tuple[Any, ...]] = []
    with driver() as cursor:
        for start in range(0, len(values), _VALUES_MAX):
            some = values[start : start + _VALUES_MAX]
            cursor.execute(sql.format(", ".join([database.param] * len(some))), some)
            found += cursor.fetchall()
    return found


class BaseModel(peewee.Model):
    """Times are integer UTC milliseconds; ids are never shown to guests."""

    id: Any

    class Meta:
        database = database
        legacy_table_names = False
