"""A whole cloud under load for faults: every part a process of its own, a fleet of doors that never stops speaking, a
desk that enters orders over HTTP, and policies that change. At the end its books must tell exactly what was done.
"""

from __future__ import annotations

import re
import threading
import time
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Self

import peewee
import requests
from peewee import fn

from lockmate import db, outbox, properties, staff
from lockmate.doors import Companion, Policy, policies
from lockmate.records.models import Disputed, Event
from lockmate.stays.models import Order
from tools.fleet.fleet import Fleet, Hall
from tools.hotel.house import INGEST_READY
from tools.processes import LOOPBACK, Process

if TYPE_CHECKING:
    from pathlib import Path

    from tools.faults.tally import Tally
    from tools.postgres import Postgres

DOORS = 40
_PASSWORD = "correct horse"  # noqa: S105  of a hotel that lives minutes
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_HOME = 180.0  # s, until everything is home


class Site:
    """See the head of this file. `server`: PostgreSQL; None: SQLite."""

    def __init__(self, folder: Path, server: Postgres | None) -> None:
        self.server = server
        self.hall = Hall(folder, server.make("lockmate") if server else None, ingest_workers=2)
        staff.create_account(self.hall.property, "desk", _PASSWORD, "manager")
        self.roll = self.hall.roll(DOORS)
        self.hall.start_broker()
        self.parts: dict[str, Process] = {"broker": self.hall.broker, "web": self.hall.web()}
        for words in (("ingest",), ("ingest", "--number", "2"), ("delivery",)):
            self.parts[" ".join(words)] = self.hall.worker(*words)
        self.fleet = Fleet(self.roll, DOORS, 1)
        self.fleet.ask(do="connect", a_second=100.0)
        self.fleet.until(self.fleet.in_step, _HOME)
        self.desk = _Desk(self.hall)
        self.changed = 0

    def load(self, round_: int) -> None:
        """A little of everything: each door a line, a door's rules changed."""
        self.fleet.ask(do="say", count=1, in_message=1)
        number = 10_000 + round_ * 7 % DOORS
        try:
            policies.publish(properties.door_of(self.hall.property, number))
            self.changed += 1
        except (peewee.OperationalError, peewee.InterfaceError):  # the database is what died: nothing was promised
            db.database.close()

    def kill(self, name: str) -> None:
        """kill -9."""
        if name == "database":
            assert self.server is not None
            self.server.kill()
        else:
            self.parts[name].kill()

    def revive(self, name: str) -> None:
        """Start it again, and wait until it does its work, as far as the others let it."""
        if name == "database":
            assert self.server is not None
            self.server.start()
            db.disconnect()
            return
        process = self.parts[name]
        process.start()
        if name == "broker":
            process.wait_for_port(self.hall.port, 60)
        elif name == "web":
            process.wait_for_port(self.hall.web_port, 60)
        else:
            process.wait_for_line(INGEST_READY, 60)

    def settle(self, tally: Tally, when: str, *, lost: dict[str, set[int]] | None = None) -> None:
        """Everything comes home, and the books are right; lost: seqs of each companion that may be missing."""
        end = time.monotonic() + _HOME
        while not (home := self._is_home()) and time.monotonic() < end:
            time.sleep(0.2)
        tails = "" if home else "\n".join(f"{name}: {part.tail(4)}" for name, part in self.parts.items())
        tally.check(home, f"{when}: not everything came home in {_HOME:g} s: {self.fleet.look()}\n{tails}")
        self._check_trail(tally, when, lost or {})
        self._check_statements(tally, when)
        self.desk.check(tally, when)

    def _is_home(self) -> bool:
        """Nothing is on its way any more, in either direction: a policy that arrives makes its door write a line, and
        report what it holds."""
        if outbox.pending("mqtt") or not self.fleet.in_step(self.fleet.look()):
            return False
        newest = Policy.select(Policy.door, fn.MAX(Policy.version)).group_by(Policy.door)
        wanted: dict[int, int] = dict(_tuples(newest))
        held = self.fleet.told()
        served = Companion.select(Companion.companion_id, Companion.door, Companion.policy_version)
        doors = _tuples(served.where(Companion.companion_id.in_(list(held))))
        arrived = all(held[name][2] == wanted[door] == reported for name, door, reported in doors)
        return arrived and outbox.pending("mqtt") == 0

    def close(self) -> None:
        """End everything."""
        self.desk.end()
        self.fleet.end()
        self.hall.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- what must be true

    def _check_trail(self, tally: Tally, when: str, lost: dict[str, set[int]]) -> None:
        """Each door's lines, once each; nothing beyond what it wrote."""
        told = self.fleet.told()
        rows = _tuples(Event.select(Event.log, Event.seq, Companion.companion_id).join(Companion))
        held: dict[str, list[int]] = {}
        logs = {log for log, _, _ in told.values()}
        for log, seq, companion_id in rows:
            if log not in logs:
                tally.check(False, f"{when}: {companion_id} never wrote journal {log}")
            held.setdefault(companion_id, []).append(seq)
        for companion_id, (_, seq, _) in told.items():
            seqs = held.get(companion_id, [])
            missing = set(range(1, seq + 1)) - set(seqs) - lost.get(companion_id, set())
            tally.check(len(seqs) == len(set(seqs)), f"{when}: {companion_id} has lines twice")
            tally.check(not missing, f"{when}: {companion_id} lacks {sorted(missing)[:8]} of {seq}")
            tally.check(max(seqs, default=0) <= seq, f"{when}: {companion_id} never wrote line {max(seqs, default=0)}")
        apart = [(row.companion_id, row.reason, bytes(row.line)[:80]) for row in Disputed.select().limit(5)]
        tally.check(not apart, f"{when}: lines were kept apart: {apart}")

    def _check_statements(self, tally: Tally, when: str) -> None:
        """What is confirmed, a door said; what a door holds, the cloud made last."""
        told = self.fleet.told()
        for companion in Companion.select().where(Companion.companion_id.in_(list(told))):
            holds = told[companion.companion_id][2]
            newest = Policy.select().where(Policy.door == companion.door_id).order_by(Policy.version.desc()).first()
            said = f"{when}: {companion.companion_id}"
            tally.check(companion.policy_version == holds, f"{said} holds {holds}, not {companion.policy_version}")
            tally.check(newest is not None and newest.version == holds, f"{said} is behind")
            confirmed = Policy.select().where(Policy.door == companion.door, Policy.confirmed_at.is_null(False))
            tally.check(all(policy.version <= holds for policy in confirmed), f"{said} never confirmed that")


class _Desk:
    """Somebody who enters orders as fast as the pages answer, and remembers which were promised."""

    def __init__(self, hall: Hall) -> None:
        self._url = f"http://{LOOPBACK}:{hall.web_port}/desk"
        self._promised: list[str] = []
        self._asked = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="desk", daemon=True)
        self._thread.start()

    def check(self, tally: Tally, when: str) -> None:
        """Each promised order is there once; each asked one at most once."""
        names = [order.guest_name for order in Order.select(Order.guest_name)]
        promised = list(self._promised)
        missing = sorted(set(promised) - set(names))
        tally.check(not missing, f"{when}: {len(missing)} of {len(promised)} promised orders are gone: {missing[:5]}")
        tally.check(len(names) == len(set(names)), f"{when}: an order is there twice")
        tally.check(promised, f"{when}: the desk got no order through")

    def forget(self) -> int:
        """The database went back in time on purpose: what was promised since may be gone; how many promises."""
        count = len(self._promised)
        self._promised.clear()
        return count

    def end(self) -> None:
        """No more."""
        self._stop.set()
        self._thread.join(40)

    def _work(self) -> None:
        browser = requests.Session()
        while not self._stop.is_set():
            try:
                self._enter(browser)
            except (requests.RequestException, LookupError):
                browser = requests.Session()  # the server died, or its database: log in anew
                self._stop.wait(0.2)
            self._stop.wait(0.05)

    def _enter(self, browser: requests.Session) -> None:
        page = browser.get(f"{self._url}/orders/new", timeout=20)
        if 'name="guest_name"' not in page.text:
            page = browser.get(f"{self._url}/login", timeout=20)
            form = {"csrf_token": _token(page.text), "name": "desk", "password": _PASSWORD}
            browser.post(f"{self._url}/login", form, timeout=20).raise_for_status()
            page = browser.get(f"{self._url}/orders/new", timeout=20)
        self._asked += 1
        name = f"Guest {self._asked}"
        arrival = date.today() + timedelta(days=30 + self._asked % 300)  # noqa: DTZ011  any day ahead
        form = {
            "csrf_token": _token(page.text), "guest_name": name, "phone": f"138{self._asked:08}",
            "arrival_date": arrival.isoformat(), "departure_date": (arrival + timedelta(days=1)).isoformat(),
            "room": "", "group": "",
        }  # fmt: skip
        answer = browser.post(f"{self._url}/orders/new", form, timeout=20, allow_redirects=False)
        if answer.status_code == 302:
            self._promised.append(name)


def _tuples(query: Any) -> Any:
    return query.tuples()


def _token(page: str) -> str:
    found = _TOKEN.search(page)
    if found is None:
        raise LookupError("no form on this page")
    return found[1]

