"""The schema goes up and down with data in it, and equals the models; concurrent writers wait for each other."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import peewee as pw
import pytest
from peewee_migrate.router import Router

from lockmate import claims, db, doors, fitting, keys, pki, records, settings, staff, stays
from lockmate.db import BaseModel, schema
from lockmate.errors import Refused, all_codes
from lockmate.keys import Key
from lockmate.properties import Property

pytestmark = pytest.mark.both_databases(commits=True)


STEPS = sorted(path.stem for path in schema._FOLDER.glob("[0-9]*.py"))


def models():
    return [model for model in pw.sort_models(BaseModel.__subclasses__()) if model.__module__.startswith("lockmate.")]


def rows():
    return {model.__name__: list(model.select().order_by(model.id).dicts()) for model in models()}


@pytest.fixture
def busy_hotel(hotel, phone, time):
    """A database with a row or more in every table."""
    companion = hotel.companion("801")
    stay = hotel.draft("801")
    key = phone.gets_key(hotel, stay)
    stay = stays.check_in(stays.Stay.get_by_id(stay.id), by=hotel.desk)
    keys.sheaf(key, time.now_s, slots=2)
    stays.pay(stay, 45_000, "CNY", "cash", "deposit", by=hotel.desk)
    stay = stays.Stay.get_by_id(stay.id)
    companion.reports()
    doors.open_remotely(hotel.door("801"), reason="luggage", by=hotel.desk)
    keys.printed_set(hotel.property, by=hotel.desk)
    doors.raise_epoch(hotel.property, "staff", by=hotel.desk)
    keys.holders.take(keys.holders.carry_link(phone.holder))
    stay = stays.move(stay, hotel.door("802"), by=hotel.desk).stay
    stays.check_out(stays.Stay.get_by_id(stay.id), by=hotel.desk)
    line = companion.line("boot")
    records.store(companion.row, [records.parse(companion.link_key, line)], time.now_ms)
    records.dispute(companion.id, "bad_tag", b"x", time.now_ms)
    companion.reports()
    doors.companions.retire(companion.row, by=hotel.desk)
    doors.raise_epoch(hotel.property, "staff", by=replace(hotel.desk, request="once"))
    records.raise_alarm(hotel.property, "forced", "event 1", time.now_ms, door=hotel.door("801"))
    records.reconcile()
    fit(hotel)
    doors.renewals.renew_certificate(doors.companions.by_id("c-240ac4000001"), by=hotel.desk)
    return hotel


def fit(hotel):
    """A laptop let in, a board provisioned, an acceptance begun, a PMS connected."""
    fitting.codes.sign_in(fitting.codes.make(hotel.property, by=hotel.desk), "laptop")
    board = {"serial": "240ac4000001", "chip": "ESP32"}
    request = pki.device_key("c-240ac4000001").request
    fitting.boards.provision(hotel.property, hotel.door("804"), request, **board, by=hotel.desk)
    fitting.acceptance.start(hotel.door("804"), by=hotel.desk)
    staff.systems.connect(hotel.property, "Opera", by=hotel.desk)


def test_the_database_is_for_its_owner_only(tmp_path):
    chosen = settings.load({"LOCKMATE_DATA": str(tmp_path / "new"), "LOCKMATE_DATABASE": f"sqlite:///{tmp_path}/a/b.db"})
    try:
        db.migrate(chosen)
        modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "a").iterdir()}
    finally:
        db.database.close()
    assert set(modes) >= {"b.db", "b.db-wal"}
    assert set(modes.values()) == {0o600}


def test_every_table_can_be_filled(busy_hotel):
    assert [name for name, found in rows().items() if not found] == []


def test_the_schema_goes_down_with_data_and_up_again(busy_hotel):
    while Router(db.database.obj, migrate_dir=schema._FOLDER).done:
        db.rollback()
    assert db.database.get_tables() == ["migratehistory"]
    assert db.pending()
    assert db.migrate() == STEPS
    assert not db.pending()
    assert {name for name, found in rows().items() if found} == set()


def test_keys_and_what_points_to_them_outlive_the_step_that_makes_staff_keys(busy_hotel):
    """The step makes the table of keys anew; a guest's key, its claim and its guest must find each other after it."""
    before = {name: found for name, found in rows().items() if name in ("Guest", "GuestKey", "Claim", "Holder")}
    guests = list(Key.select().where(Key.kind == "guest").order_by(Key.id).dicts())
    undone = [db.rollback()]
    while undone[-1] != "005_opens":
        undone.append(db.rollback())
    assert db.migrate() == sorted(undone)
    assert {name: rows()[name] for name in before} == before
    assert list(Key.select().order_by(Key.id).dicts()) == guests
    if not db.is_postgres():
        assert db.database.execute_sql("PRAGMA foreign_keys").fetchone() == (1,)


def columns_and_indexes(database):
    """What a database says of each table: columns with type, null and default, keys, indexes with their columns."""
    found = {}
    tables = {model._meta.table_name for model in models()}
    for table in sorted(tables):
        columns = {c.name: (c.data_type, c.null) for c in database.get_columns(table)}
        indexes = {(tuple(i.columns), i.unique) for i in database.get_indexes(table)}
        keys = {(k.column, k.dest_table) for k in database.get_foreign_keys(table)}
        found[table] = columns, indexes, keys
    return found


def test_the_migrations_make_what_the_models_say(house, on, request):
    migrated = columns_and_indexes(db.database)
    if on == "postgres":
        server = request.getfixturevalue("postgres")
        fresh = pw.PostgresqlDatabase(server.make("fresh"), prefer_psycopg3=True)
    else:
        fresh = pw.SqliteDatabase(":memory:")
    with fresh.bind_ctx(models()):
        fresh.create_tables(models())
        wanted = columns_and_indexes(fresh)
    fresh.close()
    if on == "postgres":
        server.drop("fresh")
        for table in ("event", "outbox", "audit", "disputed"):
            assert wanted[table][0].pop("id") == ("integer", False)
            assert migrated[table][0].pop("id") == ("bigint", False)
        (columns, _, keys), (wanted_columns, _, named) = migrated["event"], wanted["event"]
        assert columns == wanted_columns
        assert len(named) == 3
        assert not keys  # it names them without a constraint (migration 014)
        del wanted["event"], migrated["event"]
    assert migrated == wanted


def test_a_checkpoint_brings_all_into_the_file_itself(hotel, on, tmp_path):
    assert db.checkpoint() == 0
    if on == "postgres":
        return  # it keeps its own log
    database = Path(db.database.obj.database)
    (tmp_path / "alone.db").write_bytes(database.read_bytes())  # without what stands beside it
    with contextlib.closing(sqlite3.connect(tmp_path / "alone.db")) as alone:
        assert (hotel.property.name,) in alone.execute("SELECT name FROM property").fetchall()


def test_migrating_again_changes_nothing(busy_hotel):
    before = rows()
    assert db.migrate() == []
    assert rows() == before


def test_what_points_to_a_missing_row_is_refused(busy_hotel):
    with pytest.raises(pw.IntegrityError), db.transaction():
        Key.update(holder=999).execute()


def rename_and_fail(hotel):
    with db.transaction():
        Property.update(name="Newer").where(Property.id == hotel.property.id).execute()
        raise RuntimeError


def test_an_inner_verb_that_fails_undoes_only_itself(hotel):
    with db.transaction():
        Property.update(name="New").where(Property.id == hotel.property.id).execute()
        with pytest.raises(RuntimeError):
            rename_and_fail(hotel)
    assert Property.get_by_id(hotel.property.id).name == "New"


def test_many_writers_at_once_all_succeed(hotel):
    """Each reads, then writes: without the lock at the beginning most would fail."""
    failures = []

    def write():
        try:
            for _ in range(10):
                with db.transaction():
                    found = Property.get_by_id(hotel.property.id)
                    Property.update(move_grace_minutes=found.move_grace_minutes + 1).where(
                        Property.id == found.id
                    ).execute()
        except pw.PeeweeException as error:
            failures.append(error)
        finally:
            db.database.close()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert Property.get_by_id(hotel.property.id).move_grace_minutes == 15 + 40


def test_every_refusal_has_a_code_of_its_own():
    assert claims.WrongCode in all_codes().values()
    every = list(_refusals(Refused))
    assert len({kind.code for kind in every}) == len(every)


def _refusals(kind):
    yield kind
    for below in kind.__subclasses__():
        yield from _refusals(below)
