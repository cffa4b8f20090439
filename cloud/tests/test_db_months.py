"""On PostgreSQL the audit trail lies in months; its keys let Citus spread it over machines by hotel."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lockmate import db, records
from lockmate.db import months
from lockmate.records import Event

OPERATE = Path(__file__).parents[2] / "docs" / "operate.md"
MONTH = 31 * 86_400


pytestmark = pytest.mark.both_databases(commits=True, only=["postgres"])


def parts():
    return dict(db.database.execute_sql("SELECT tableoid::regclass::text, count(*) FROM event GROUP BY 1").fetchall())


def store(companion, time, *times):
    lines = [records.parse(companion.link_key, companion.line(at=at)) for at in times]
    return records.store(companion.row, lines, time.now_ms)


def test_a_line_lies_in_the_month_of_its_time_and_what_fits_none_in_the_default(hotel, time):
    companion = hotel.companion()
    assert store(companion, time, time.now_s, time.now_s + MONTH, 0, 4_294_967_295).upto_seq == 4
    assert parts() == {"event_2026_11": 1, "event_2026_12": 1, "event_default": 2}
    assert Event.select().count() == 4


def test_months_are_made_ahead_and_take_what_came_before_them(hotel, time):
    companion = hotel.companion()
    store(companion, time, time.now_s + 5 * MONTH)
    assert parts() == {"event_default": 1}
    assert months.prepare() == []
    time.passes(days=62)
    assert months.prepare() == ["event_2027_03", "event_2027_04"]
    assert parts() == {"event_2027_04": 1}
    assert months.held()[:2] == ["event_2026_10", "event_2026_11"]
    assert months.prepare() == []


def test_events_of_many_months_go_down_and_up_with_the_schema(hotel, time):
    companion = hotel.companion()
    store(companion, time, *(time.now_s + n * MONTH for n in range(-3, 6)))
    before = list(Event.select().order_by(Event.id).dicts())
    undone = [db.rollback()]
    while undone[-1] != "009_event_partitions":
        undone.append(db.rollback())
    assert list(Event.select().order_by(Event.id).dicts()) == before
    assert len(db.database.get_foreign_keys("event")) == 3  # as they were
    assert db.migrate() == sorted(undone)
    assert list(Event.select().order_by(Event.id).dicts()) == before
    assert store(companion, time, time.now_s).upto_seq == 10
    assert set(parts()) >= {"event_2026_11", "event_default"}
    assert not db.database.get_foreign_keys("event")


def keys_of(table):
    """The columns of each unique index."""
    rows = db.database.execute_sql(
        "SELECT array_agg(a.attname::text) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND "
        "a.attnum = ANY (i.indkey) WHERE i.indrelid = %s::regclass AND i.indisunique GROUP BY i.indexrelid", (table,)
    )
    return [set(row[0]) for row in rows.fetchall()]


def test_the_layout_fits_the_path_to_citus_that_operate_shows(house):
    """Citus wants the distribution column in every key of a distributed table, and that it refers to reference tables;
    those refer only to one another (docs.citusdata.com, "Creating and Modifying Distributed Tables")."""
    text = OPERATE.read_text("utf-8")
    distributed = dict(re.findall(r"create_distributed_table\('(\w+)', '(\w+)'\)", text))
    reference = re.findall(r"create_reference_table\('(\w+)'\)", text)
    assert distributed == {"event": "property_id"}
    for table, column in distributed.items():
        assert keys_of(table)
        assert all(column in key for key in keys_of(table)), table
    for number, table in enumerate(reference):
        wanted = {key.dest_table for key in db.database.get_foreign_keys(table)}
        assert wanted <= set(reference[: number + 1]), table
    assert {key.dest_table for key in db.database.get_foreign_keys("event")} <= set(reference)
    assert not [key for table in db.database.get_tables() for key in db.database.get_foreign_keys(table)
                if key.dest_table in distributed]
