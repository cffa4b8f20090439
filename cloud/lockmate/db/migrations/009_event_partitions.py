"""PostgreSQL keeps events by the month in which they happened; every key of theirs holds the hotel (for Citus)."""

from __future__ import annotations

import peewee as pw
from peewee_migrate import Migrator

# A partitioned table's keys must hold what it is partitioned by, so the same identity with other bytes may enter with
# another time: records.storing looks for that. The hotel is in each key, as Citus wants it of a distributed table.
_UP = """
DO $up$
DECLARE
    foreign_keys text[];
    others text[];
    clause text;
BEGIN
    IF EXISTS (SELECT FROM pg_constraint WHERE contype = 'f' AND confrelid = 'event'::regclass) THEN
        RAISE EXCEPTION 'a table refers to event: it can not be partitioned';
    END IF;
    SELECT array_agg('ALTER TABLE event ADD CONSTRAINT ' || quote_ident(conname) || ' ' || pg_get_constraintdef(oid))
        INTO foreign_keys FROM pg_constraint WHERE contype = 'f' AND conrelid = 'event'::regclass;
    SELECT array_agg(pg_get_indexdef(indexrelid))
        INTO others FROM pg_index WHERE indrelid = 'event'::regclass AND NOT indisunique;
    ALTER TABLE event RENAME TO event_whole;
    CREATE TABLE event (LIKE event_whole INCLUDING DEFAULTS) PARTITION BY RANGE (at);
    ALTER TABLE event ALTER COLUMN id TYPE BIGINT;
    ALTER SEQUENCE event_id_seq AS BIGINT OWNED BY event.id;
    CREATE TABLE event_default PARTITION OF event DEFAULT;
    INSERT INTO event SELECT * FROM event_whole;
    DROP TABLE event_whole;
    ALTER TABLE event ADD PRIMARY KEY (id, property_id, at);
    CREATE UNIQUE INDEX event_identity ON event (companion_id, log, seq, property_id, at);
    FOREACH clause IN ARRAY foreign_keys || others LOOP
        EXECUTE clause;
    END LOOP;
END
$up$
"""

_DOWN = """
DO $down$
DECLARE
    foreign_keys text[];
    others text[];
    clause text;
BEGIN
    SELECT array_agg('ALTER TABLE event ADD CONSTRAINT ' || quote_ident(conname) || ' ' || pg_get_constraintdef(oid))
        INTO foreign_keys FROM pg_constraint WHERE contype = 'f' AND conrelid = 'event'::regclass AND conparentid = 0;
    SELECT array_agg(replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON '))
        INTO others FROM pg_index WHERE indrelid = 'event'::regclass AND NOT indisunique;
    ALTER TABLE event RENAME TO event_parts;
    CREATE TABLE event (LIKE event_parts INCLUDING DEFAULTS);
    ALTER SEQUENCE event_id_seq OWNED BY event.id;
    INSERT INTO event SELECT * FROM event_parts;
    DROP TABLE event_parts;
    ALTER TABLE event ADD PRIMARY KEY (id);
    CREATE UNIQUE INDEX event_companion_id_log_seq ON event (companion_id, log, seq);
    FOREACH clause IN ARRAY foreign_keys || others LOOP
        EXECUTE clause;
    END LOOP;
END
$down$
"""


def migrate(migrator: Migrator, database: pw.Database, *, fake=False):
    """Up; SQLite has no partitions. The months themselves are made by `lockmate.db.months`."""
    if isinstance(database, pw.PostgresqlDatabase):
        migrator.sql(_UP)


def rollback(migrator: Migrator, database: pw.Database, *, fake=False):
    """Down."""
    if isinstance(database, pw.PostgresqlDatabase):
        migrator.sql(_DOWN)
