"""Two ingest workers and two web servers on one PostgreSQL: nothing is lost, doubled or stranded."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import requests

from cloud.tests.broker import Site, apart, stored, wait
from lockmate import db, staff
from lockmate.delivery import broker as configuration
from lockmate.delivery import certificates
from lockmate.doors import JournalLog
from lockmate.records import Event
from tools.processes import Process, free_port

pytestmark = [pytest.mark.broker, pytest.mark.both_databases(only=["postgres"])]
PASSWORD = "correct horse"


@pytest.fixture
def site(tmp_path, database_url):
    made = Site(tmp_path, database_url)
    written = certificates.write(made.files, made.property, ["broker.test", "127.0.0.1"], ingest_workers=2)
    configuration.write(made.files, written, port=made.port, ingest_workers=2)
    made.start()
    yield made
    made.close()


def counts(worker):
    """How many messages a worker has stored."""
    return sum(int(found) for found in re.findall(r"event=stored messages=(\d+)", worker._text()))


def test_two_workers_share_what_comes_and_two_servers_show_it(site):
    staff.create_account(site.property, "anna", PASSWORD, "desk")
    servers = [server(site, n) for n in (1, 2)]
    workers = [site.worker("ingest", "--number", str(n)) for n in (1, 2)]
    doors = [site.door(number).comes() for number in (801, 802, 803)]
    for _ in range(40):
        for door in doors:
            door.says("events", door.lines(2))
    for door in doors:
        door.waits_for_ack(80)
    assert sorted(stored()) == sorted((door.log, seq) for door in doors for seq in range(1, 81))
    assert [log.stored_seq for log in JournalLog.select()] == [80, 80, 80]
    assert apart() == []
    assert all(counts(worker) >= 20 for worker in workers)
    for address in servers:
        page = signed_in(address).get(f"{address}/desk/doors/801/events", timeout=20)
        assert page.status_code in (200, 404)
        assert requests.get(f"{address}/healthz", timeout=20).json()["ok"]


def test_what_a_worker_that_left_had_been_dealt_is_not_stranded(site):
    """A durable member that is away goes on being dealt messages: `--leave` takes them and gives up the share."""
    staying, leaving = (site.worker("ingest", "--number", str(n)) for n in (1, 2))
    door = site.door().comes()
    leaving.kill()
    for _ in range(60):
        door.says("events", door.line())
    wait(lambda: Event.select().count() > 10, "the first worker's half")
    assert Event.select().count() < 60
    left = site.worker("ingest", "--number", "2", "--leave", ready=False)
    assert left.wait(30) == 0
    door.waits_for_ack(60)
    assert stored(door) and {seq for _, seq in stored(door)} == set(range(1, 61))
    for _ in range(20):  # now all of them come to the one that stays
        door.says("events", door.line())
    door.waits_for_ack(80)
    assert staying.running
    again = site.worker("ingest", "--number", "2", "--leave", ready=False)  # and again, with nothing left to take
    assert again.wait(30) == 0
    assert Event.select().count() == 80


def server(site, number):
    port = free_port()
    env = {**site.env, "LOCKMATE_PORT": str(port), "PYTHONPATH": "cloud:."}
    process = Process(f"web {number}", [sys.executable, "-m", "lockmate", "serve"], env,
                      log=site.folder / f"web{number}.log", cwd=Path(__file__).parents[2])
    site._workers.append(process)
    process.start()
    process.wait_for_port(port, 40)
    return f"http://127.0.0.1:{port}"


def signed_in(address):
    browser = requests.Session()
    page = browser.get(f"{address}/desk/login", timeout=20).text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)[1]
    form = {"name": "anna", "password": PASSWORD, "csrf_token": token}
    done = browser.post(f"{address}/desk/login", form, timeout=20)
    assert done.status_code == 200
    return browser


def test_a_session_begun_at_one_server_goes_on_at_the_other(site):
    """Web servers keep no state: the same secret key file is all they share beside the database."""
    staff.create_account(site.property, "anna", PASSWORD, "desk")
    first, second = (server(site, n) for n in (1, 2))
    browser = signed_in(first)
    assert db.is_postgres()
    assert browser.get(f"{second}/desk/rack", timeout=20, allow_redirects=False).status_code == 200
