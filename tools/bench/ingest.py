"""Ingest: from the broker's queue to commit and acknowledgement, against bare inserts of the same rows.

Doors with certificates of their own fill the worker's session at the real broker while the worker is away; then the
real worker process empties it, and its own log tells when each batch was committed. Bare inserts: `executemany`, 1,000
rows a commit, into a table with the same columns and indexes (without references), on the same disk, as durable.
"""

from __future__ import annotations

import re
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from lockmate.db import database, is_postgres, transaction
from lockmate.records.models import Event
from lockmate.records.storing import COLUMNS
from tools.bench.figures import Figure, figure, seconds, size_of
from tools.fleet.fleet import Fleet, Hall
from tools.postgres import Postgres
from tools.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.processes import Process

DOORS = size_of("INGEST_DOORS", 200)
MESSAGES = size_of("INGEST_MESSAGES", 40_000)  # of each run, at one line a message; as many lines at eight
RUNS = size_of("INGEST_RUNS", 5)
_PATIENCE = 180.0
_COMMIT_ROWS = 1_000
_STORED = re.compile(r"time=(\S+)Z .*event=stored messages=\d+ lines=(\d+)")
_LINES, _STATES = re.compile(r"event=stored .*lines=(\d+)"), re.compile(r"event=stored .*states=(\d+)")
_REFERENCES = re.compile(r', FOREIGN KEY \("\w+"\) REFERENCES "\w+" \("\w+"\)( ON DELETE (CASCADE|SET NULL))?')
_AGAINST = "executemany, 1,000 rows a commit, same columns and indexes, same run"


def measure() -> dict[str, Figure]:
    """ingest.sqlite_insert_ratio, batch8_sqlite_ratio, postgres_insert_ratio, two_workers_ratio, and rates."""
    found: dict[str, Figure] = {}
    with _bench(None) as bench:
        single, beside_single, eight, beside_eight = [], [], [], []
        for _ in range(RUNS):
            beside_single.append(_sqlite_rate(bench.folder / "bare.db"))
            single.append(bench.rate(1))
            beside_eight.append(_sqlite_rate(bench.folder / "bare.db"))
            eight.append(bench.rate(8))
        found["ingest.sqlite_insert_ratio"] = figure(_ratios(single, beside_single), "x", _AGAINST)
        found["ingest.batch8_sqlite_ratio"] = figure(_ratios(eight, beside_eight), "x", _AGAINST)
        found["ingest.sqlite_events_s"] = figure(single, "1/s")
    with tempfile.TemporaryDirectory(prefix="lockmate-bench-") as folder:
        Path(folder).chmod(0o711)
        server = Postgres(Path(folder) / "pg", durable=True)
        try:
            with _bench(server.start().make("lockmate")) as bench:
                single, bare, two = [], [], []
                for _ in range(RUNS):
                    bare.append(_postgres_rate(server))
                    single.append(bench.rate(1))
                    two.append(bench.rate(1, workers=2))
                found["ingest.postgres_insert_ratio"] = figure(_ratios(single, bare), "x", _AGAINST)
                found["ingest.two_workers_ratio"] = figure(_ratios(two, single), "x", "one worker, same run")
                found["ingest.postgres_events_s"] = figure(single, "1/s")
        finally:
            server.stop()
    return found


@dataclass(frozen=True)
class _Bench:
    folder: Path
    hall: Hall
    roll: Path

    def rate(self, in_message: int, *, workers: int = 1) -> float:
        """Lines a second of so many workers while all are at work: from the last one's first batch to the first's last.

        They start behind a lock on the database, so that all begin at the same moment with their start-up behind them.
        """
        names = [("ingest", "--number", str(number)) for number in range(1, workers + 1)]
        processes = [self.hall.worker(*words) for words in names]  # each has a session now
        with Fleet(self.roll, DOORS, 1) as fleet:
            fleet.ask(do="connect", a_second=400.0)
            fleet.until(fleet.in_step, _PATIENCE)
            _wait_for_reports(processes)
            for process in processes:
                process.stop()
            fleet.ask(do="say", count=MESSAGES // DOORS, in_message=in_message, once=True)
            fleet.until(lambda seen: seen["unsent"] == 0, _PATIENCE)
        before = Event.select().count()
        with transaction(alone=False):  # on PostgreSQL the table's lock is enough: verbs go on meanwhile
            if is_postgres():
                database.execute_sql("LOCK TABLE event IN EXCLUSIVE MODE")
            for process in processes:
                process.start()
            for process in processes:
                process.wait_for_line("event=connected", 60)
        wanted = MESSAGES // DOORS * DOORS  # the log is asked, and seldom: counting rows would take the workers' time
        wait_until(lambda: _sum(_LINES, processes) >= wanted, _PATIENCE, "all lines to be stored", pace=0.25)
        assert Event.select().count() == before + wanted
        rate = _rate([_facts(process) for process in processes])
        for process, words in zip(processes, names, strict=True):
            process.stop()
            if words[-1] != "1":
                leaving = self.hall.worker(*words, "--leave")  # or the next run's messages would be dealt to it
                leaving.wait(60)
        return rate


@contextmanager
def _bench(database: str | None) -> Iterator[_Bench]:
    with (
        tempfile.TemporaryDirectory(prefix="lockmate-bench-") as name,
        Hall(Path(name), database, ingest_workers=2) as hall,
    ):
        roll = hall.roll(DOORS)
        hall.start_broker()
        hall.worker("delivery")
        yield _Bench(Path(name), hall, roll)


def _facts(process: Process) -> list[tuple[float, int]]:
    """(when, lines committed since the first batch) of a worker, from its first batch on."""
    facts: list[tuple[float, int]] = []
    for when, lines in _STORED.findall(process.tail(1_000_000)):
        if int(lines):
            facts.append((_moment(when), facts[-1][1] + int(lines) if facts else 0))
    assert len(facts) > 1, f"{MESSAGES} messages are one batch: too few to measure"
    return facts


def _wait_for_reports(processes: list[Process]) -> None:
    """Until no door has reported for a while."""
    seen = [0]

    def quiet() -> bool:
        seen.append(_sum(_STATES, processes))
        return seen[-1] == seen[-2] >= DOORS

    wait_until(quiet, _PATIENCE, "the doors' reports", pace=1.5)


def _sum(counts: re.Pattern[str], processes: list[Process]) -> int:
    return sum(int(count) for process in processes for count in counts.findall(process.tail(1_000_000)))


def _rate(workers: list[list[tuple[float, int]]]) -> float:
    begin, end = max(facts[0][0] for facts in workers), min(facts[-1][0] for facts in workers)
    return sum(_at(facts, end) - _at(facts, begin) for facts in workers) / (end - begin)


def _at(facts: list[tuple[float, int]], when: float) -> float:
    """How many lines a worker had committed at a moment; between two commits in proportion."""
    for (before, had), (after, has) in pairwise(facts):
        if when <= after:
            return had + (has - had) * (max(when, before) - before) / max(after - before, 1e-9)
    return facts[-1][1]


def _moment(text: str) -> float:
    return datetime.fromisoformat(text + "+00:00").timestamp()


def _ratios(ours: list[float], theirs: list[float]) -> list[float]:
    return [one / other for one, other in zip(ours, theirs, strict=True)]


def _rows() -> list[tuple[Any, ...]]:
    """Rows as the worker stores them of a door's opens; the seq tells them apart."""
    body = b'{"log":"0123456789abcdef","seq":100,"at":1800000000,"unsure":1,"kind":"opened","road":"qr",'
    body += b'"verdict":"open","key_id":"0123456789abcdef","generation":1}'
    one = ("0" * 16, body, 1_800_000_000, 1, "opened", "qr", "open")
    doors = [(1, door, door, f"{door:016x}") for door in range(1, DOORS + 1)]
    return [(*doors[n % DOORS], n, *one, f"{n:016x}", 1, "", 1, 10**12) for n in range(MESSAGES)]


def _sqlite_rate(path: Path) -> float:
    rows = _rows()
    path.unlink(missing_ok=True)
    made = database.execute_sql("SELECT sql FROM sqlite_master WHERE tbl_name = 'event' ORDER BY type DESC")
    with closing(sqlite3.connect(path, isolation_level=None)) as bare:
        bare.execute("PRAGMA journal_mode = wal")
        bare.execute("PRAGMA synchronous = full")
        for (sql,) in made.fetchall():
            bare.execute(_REFERENCES.sub("", sql))
        sql = f"INSERT INTO event ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608

        def work() -> None:
            for start in range(0, len(rows), _COMMIT_ROWS):
                bare.execute("BEGIN IMMEDIATE")
                bare.executemany(sql, rows[start : start + _COMMIT_ROWS])
                bare.execute("COMMIT")

        return len(rows) / seconds(work)


def _postgres_rate(server: Postgres) -> float:
    rows = _rows()
    sql = f"INSERT INTO bare ({', '.join(COLUMNS)}) VALUES ({', '.join(['%s'] * len(COLUMNS))})"  # noqa: S608
    with psycopg.connect(server.url("lockmate")) as bare, bare.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bare")
        cursor.execute("CREATE TABLE bare (LIKE event INCLUDING DEFAULTS INCLUDING INDEXES)")
        bare.commit()

        def work() -> None:
            for start in range(0, len(rows), _COMMIT_ROWS):
                cursor.executemany(sql, rows[start : start + _COMMIT_ROWS])
                bare.commit()

        return len(rows) / seconds(work)
