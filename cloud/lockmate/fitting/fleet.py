"""The fleet as an installer sees it: every door with how far it is and what it lacks, and the boards without a door."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from peewee import JOIN, fn

from lockmate.doors.models import Companion, Policy
from lockmate.fitting.models import Acceptance, Board
from lockmate.properties.models import Door, Property

# a door goes from left to right; a board goes flashed, then as its door, and in the end retired
DOOR_STATES = ("made", "provisioned", "accepted", "in_service")
BOARD_STATES = ("flashed", "spare", "retired")
LACKS = ("board", "heard", "policy", "acceptance", "line")


@dataclass(frozen=True, slots=True)
class Fitted:
    """A companion at a door, with its certificate if it has one."""

    companion: Companion
    acceptance_id: int | None
    in_step: bool

    @property
    def state(self) -> str:
        """How far it is."""
        if self.acceptance_id is None:
            return "provisioned"
        return "in_service" if self.in_step and self.companion.online else "accepted"

    @property
    def lacks(self) -> list[str]:
        """What it still needs."""
        facts = {
            "heard": self.companion.heard_at is not None,
            "policy": self.in_step,
            "acceptance": self.acceptance_id is not None,
            "line": self.companion.online,
        }
        return [name for name, there in facts.items() if not there]


@dataclass(frozen=True, slots=True)
class DoorRow:
    """A door; a suite's has two companions, and is as far as the one that is behind."""

    door: Door
    fitted: list[Fitted]

    @property
    def state(self) -> str:
        """One of DOOR_STATES."""
        return min((one.state for one in self.fitted), key=DOOR_STATES.index) if self.fitted else "made"

    @property
    def lacks(self) -> list[str]:
        """What its companions still need, in the order in which it is done."""
        if not self.fitted:
            return ["board"]
        lacking = {name for one in self.fitted for name in one.lacks}
        return [name for name in LACKS if name in lacking]


@dataclass(frozen=True, slots=True)
class BoardRow:
    """A board that hangs at no door."""

    board: Board
    state: str


def doors(property: Property) -> list[DoorRow]:
    """Every door of the hotel, by class and number; four queries, however many doors."""
    newest = _newest_policies(property)
    certificates = _certificates(property)
    companions: dict[int | None, list[Companion]] = defaultdict(list)
    for one in Companion.select().where(Companion.property == property, Companion.state == "in_service"):
        companions[one.door_id].append(one)
    return [
        DoorRow(
            door,
            [
                Fitted(
                    one,
                    certificates.get((one.id, door.id)),
                    newest.get(door.id) == (one.policy_version, one.policy_hash),
                )
                for one in companions[door.id]
            ],
        )
        for door in Door.select().where(Door.property == property).order_by(Door.door_class.desc(), Door.number)
    ]


def boards(property: Property) -> list[BoardRow]:
    """Boards that were flashed and wait, spares, and retired ones; those at a door are told with it."""
    found = []
    for board in (
        Board.select(Board, Companion)
        .join(Companion, JOIN.LEFT_OUTER)
        .where(Board.property == property)
        .order_by(Board.id.desc())
    ):
        companion = board.companion if board.companion_id is not None else None
        if board.retired_at is not None:
            found.append(BoardRow(board, "retired"))
        elif companion is None:
            found.append(BoardRow(board, "flashed"))
        elif companion.door_id is None:
            found.append(BoardRow(board, "spare"))
    return found


def _newest_policies(property: Property) -> dict[int, tuple[int, str]]:
    last = Policy.select(Policy.door, fn.MAX(Policy.version).alias("version")).group_by(Policy.door).alias("last")
    query = (
        Policy.select(Policy.door, Policy.version, Policy.hash)
        .join(Door)
        .switch(Policy)
        .join(last, on=(last.c.door_id == Policy.door) & (last.c.version == Policy.version))
        .where(Door.property == property)
    )
    return {row.door_id: (row.version, row.hash) for row in query}


def _certificates(property: Property) -> dict[tuple[int, int], int]:
    """The acceptance (row id) that counts now, by (companion, door) row ids."""
    query = (
        Acceptance.select(Acceptance.id, Acceptance.companion, Acceptance.door)
        .join(Companion)
        .where(
            Acceptance.property == property,
            Acceptance.document.is_null(False),
            Acceptance.started_at >= Companion.enrolled_at,
        )
        .order_by(Acceptance.id)
    )
    return {(row.companion_id, row.door_id): row.id for row in query}
