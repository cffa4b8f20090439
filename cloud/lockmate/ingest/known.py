"""The companions that speak in a batch, looked up at once and afresh, so that one retired a moment ago counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from peewee import JOIN, fn

from lockmate.doors import Companion, Policy
from lockmate.properties.models import Door

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Value = TypeVar("Value")

_AT_A_TIME = 500  # values of one query


class Known(NamedTuple):
    """What a batch needs of a companion; a row as models give it would cost more than all the rest."""

    id: int
    companion_id: str
    property_id: int
    door_id: int | None
    state: str
    link_key: bytes
    door: int  # the door's number; 0 for a spare


def companions(companion_ids: Iterable[str]) -> dict[str, Known]:
    """Those that exist, by their id."""
    found = {}
    for some in _slices(sorted(set(companion_ids))):
        rows: Any = (
            Companion.select(
                Companion.id, Companion.companion_id, Companion.property, Companion.door, Companion.state,
                Companion.link_key, fn.COALESCE(Door.number, 0),
            )
            .join(Door, JOIN.LEFT_OUTER)
            .where(Companion.companion_id.in_(some))
            .tuples()
        )  # fmt: skip
        found.update({row[1]: Known._make([*row[:5], bytes(row[5]), row[6]]) for row in rows})
    return found


def newest_policies(door_ids: Iterable[int]) -> dict[int, int]:
    """The version of each door's newest policy."""
    found: dict[int, int] = {}
    for some in _slices(sorted(set(door_ids))):
        query = Policy.select(Policy.door, fn.MAX(Policy.version)).where(Policy.door.in_(some)).group_by(Policy.door)
        rows: Any = query.tuples()
        found.update(rows)
    return found


def _slices(values: list[Value]) -> Iterator[list[Value]]:
    for start in range(0, len(values), _AT_A_TIME):
        yield values[start : start + _AT_A_TIME]
