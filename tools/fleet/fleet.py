"""The fleet as its user sees it: shards started, told, looked at, ended; and a hotel for them to speak to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from lockmate import db, ground, settings
from lockmate.delivery import broker as configuration
from lockmate.delivery import certificates
from lockmate.doors import commission
from lockmate.keys import vault
from lockmate.properties.models import Property
from tools.fleet import roll
from tools.hotel.house import INGEST_READY, ROOT, lockmate_words
from tools.processes import LOOPBACK, Process, Processes, free_port

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "broker.fleet"  # what its certificate calls it
_SHARD_READY = 180.0


class Fleet:
    """`shards` processes with `count` doors in all of a roll, from its door number `first` on."""

    def __init__(self, file: Path, count: int, shards: int, *, first: int = 0) -> None:
        self.count = count
        each = -(-count // shards)
        self._shards = [_Shard(file, first + at, min(each, count - at)) for at in range(0, count, each)]
        for shard in self._shards:
            shard.ready()

    def ask(self, **words: Any) -> list[Any]:
        """Tell all shards at once; their answers."""
        for shard in self._shards:
            shard.tell(words)
        return [shard.answer() for shard in self._shards]

    def look(self) -> dict[str, int]:
        """The doors' state, added up."""
        answers = self.ask(do="look")
        total = {name: sum(answer[name] for answer in answers) for name in answers[0]}
        total["oldest_policy"] = min(answer["oldest_policy"] for answer in answers)
        return total

    def until(self, condition: Callable[[dict[str, int]], bool], seconds: float, pace: float = 0.25) -> float:
        """Look again and again; how long it took until it was so. Raises TimeoutError with the last look."""
        begun = time.monotonic()
        while True:
            seen = self.look()
            if condition(seen):
                return time.monotonic() - begun
            if time.monotonic() - begun > seconds:
                raise TimeoutError(f"not so after {seconds:g} s: {seen}")
            time.sleep(pace)

    def in_step(self, seen: dict[str, int]) -> bool:
        """Every door connected, answered on this connection, with a policy, and with nothing left to tell."""
        return seen["quiet"] == seen["policy"] == self.count

    def told(self) -> dict[str, tuple[str, int, int]]:
        """For each companion its journal, how many lines it wrote, and its policy's version."""
        return {name: tuple(one) for answer in self.ask(do="told") for name, one in answer.items()}

    def cpu_seconds(self) -> float:
        """What the shards used so far."""
        return sum(cpu_of(shard.pid) for shard in self._shards)

    def end(self) -> None:
        """All shards."""
        for shard in self._shards:
            shard.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


class _Shard:
    def __init__(self, file: Path, first: int, count: int) -> None:
        path = os.pathsep.join([str(ROOT / "cloud"), str(ROOT)])
        self._child = subprocess.Popen(
            [sys.executable, "-m", "tools.fleet.shard", str(file), str(first), str(count)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}, cwd=ROOT, start_new_session=True, text=True)
        self.pid = self._child.pid

    def ready(self) -> None:
        self.answer()

    def tell(self, words: dict[str, Any]) -> None:
        self._pipe(self._child.stdin).write(json.dumps(words) + "\n")
        self._pipe(self._child.stdin).flush()

    def answer(self) -> Any:
        line = self._pipe(self._child.stdout).readline()
        if not line:
            raise RuntimeError(f"a shard of the fleet ended with {self._child.wait(10)}")
        return json.loads(line)

    def end(self) -> None:
        if self._child.poll() is None:
            self.tell({"do": "end"})
            try:
                self._child.wait(30)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            self._pipe(pipe).close()

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe


class Hall:
    """A hotel in a folder, with broker, workers and a roll of doors. database: LOCKMATE_DATABASE; None: SQLite."""

    def __init__(self, folder: Path, database: str | None = None, *, ingest_workers: int = 1) -> None:
        self.folder = folder
        self.port, self.web_port = free_port(), free_port()
        self.clock = folder / "clock"  # an offset in ms that moves the cloud's time
        self.env = {
            "LOCKMATE_DATA": str(folder / "data"), "LOCKMATE_BROKER_PORT": str(self.port),
            "LOCKMATE_BROKER_NAME": NAME, "LOCKMATE_PORT": str(self.web_port), "LOCKMATE_TESTING": "1",
            "LOCKMATE_TEST_CLOCK": str(self.clock), **({"LOCKMATE_DATABASE": database} if database else {}),
        }  # fmt: skip
        self.settings = settings.use(settings.load(self.env))
        vault.make(self.settings.master_key_file)
        vault.make(self.settings.secret_key_file)
        db.migrate(self.settings)
        ground.lay(self.settings)
        found = Property.get_or_none(Property.name == "Fleet")
        self.property: Property = found or commission("Fleet", "Asia/Shanghai")
        files = folder / "data" / "broker"
        written = certificates.write(files, self.property, [NAME, LOOPBACK], ingest_workers=ingest_workers)
        conf = configuration.write(files, written, port=self.port, ingest_workers=ingest_workers)
        self.processes = Processes()
        self.broker = self.processes.add(Process("broker", conf.argv, log=folder / "broker.log"))

    def roll(self, count: int, told: Callable[[int], None] = lambda _done: None) -> Path:
        """Doors to speak for."""
        return roll.write(self.folder / "roll", self.property, count, (LOOPBACK, self.port, NAME), told)

    def start_broker(self) -> None:
        """And wait until it listens."""
        self.broker.start()
        self.broker.wait_for_port(self.port, 60)

    def worker(self, *words: str) -> Process:
        """`lockmate worker …`, started and connected."""
        process = Process(" ".join(words), lockmate_words("worker", *words), self.worker_env(),
                          log=self.folder / f"{'-'.join(words)}.log", cwd=ROOT)
        self.processes.start(process)
        process.wait_for_line(INGEST_READY, 60)
        return process

    def web(self) -> Process:
        """`lockmate serve`, started and listening."""
        process = Process("web", lockmate_words("serve"), self.worker_env(), log=self.folder / "web.log", cwd=ROOT)
        self.processes.start(process)
        process.wait_for_port(self.web_port, 60)
        return process

    def worker_env(self) -> dict[str, str]:
        """The settings for a process of this hotel."""
        return {**self.env, "PYTHONPATH": os.pathsep.join([str(ROOT / "cloud"), str(ROOT)]), "PYTHONUNBUFFERED": "1"}

    def close(self) -> None:
        """End everything."""
        self.processes.stop()
        db.disconnect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def cpu_of(pid: int) -> float:
    """Seconds of processor time of a process and its children that ended (proc(5), fields 14 to 17)."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
    return sum(int(fields[n]) for n in (11, 12, 13, 14)) / os.sysconf("SC_CLK_TCK")


def memory_of(pid: int) -> int:
    """Bytes of memory that are this process's share (Pss of smaps_rollup)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0
