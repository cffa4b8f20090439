"""PostgreSQL's partitions of the audit trail, one for each month in UTC; what fits none lies in the default one."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from lockmate import clock
from lockmate.db.base import database, is_postgres, transaction

AHEAD = 3  # months beyond the present one
_BACK = 1
_NAME = re.compile(r"event_(\d{4})_(\d\d)")


def prepare() -> list[str]:
    """Make the partitions of the last month, this one and the next three where they are missing; their names.

    Lines that came before their month was made (a door's clock ran ahead) move from the default partition.
    """
    if not is_postgres():
        return []
    wanted = [_months_on(offset) for offset in range(-_BACK, AHEAD + 1)]
    there = set(held())
    if there.issuperset(_name(*month) for month in wanted):
        return []
    with transaction():
        there = set(held())
        missing = [month for month in wanted if _name(*month) not in there]
        for month in missing:
            _make(*month)
    return [_name(*month) for month in missing]


def held() -> list[str]:
    """The partitions of months that exist, oldest first."""
    rows = database.execute_sql(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'event'::regclass"
    ).fetchall()
    return sorted(name for (name,) in rows if _NAME.fullmatch(name))


def _make(year: int, month: int) -> None:
    """Filled before it is attached: PostgreSQL refuses a partition whose rows are in the default one."""
    name, first, end = _name(year, month), _seconds(year, month), _seconds(*_after(year, month))
    within = f"at >= {first} AND at < {end}"
    for sql in (
        f"CREATE TABLE {name} (LIKE event INCLUDING DEFAULTS, CHECK ({within}))",
        f"INSERT INTO {name} SELECT * FROM event_default WHERE {within}",  # noqa: S608
        f"DELETE FROM event_default WHERE {within}",  # noqa: S608
        f"ALTER TABLE event ATTACH PARTITION {name} FOR VALUES FROM ({first}) TO ({end})",
    ):
        database.execute_sql(sql)


def _name(year: int, month: int) -> str:
    return f"event_{year:04}_{month:02}"


def _months_on(offset: int) -> tuple[int, int]:
    today = datetime.fromtimestamp(clock.now_s(), UTC)
    whole = today.year * 12 + today.month - 1 + offset
    return whole // 12, whole % 12 + 1


def _after(year: int, month: int) -> tuple[int, int]:
    return (year + 1, 1) if month == 12 else (year, month + 1)


def _seconds(year: int, month: int) -> int:
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp())
