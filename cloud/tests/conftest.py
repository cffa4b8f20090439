"""What the cloud's tests speak of: a hotel, its desk, its phones, its doors and the time."""

from __future__ import annotations

import itertools
import shutil
from contextlib import contextmanager
from datetime import date, timedelta
from unittest import mock

import hypothesis
import pytest
from hypothesis.database import DirectoryBasedExampleDatabase

from cloud.tests.gates import Floor
from lockmate import claims, clock, db, doors, ground, keys, pki, properties, settings, stays
from lockmate.doors import companions, link, policies
from lockmate.keys import holders, vault
from lockmate.staff import PERMISSIONS, Account, Actor, create_account
from tools.postgres import Postgres

hypothesis.settings.register_profile("cloud", deadline=None, database=DirectoryBasedExampleDatabase("build/hypothesis"))
hypothesis.settings.load_profile("cloud")

PASSWORD = "correct horse"
BEGIN = 1_795_453_300  # 2026-11-23 17:01:40 UTC, the vectors' now


class Time:
    """The test clock: stands still until it is moved."""

    def __init__(self, file, monkeypatch):
        self.now_ms = BEGIN * 1000
        self._file = file
        monkeypatch.setattr("time.time_ns", lambda: BEGIN * 1_000_000_000)
        file.write_text("0")

    @property
    def now_s(self):
        return self.now_ms // 1000

    def passes(self, *, ms=0, **span):
        """`time.passes(hours=2)`."""
        self.now_ms += ms + int(timedelta(**span).total_seconds() * 1000)
        self._file.write_text(str(self.now_ms - BEGIN * 1000))


class Hotel:
    """A property with rooms 801 to 804, a lift, a staff gate, and somebody at its desk."""

    def __init__(self, property):
        self.property = property
        account = Account.get(Account.property == property)
        self.desk = Actor(account.id, account.name, property, PERMISSIONS["desk"])

    @staticmethod
    def build(name, timezone):
        made = doors.commission(name, timezone)
        properties.add_zone(made, 0, "Guests")
        for number in (801, 802, 803, 804):
            properties.add_door(made, number, str(number), "room", [8])
        properties.add_door(made, 9001, "Lift", "common", [0])
        properties.add_door(made, 9002, "Staff gate", "common", [1])
        create_account(made, f"anna@{name}", PASSWORD, "desk")

    def door(self, name):
        return properties.Door.get(properties.Door.property == self.property, properties.Door.name == name)

    def today(self):
        return stays.bounds.today(self.property, clock.now_ms())

    def in_days(self, days):
        return self.today() + timedelta(days=days)

    def order(self, name="Wang Xiaoming", phone="13800001234", nights=1, arrival: date | None = None):
        arrival = arrival or self.today()
        return stays.orders.enter(self.property, name, phone, arrival, arrival + timedelta(days=nights), by=self.desk)

    def draft(self, room="801", **order):
        return stays.prepare(self.order(**order), self.door(room), by=self.desk)

    def checked_in(self, room="801", **order):
        return stays.check_in(self.draft(room, **order), by=self.desk)

    def companion(self, door="801", companion_id=None):
        return Companion(self, door, companion_id or f"c-{door.lower().replace(' ', '-')}-test")


class Companion:
    """The far end of the link, as the firmware speaks; it holds what enrolment put on its flash."""

    def __init__(self, hotel, door, companion_id):
        self.enrolment = companions.enrol(
            hotel.property, hotel.door(door), companion_id, pki.device_key(companion_id).request
        )
        self.id = companion_id
        self.log = "0123456789abcdef"
        self.seq = 0
        self.generation = 0
        self.holds(policies.newest(hotel.door(door)))

    @property
    def row(self):
        return companions.by_id(self.id)

    @property
    def link_key(self):
        return bytes.fromhex(self.enrolment.config["link_key"])

    def holds(self, policy):
        self.policy_version, self.policy_hash = policy.version, policy.hash

    def state(self, **other):
        report = {
            "log": self.log,
            "seq": self.seq,
            "policy_version": self.policy_version,
            "policy_hash": self.policy_hash,
            "generation": self.generation,
            "clock": [clock.now_s(), clock.now_s() + 1],
        }
        return report | other

    def reports(self, **other):
        return companions.heard(self.row, self.state(**other))

    def line(self, kind="opened", **fields):
        """The next line of its journal."""
        self.seq += 1
        event = {"log": self.log, "seq": self.seq, "at": clock.now_s(), "unsure": 0, "kind": kind} | fields
        body = link.compact(event)
        return link.tag(self.link_key, body).encode() + b" " + body


class Phone:
    """A guest's browser."""

    def __init__(self, number="13800001234"):
        self.holder, self.secret = holders.new()
        self.number = number

    def claims_at(self, hotel):
        return claims.open(claims.desk_ticket(hotel.property), self.holder, self.number)

    def gets_key(self, hotel, stay, guest=None):
        """The whole journey: claim, and the desk confirms it for a guest of the stay."""
        claim = self.claims_at(hotel)
        return claims.confirm(claim, guest or stay.present()[0], claim.code, self.number[-4:], by=hotel.desk)


def pytest_generate_tests(metafunc):
    """What is marked `both_databases` runs on SQLite and on PostgreSQL, the rest on SQLite.

    On PostgreSQL the whole test is one transaction that is undone at its end, which is ten times as quick as a
    database of its own; `both_databases(commits=True)` gets that, for what asks from several connections.
    """
    mark = metafunc.definition.get_closest_marker("both_databases")
    if mark is not None and "on" in metafunc.fixturenames:
        metafunc.parametrize("on", mark.kwargs.get("only", ["sqlite", "postgres"]))


@pytest.fixture
def on():
    """The kind of database of this test."""
    return "sqlite"


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server for this run."""
    with Postgres.temporary() as server:
        yield server


@pytest.fixture
def database_url(on, request):
    """LOCKMATE_DATABASE of an empty database for one test; None: SQLite's file in the data folder."""
    if on == "sqlite":
        yield None
        return
    with _database(request.getfixturevalue("postgres"), "template0") as url:
        yield url


@contextmanager
def _database(server, template):
    name = f"test_{next(_COUNT)}"
    url = server.make(name, template)
    try:
        yield url
    finally:
        db.disconnect()
        server.drop(name)


_COUNT = itertools.count()


def _two_hotels(folder, **environment):
    with mock.patch("time.time_ns", return_value=BEGIN * 1_000_000_000):
        vault.make(folder / "master.key")
        vault.make(folder / "secret.key")
        db.migrate(settings.use(settings.load({"LOCKMATE_DATA": str(folder), **environment})))
        Hotel.build("Lakeside", "Asia/Shanghai")
        Hotel.build("Seaside", "Europe/Lisbon")
        db.disconnect()
    return folder


@pytest.fixture(scope="session")
def two_hotels(tmp_path_factory):
    """A data folder with keys and a database that holds two hotels, made once and copied for each test."""
    return _two_hotels(tmp_path_factory.mktemp("two_hotels"))


@pytest.fixture(scope="session")
def two_hotels_on_postgres(tmp_path_factory, postgres):
    """The same, with its database on the server: the template of each test's."""
    folder = tmp_path_factory.mktemp("two_hotels_on_postgres")
    _two_hotels(folder, LOCKMATE_DATABASE=postgres.make("two_hotels"))
    postgres.make("shared", "two_hotels")
    return folder


@pytest.fixture
def house(on, request, tmp_path):
    """The ground laid for one test: settings, database, secrets, and a clock that tests may move."""
    data = tmp_path / "data"
    environment = {
        "LOCKMATE_DATA": str(data),
        "LOCKMATE_TESTING": "1",
        "LOCKMATE_TEST_CLOCK": str(tmp_path / "clock"),
    }
    if on == "sqlite":
        shutil.copytree(request.getfixturevalue("two_hotels"), data)
        yield ground.lay(settings.load(environment))
        db.database.close()
        return
    shutil.copytree(request.getfixturevalue("two_hotels_on_postgres"), data)
    server = request.getfixturevalue("postgres")
    if request.node.get_closest_marker("both_databases").kwargs.get("commits"):
        with _database(server, "two_hotels") as url:
            yield ground.lay(settings.load({**environment, "LOCKMATE_DATABASE": url}))
        return
    chosen = ground.lay(settings.load({**environment, "LOCKMATE_DATABASE": server.url("shared")}))
    with db.database.transaction() as whole:
        yield chosen
        whole.rollback(begin=False)
    db.disconnect()


@pytest.fixture
def time(house, monkeypatch):
    return Time(house.test_clock, monkeypatch)


@pytest.fixture
def hotel(house, time):
    return Hotel(properties.Property.get(name="Lakeside"))


@pytest.fixture
def phone(hotel):
    return Phone()


@pytest.fixture
def phones(hotel):
    """Makes more phones: `phones("13900005678")`."""
    return Phone


@pytest.fixture
def another_hotel(hotel):
    return Hotel(properties.Property.get(name="Seaside"))


@pytest.fixture
def guest_key(hotel, phone):
    """A key of a guest who is checked in at 801."""
    stay = hotel.draft("801")
    phone.gets_key(hotel, stay)
    stays.check_in(stays.Stay.get_by_id(stay.id), by=hotel.desk)
    return keys.Key.get()


@pytest.fixture
def floor(hotel, time):
    return Floor(hotel, time, "801", "Lift")


@pytest.fixture
def party(hotel, phone, floor):
    """A guest in 801 for three nights, with a key."""
    stay = hotel.checked_in("801", nights=3)
    return stay, phone.gets_key(hotel, stay)
