"""A PostgreSQL server of its own: Debian's, on a private socket and data folder, for tests, measures and faults."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.processes import Process, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_DEBIAN = Path("/usr/lib/postgresql")
_NAME = "postgres"  # the superuser, and on Debian the system's user
_SECONDS = 30.0
_ROOM = 1 << 30  # bytes


class PostgresError(Exception):
    """The server can't be had; the sentence says what to do."""


def programs() -> Path:
    """The folder with Debian's newest server; PostgresError if there is none."""
    found = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise PostgresError("PostgreSQL's server is missing. Run `make setup` as root, or `apt install postgresql`.")
    return found[-1].parent


class Postgres:
    """See the head of this file. `folder` must not exist; it is made, and kept at `stop`.

    durable: fsync as a real server does it; without, tests are quicker and a kill -9 (not a power cut) still loses
    nothing. settings: more of postgresql.conf, such as ("shared_buffers", "1GB").
    """

    def __init__(self, folder: Path, *, durable: bool = False, settings: Sequence[tuple[str, str]] = ()) -> None:
        self._bin = programs()
        self.folder = folder
        self._data = folder / "data"
        self._settings = settings
        self._durable = durable
        self._as = _other_user()
        self._process = Process("postgres", [*self._as, self._bin / "postgres", "-D", self._data],
                                log=folder.with_name(folder.name + ".log"), cwd=Path("/"))

    def start(self) -> Postgres:
        """Make the cluster if it is not there, start it, wait until it answers."""
        if not self.folder.exists():
            self._make()
        self._process.start()
        wait_until(self._answers, _SECONDS, "PostgreSQL to answer")
        return self

    @classmethod
    @contextlib.contextmanager
    def temporary(cls, **more: Any) -> Iterator[Postgres]:
        """A server for a while, in memory where the system has room for files there; gone afterwards."""
        memory = Path("/dev/shm")  # noqa: S108
        base = memory if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ROOM else None
        with tempfile.TemporaryDirectory(prefix="lockmate-pg-", dir=base) as name:
            Path(name).chmod(0o711)  # the server's user goes through it to its own folder
            server = cls(Path(name) / "s", **more)
            try:
                yield server.start()
            finally:
                server.stop()

    def stop(self) -> None:
        """A fast shutdown: sessions are ended, nothing is lost."""
        if self._process.running:
            self._process.signal(signal.SIGINT)
            with contextlib.suppress(Exception):
                self._process.wait(_SECONDS)
        self._process.stop()

    def kill(self) -> None:
        """As a power cut of its processes (kill -9 of all of them)."""
        everybody = [self._process.pid, *self._children()]
        for pid in everybody:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.kill()
        wait_until(lambda: not any(_runs(pid) for pid in everybody), _SECONDS, "PostgreSQL's processes to be gone")

    @property
    def pid(self) -> int:
        """Of the postmaster."""
        return self._process.pid

    def url(self, name: str) -> str:
        """LOCKMATE_DATABASE for the database of this name."""
        return f"postgresql:///{name}?host={self.folder}&user={_NAME}"

    def run(self, sql: str, database: str = _NAME) -> str:
        """What psql prints for it, without heads."""
        words = [self._bin / "psql", "-h", self.folder, "-U", _NAME, "-d", database, "-XAtq", "-v", "ON_ERROR_STOP=1"]
        words += ["-c", sql]
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise PostgresError(done.stderr.strip())
        return done.stdout.strip()

    def make(self, name: str, template: str = "template0") -> str:
        """A new database, from a template that nobody is connected to; its url."""
        self.run(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        return self.url(name)

    def drop(self, name: str) -> None:
        """Whoever is still connected is thrown out."""
        self.run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    # --- inside

    def _make(self) -> None:
        self.folder.mkdir(mode=0o700)
        if self._as:
            shutil.chown(self.folder, _NAME, _NAME)
        words = [*self._as, self._bin / "initdb", "-D", self._data, "-U", _NAME, "-A", "trust", "-E", "UTF8",
                 "--locale=C.UTF-8", "--no-sync"]
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, cwd="/")
        if done.returncode:
            raise PostgresError(f"initdb failed: {done.stderr.strip()}")
        lines = {
            "listen_addresses": "''", "unix_socket_directories": f"'{self.folder}'", "max_connections": "200",
            "logging_collector": "off", "max_wal_size": "1GB", "autovacuum_naptime": "30s",
            **({} if self._durable else {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}),
            **{name: f"'{value}'" for name, value in self._settings},
        }  # fmt: skip
        with (self._data / "postgresql.conf").open("a", encoding="utf-8") as conf:
            conf.write("".join(f"{name} = {value}\n" for name, value in lines.items()))

    def _answers(self) -> bool:
        if not self._process.running:
            raise PostgresError(f"PostgreSQL ended with {self._process.returncode}\n{self._process.tail()}")
        words = [str(self._bin / "pg_isready"), "-q", "-h", str(self.folder)]
        return subprocess.run(words, check=False).returncode == 0

    def _children(self) -> list[int]:
        """A postmaster's children have sessions of their own, so they are asked for by parent."""
        try:
            return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text("ascii").split()]
        except OSError:
            return []


def _other_user() -> list[str]:
    """PostgreSQL refuses root: then it runs as Debian's own user for it. setpriv becomes the program itself."""
    if os.geteuid() != 0:
        return []
    try:
        pwd.getpwnam(_NAME)
    except KeyError:
        raise PostgresError(f"There is no user {_NAME}, which Debian's package postgresql makes.") from None
    return ["setpriv", f"--reuid={_NAME}", f"--regid={_NAME}", "--clear-groups", "--"]


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"
