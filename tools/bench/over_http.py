"""A hotel behind its real server, for what is measured over HTTP: its pages, and a day's sheaf."""

from __future__ import annotations

import gzip
import json
import os
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockmate import claims, clock, db, doors, ground, properties, settings, staff, stays
from lockmate.keys import holders, vault
from lockmate.properties.models import Door, Property
from lockmate.staff import Actor
from tools.bench.figures import seconds
from tools.hotel.house import ROOT, lockmate_words
from tools.processes import LOOPBACK, Process, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "correct horse"  # noqa: S105  of a hotel that lives a minute
_RUNS = 31
_PHONE = "13800001234"


@dataclass(frozen=True)
class Hotel:
    """A property with rooms 1000 and up, its desk, and how to its pages."""

    property: Property
    desk: Actor
    url: str
    folder: Path
    server: Process

    def door(self, number: int) -> Door:
        """By its number."""
        found: Door = properties.door_of(self.property, number)
        return found

    def guest(self, number: int) -> str:
        """Somebody who is checked in at this room for two nights; the secret of his phone's cookie."""
        today = stays.bounds.today(self.property, clock.now_ms())
        leaves = today + timedelta(days=2)
        order = stays.orders.enter(self.property, "Wang Xiaoming", _PHONE, today, leaves, by=self.desk)
        stay = stays.prepare(order, self.door(number), by=self.desk)
        holder, secret = holders.new()
        claim = claims.open(claims.desk_ticket(self.property), holder, _PHONE)
        claims.confirm(claim, stay.present()[0], claim.code, _PHONE[-4:], by=self.desk)
        stays.check_in(stays.Stay.get_by_id(stay.id), by=self.desk)
        return secret


@contextmanager
def hotel(rooms: int, *, threads: int = 8) -> Iterator[Hotel]:
    """`rooms` rooms on SQLite, under `lockmate serve`."""
    with TemporaryDirectory(prefix="lockmate-bench-") as name:
        folder, port = Path(name), free_port()
        env = {"LOCKMATE_DATA": str(folder / "data"), "LOCKMATE_PORT": str(port), "LOCKMATE_LANGUAGE": "en"}
        chosen = settings.use(settings.load(env))
        vault.make(chosen.master_key_file)
        vault.make(chosen.secret_key_file)
        db.migrate(chosen)
        ground.lay(chosen)
        with db.transaction():
            made = doors.commission("Bench", "Asia/Shanghai")
            account = staff.create_account(made, "bench", PASSWORD, "manager")
            for number in range(1_000, 1_000 + rooms):
                properties.add_door(made, number, str(number), "room")
        path = os.pathsep.join([str(ROOT / "cloud"), str(ROOT)])
        words = lockmate_words("serve", "--threads", str(threads))
        server = Process("web", words, {**env, "PYTHONPATH": path}, log=folder / "web.log", cwd=ROOT)
        desk = Actor(account.id, account.name, made, staff.PERMISSIONS["manager"])
        try:
            yield Hotel(made, desk, f"http://{LOOPBACK}:{port}", folder, server)
        finally:
            server.stop()
            db.disconnect()


def day() -> tuple[list[float], list[float]]:
    """(ms for one day's sheaf over HTTP, the same over as many bare signatures), run by run."""
    times, ratios = [], []
    private = Ed25519PrivateKey.generate()
    with hotel(1) as house:
        secret = house.guest(1_000)
        house.server.start()
        house.server.wait_for_port(int(house.url.rsplit(":", 1)[1]), 30)
        words = {"Cookie": f"lockmate_phone={secret}", "Accept-Encoding": "gzip"}
        with closing(HTTPConnection(house.url.removeprefix("http://"), timeout=30)) as phone:

            def fetch() -> bytes:
                phone.request("GET", "/g/card/sheaf", headers=words)
                answer = phone.getresponse()
                body = answer.read()
                assert answer.status == 200, f"a sheaf was refused: {answer.status} {body[:200]!r}"
                return body

            tokens = sum(len(card["slots"]) for card in json.loads(gzip.decompress(fetch()))["cards"])
            assert tokens >= 280, f"a day has 288 tokens, not {tokens}"
            for _ in range(_RUNS):
                begun = time.perf_counter()
                fetch()
                took = time.perf_counter() - begun
                times.append(took * 1000)
                ratios.append(took / seconds(lambda: [private.sign(bytes(97)) for _ in range(tokens)]))
    return times, ratios
