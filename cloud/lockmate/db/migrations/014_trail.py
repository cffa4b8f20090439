"""What several ingest workers need to store beside each other.

Each journal keeps where its newest `log_lost` stands, so that nobody looks for one in what is held beyond a gap.

On PostgreSQL an event names its hotel, companion and door without a constraint. Whoever stores a line has just read the
companion, and none of the three is ever deleted. The constraints cost three looks for each line, and locks on the hotel
that made workers wait for each other. On SQLite, where one worker writes, they cost little and stay.
"""

from __future__ import annotations

import peewee as pw
from peewee_migrate import Migrator

_LOST = """
UPDATE journal_log SET lost_seq = COALESCE((SELECT MAX(e.seq) FROM event e
    WHERE e.companion_id = journal_log.companion_id AND e.log = journal_log.log AND e.kind = 'log_lost'), 0)
"""
_UP = """
DO $up$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT conname FROM pg_constraint
        WHERE contype = 'f' AND conrelid = 'event'::regclass AND conparentid = 0
    LOOP
        EXECUTE 'ALTER TABLE event DROP CONSTRAINT ' || quote_ident(name);
    END LOOP;
END
$up$
"""

_DOWN = """
ALTER TABLE event
    ADD CONSTRAINT event_property_id_fkey FOREIGN KEY (property_id) REFERENCES property (id) ON DELETE CASCADE,
    ADD CONSTRAINT event_companion_id_fkey FOREIGN KEY (companion_id) REFERENCES companion (id) ON DELETE CASCADE,
    ADD CONSTRAINT event_door_id_fkey FOREIGN KEY (door_id) REFERENCES door (id) ON DELETE SET NULL
"""


def migrate(migrator: Migrator, database: pw.Database, *, fake=False):
    """Up."""
    migrator.add_fields("journal_log", lost_seq=pw.BigIntegerField(default=0))
    migrator.sql(_LOST)
    if isinstance(database, pw.PostgresqlDatabase):
        migrator.sql(_UP)


def rollback(migrator: Migrator, database: pw.Database, *, fake=False):
    """Down."""
    migrator.remove_fields("journal_log", "lost_seq")
    if isinstance(database, pw.PostgresqlDatabase):
        migrator.sql(_DOWN)
