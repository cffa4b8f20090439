"""The ledger of generations: who a room is given to (protocol section 7)."""

from __future__ import annotations

from peewee import fn

from lockmate import clock
from lockmate.db import transaction
from lockmate.doors.errors import GenerationJump, NotARoom, RoomOccupied
from lockmate.doors.models import Companion, DoorRules
from lockmate.keys import epochs
from lockmate.properties.models import Door
from lockmate.protocol import GENERATION_JUMP_MAX


def rules_of(door: Door) -> DoorRules:
    """What the next policy of the door says; made at first use. A common door's generation is 0 for ever."""
    rules = DoorRules.get_or_none(DoorRules.door == door)
    if rules is None:
        rules = DoorRules.create(
            door=door,
            generation=1 if door.door_class == "room" else 0,
            staff_epoch=epochs.of(door.property, "staff"),
            emergency_epoch=epochs.of(door.property, "emergency"),
        )
    return rules


def give(door: Door) -> int:
    """The generation of a new stay in this room; it is the stay's until `close`.

    Raises RoomOccupied while another stay holds the present one, GenerationJump if the door reports one
    that no restore explains.
    """
    _require_room(door)
    with transaction():
        rules = rules_of(door)
        if rules.taken:
            raise RoomOccupied(room=door.name)
        reported = reported_generation(door)
        if reported > rules.generation:  # the database is older than the door: it was restored from a backup
            rules.generation = _after(door, rules, reported)
        rules.taken = True
        rules.save()
        return rules.generation


def close(door: Door) -> int:
    """End the present generation: the door's minimum becomes the next, which is returned.

    Nothing that a door reports may keep a stay from ending: one that is further ahead than a restore explains
    refuses the old keys anyway, and `give` tells of it.
    """
    _require_room(door)
    with transaction():
        rules = rules_of(door)
        reported = reported_generation(door)
        ahead = reported - rules.generation > GENERATION_JUMP_MAX
        rules.generation = rules.generation + 1 if ahead else _after(door, rules, reported)
        rules.taken = False
        rules.save()
        return rules.generation


def restored(door: Door) -> int:
    """After a restore from backup: the next generation beyond database and door, free to be given."""
    _require_room(door)
    with transaction():
        rules = rules_of(door)
        rules.generation = _after(door, rules, reported_generation(door))
        rules.save()
        return rules.generation


def reported_generation(door: Door) -> int:
    """The highest that a companion in service of this door has told; 0 if none did."""
    query = Companion.select(fn.MAX(Companion.generation)).where(
        Companion.door == door, Companion.state == "in_service"
    )
    highest: int | None = query.scalar()
    return highest or 0


def _after(door: Door, rules: DoorRules, reported: int) -> int:
    """max(database, reported) + 1, unless the door is further ahead than a restore explains."""
    if reported - rules.generation > GENERATION_JUMP_MAX:
        raise GenerationJump(room=door.name, ledger=rules.generation, reported=reported, at=clock.now_ms())
    return max(rules.generation, reported) + 1


def _require_room(door: Door) -> None:
    if door.door_class != "room":
        raise NotARoom(field="door", value=door.name)
