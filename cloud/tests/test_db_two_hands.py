"""Several sessions on one database wait for each other where they must, and only there; a wrong schema is told."""

from __future__ import annotations

import threading

import peewee as pw
import pytest

from lockmate import db, records
from lockmate.db import SchemaDiffers, schema
from lockmate.doors import JournalLog
from lockmate.ingest import batch
from lockmate.mqtt import Arrival
from lockmate.properties import Property
from lockmate.records import Disputed, Event

pytestmark = pytest.mark.both_databases(commits=True)
PATIENCE = 20


class Hand:
    """Another session at the same database; work given to it is done in its own thread."""

    def __init__(self, work):
        self.error = None
        self.result = None
        self._thread = threading.Thread(target=self._run, args=(work,))
        self._thread.start()

    def _run(self, work):
        try:
            self.result = work()
        except Exception as error:  # noqa: BLE001  told by `done`
            self.error = error
        finally:
            db.database.close()

    @property
    def waits(self):
        """Whether it is still not done after a while in which it could have been."""
        self._thread.join(0.3)
        return self._thread.is_alive()

    def done(self):
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error
        return self.result


def parsed(companion, *lines):
    return [records.parse(companion.link_key, line) for line in lines]


def lines(companion, n):
    return parsed(companion, *(companion.line() for _ in range(n)))


def test_a_second_verb_waits_for_the_first_and_sees_what_it_did(hotel):
    def read():
        with db.transaction():
            return Property.get_by_id(hotel.property.id).name

    with db.transaction():
        hand = Hand(read)
        Property.update(name="Newer").where(Property.id == hotel.property.id).execute()
        assert hand.waits
    assert hand.done() == "Newer"


def test_on_postgres_ingest_does_not_wait_for_the_desk(hotel, on, time):
    companion = hotel.companion()
    some = lines(companion, 3)
    with db.transaction():
        hand = Hand(lambda: records.store(companion.row, some, time.now_ms))
        assert hand.waits == (on == "sqlite")
    assert hand.done().upto_seq == 3


def test_two_workers_with_halves_of_one_journal_cover_all_of_it(hotel, time):
    """The second half is stored while the first is not committed yet: whoever moves the journal last sees both."""
    companion = hotel.companion()
    row = companion.row
    first, second = lines(companion, 3), lines(companion, 3)
    with db.transaction(alone=False):
        records.store(row, first, time.now_ms)
        hand = Hand(lambda: records.store(row, second, time.now_ms))
        assert hand.waits
    assert hand.done().upto_seq == 6
    assert JournalLog.get().stored_seq == 6


def test_two_workers_with_the_same_lines_store_them_once(hotel, time):
    companion = hotel.companion()
    row = companion.row
    same = lines(companion, 5)
    with db.transaction(alone=False):
        assert records.store(row, same, time.now_ms).new == 5
        hand = Hand(lambda: records.store(row, same, time.now_ms + 1))
        assert hand.waits
    assert (hand.done().new, Event.select().count(), Disputed.select().count()) == (0, 5, 0)


def test_an_identity_with_other_bytes_and_another_time_is_kept_apart(hotel, time):
    """On PostgreSQL it would lie in another month's partition, where no key forbids it."""
    companion = hotel.companion()
    row = companion.row
    assert records.store(row, lines(companion, 2), time.now_ms).upto_seq == 2
    companion.seq = 1
    other = parsed(companion, companion.line("forced", at=time.now_s - 90 * 86_400))
    result = records.store(row, other, time.now_ms + 5)
    assert (result.new, result.disputed) == (0, 1)
    assert [(event.seq, event.kind) for event in Event.select().order_by(Event.seq)] == [(1, "opened"), (2, "opened")]
    assert [dispute.reason for dispute in Disputed.select()] == ["other_bytes"]
    assert records.store(row, other, time.now_ms + 9).disputed == 0  # and once


def test_an_identity_that_comes_late_and_twice_is_kept_apart(hotel, time):
    """Behind what the door said it no longer holds: there, too, the first one stays, also when it is told again."""
    companion = hotel.companion()
    companion.seq = 99
    assert companion.reports(oldest=100).kept
    companion.seq = 49
    first = companion.line()
    companion.seq = 49
    other = companion.line("forced", at=time.now_s - 70 * 86_400)
    for line, disputed in ((first, 0), (other, 1), (first, 0)):
        assert records.store(companion.row, parsed(companion, line), time.now_ms).disputed == disputed
        assert bytes(Event.get().line) == first[17:]
        assert Event.select().count() == 1


def test_of_two_lines_with_one_identity_in_one_batch_the_first_stays(hotel, time):
    companion = hotel.companion()
    first = companion.line()
    companion.seq = 0
    second = companion.line("forced", at=time.now_s - 90 * 86_400)
    result = records.store(companion.row, parsed(companion, first, second), time.now_ms)
    assert (result.new, result.disputed, result.upto_seq) == (1, 1, 1)
    assert bytes(Event.get().line) == first[17:]


def test_two_workers_with_other_bytes_of_one_identity_keep_one_and_tell_the_other(hotel, time):
    companion = hotel.companion()
    row = companion.row
    here = lines(companion, 1)
    companion.seq = 0
    there = parsed(companion, companion.line("forced", at=time.now_s - 90 * 86_400))
    with db.transaction(alone=False):
        records.store(row, here, time.now_ms)
        hand = Hand(lambda: records.store(row, there, time.now_ms + 1))
        assert hand.waits
    assert hand.done().disputed == 1
    assert [bytes(event.line) for event in Event.select()] == [here[0].body]


def test_only_one_migration_runs_at_a_time(house, monkeypatch):
    db.rollback()
    done = []

    def migrate():
        done.append(db.migrate())

    with schema._alone():
        hand = Hand(migrate)
        assert hand.waits
        assert schema._router().run()
    hand.done()
    assert done == [[]]


def test_a_migration_that_can_not_begin_says_so(house, on):
    def migrate():
        if on == "sqlite":
            db.database.execute_sql("PRAGMA busy_timeout = 100")
        else:
            db.database.execute_sql("SET lock_timeout = '100ms'")
        db.migrate()

    with schema._alone():
        hand = Hand(migrate)
        with pytest.raises(schema.MigrationUnderWay):
            hand.done()


def test_a_schema_that_is_not_ours_is_no_database_that_is_away(hotel):
    """What can't be stored must not be acknowledged, nor waited for as if it would mend itself."""
    companion = hotel.companion()
    message = Arrival(None, 1, 1, f"lm/1/{companion.id}/up/events", companion.line(), False)
    db.database.execute_sql('ALTER TABLE "event" RENAME COLUMN "verdict" TO "judgement"')
    with pytest.raises(SchemaDiffers) as told:
        batch.keep([message, message])
    assert told.value.code == "schema_differs"
    assert Disputed.select().count() == 0


def test_a_database_that_is_locked_is_only_busy():
    assert db.require_away(pw.OperationalError("database is locked")) == "database_busy"
    assert db.require_away(pw.OperationalError("database or disk is full")) == "database_away"
