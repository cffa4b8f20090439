"""The companions that speak in a batch, looked up at once and afresh, so that one retired a moment ago counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lockmate.db import rows

if TYPE_CHECKING:
    from collections.abc import Iterable

_COMPANIONS = """
    SELECT c.id, c.companion_id, c.property_id, c.door_id, c.state, c.link_key, c.link_other, COALESCE(d.number, 0)
    FROM companion c LEFT JOIN door d ON d.id = c.door_id WHERE c.companion_id IN ({})"""
_POLICIES = "SELECT door_id, MAX(version) FROM policy WHERE door_id IN ({}) GROUP BY door_id"


class Known(NamedTuple):
    """What a batch needs of a companion; a row as models give it would cost more than all the rest."""

    id: int
    companion_id: str
    property_id: int
    door_id: int | None
    state: str
    link_key: bytes
    link_other: bytes | None
    door: int  # the door's number; 0 for a spare


def companions(companion_ids: Iterable[str]) -> dict[str, Known]:
    """Those that exist, by their id."""
    return {row[1]: Known._make(row) for row in rows(_COMPANIONS, list(dict.fromkeys(companion_ids)))}


def newest_policies(door_ids: Iterable[int]) -> dict[int, int]:
    """The version of each door's newest policy."""
    return dict(rows(_POLICIES, list(dict.fromkeys(door_ids))))
