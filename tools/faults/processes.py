"""Processes die by kill -9 under load: web, delivery, both ingest workers, broker, database (PostgreSQL). Then, on
SQLite: the disk is full, the broker is wiped of its data, the clock jumps, the database is an hour back in time.

Nothing may be lost or doubled, and what the cloud states of its doors must be what they hold.
"""

from __future__ import annotations

import collections
import random
import resource
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lockmate import backup, db, ground, settings
from lockmate.records.models import Event
from tools.faults.site import DOORS, Site
from tools.postgres import Postgres

if TYPE_CHECKING:
    from tools.faults.tally import Tally

ROUNDS = 200
_VICTIMS = ("web", "delivery", "ingest", "ingest --number 2", "broker", "database")
_SETTLE_EVERY = 50
_DAY_MS = 86_400_000
_ROOM = 65_536  # bytes that the workers' logs may still grow by
_FULL_ROUNDS = 300


def run(tally: Tally, rounds: int = ROUNDS, seed: int = 3) -> None:
    """`rounds` kills, then the four faults of a bad week."""
    with (
        tempfile.TemporaryDirectory(prefix="lockmate-faults-") as name,
        Postgres.temporary(durable=True) as server,
        Site(Path(name), server) as site,
    ):
        _kill_them(site, tally, rounds, random.Random(seed))
    with tempfile.TemporaryDirectory(prefix="lockmate-faults-") as name, Site(Path(name), None) as site:
        for fault in (_full_disk, _wiped_broker, _jumping_clock, _back_in_time):
            tally.fault()
            begun = time.monotonic()
            fault(site, tally)
            print(f"  {fault.__name__[1:].replace('_', ' ')}: {time.monotonic() - begun:.0f} s", flush=True)


def _kill_them(site: Site, tally: Tally, rounds: int, dice: random.Random) -> None:
    """Every victim in turn, in an order of chance; load before, while it is dead, and after."""
    killed: collections.Counter[str] = collections.Counter()
    order: list[str] = []
    for round_ in range(1, rounds + 1):
        if not order:
            order = dice.sample(_VICTIMS, len(_VICTIMS))
        victim = order.pop()
        site.load(round_)
        time.sleep(dice.uniform(0, 0.15))  # the fault's moment: anywhere in the work on what was just said
        site.kill(victim)
        tally.fault()
        killed[victim] += 1
        site.load(round_ + 3)
        site.revive(victim)
        if round_ % _SETTLE_EVERY == 0 or round_ == rounds:
            site.settle(tally, f"after {round_} kills")
            print(f"  {round_} kills, {Event.select().count()} lines, {site.changed} policies: "
                  f"{', '.join(f'{name} {count}' for name, count in sorted(killed.items()))}", flush=True)


def _full_disk(site: Site, tally: Tally) -> None:
    """The workers' files may grow no further for a while: SQLite's own log is where that hurts."""
    workers = [site.parts[name] for name in ("ingest", "ingest --number 2", "delivery")]
    longest = max(file.stat().st_size for file in site.hall.folder.glob("*.log"))
    for worker in workers:
        resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (longest + _ROOM, resource.RLIM_INFINITY))
    ingest = workers[0]
    for round_ in range(_FULL_ROUNDS):
        site.load(round_)
        time.sleep(0.1)
        if "event=database_away" in ingest.tail(1_000):
            break
    tally.check("event=database_away" in ingest.tail(1_000), "full disk: the worker does not say so")
    tally.check(site.fleet.look()["waiting"] > 0, "full disk: the doors were told that all is stored")
    held = Event.select().count()
    for worker in workers:
        resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    site.settle(tally, "after a full disk")
    tally.check(Event.select().count() > held, "full disk: nothing was stored after it")


def _wiped_broker(site: Site, tally: Tally) -> None:
    """Sessions, queued and retained messages are gone; policies that were on their way, too."""
    site.load(1)
    site.kill("broker")
    shutil.rmtree(site.hall.settings.data / "broker" / "store")
    (site.hall.settings.data / "broker" / "store").mkdir(mode=0o700)
    site.load(2)
    site.revive("broker")
    site.load(3)
    site.settle(tally, "after the broker was wiped")


def _jumping_clock(site: Site, tally: Tally) -> None:
    """The cloud's clock is a day ahead, then an hour behind, then right."""
    for offset in (_DAY_MS, -_DAY_MS // 24, 0):
        site.hall.clock.write_text(str(offset), "ascii")
        for round_ in range(3):
            site.load(round_)
            time.sleep(0.1)
        site.settle(tally, f"with the clock {offset // 1000} s off")


def _back_in_time(site: Site, tally: Tally) -> None:
    """The database is lost, and its backup is older than what doors were told since.

    A door deletes what the cloud said is stored, so the lines between backup and loss are gone: no others may be, and
    the trail shows them as missing. All that doors believe goes on from what they report.
    """
    file = site.hall.folder / "hotel.backup"
    site.fleet.until(site.fleet.in_step, 60)
    backup.save(site.hall.settings, file)
    at_backup = {name: seq for name, (_, seq, _) in site.fleet.told().items()}
    for round_ in range(4):
        site.load(round_)
        time.sleep(0.1)
    site.fleet.until(site.fleet.in_step, 60)
    for name in ("web", "delivery", "ingest", "ingest --number 2"):
        site.kill(name)
    at_loss = {name: seq for name, (_, seq, _) in site.fleet.told().items()}
    promises = site.desk.forget()
    _put_back(site, file)
    for name in ("web", "delivery", "ingest", "ingest --number 2"):
        site.revive(name)
    site.fleet.ask(do="report")
    site.load(7)
    lost = {name: set(range(at_backup[name] + 1, at_loss[name] + 1)) for name in at_loss}
    site.settle(tally, "after the database came from a backup", lost=lost)
    print(f"  back in time: {sum(len(seqs) for seqs in lost.values())} lines of {DOORS} doors and up to {promises} "
          "orders were newer than the backup", flush=True)


def _put_back(site: Site, file: Path) -> None:
    """As an operator would: the old files out of the way, `lockmate restore`, the broker's own files as they are."""
    data = site.hall.settings.data
    db.disconnect()
    for place in [*data.glob("lockmate.db*")]:
        place.unlink()
    aside = data.with_name("aside")
    aside.mkdir()
    for name in ("pki", "broker"):
        shutil.copytree(data / name, aside / name, dirs_exist_ok=True)
        shutil.rmtree(data / name)
    backup.restore(settings.use(site.hall.settings), file)
    shutil.rmtree(data / "broker")
    shutil.copytree(aside / "broker", data / "broker")
    ground.lay(site.hall.settings)
