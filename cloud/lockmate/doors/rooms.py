"""The ledger of generations: who a room is given to (protocol section 7)."""

from __future__ import annotations

from peewee import fn

from lockmate import clock
from lockmate.db import transaction
from lockmate.doors.errors import GenerationJump, NotARoom, RoomOccupied
from lockmate.doors.models import Companion, DoorRules
from lockmate.keys import epochs
from lockmate.properties.models import Door
from lockmate.protocol import GENERATION_JUMP_MAX, U32_MAX
from lockmate.staff import Actor, audit, once


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
        if max(reported, rules.beyond + 1) > rules.generation:  # the books are older than the door: they were restored
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
        ahead = reported - max(rules.generation, rules.beyond) > GENERATION_JUMP_MAX
        rules.generation = _after(door, rules, 0 if ahead else reported)
        rules.taken = False
        rules.save()
        return rules.generation


def restored(door: Door) -> int:
    """After a restore from backup: the next generation beyond database and door, free to be given.

    A person's word, since it ends the keys of whoever is in the room and not in the books. Raises GenerationJump.
    """
    _require_room(door)
    with transaction():
        rules = rules_of(door)
        rules.generation = _after(door, rules, reported_generation(door))
        rules.save()
        return rules.generation


def note_ahead(door: Door, reported: int) -> None:
    """A companion knows more than the books, which were restored: remember up to which generation they may be wrong.

    Nothing is ended by that: who came in the time that was lost may be asleep in the room. The next stay takes a later
    generation than any that was lost. A jump that no restore explains is not believed, and told at the next check-in.
    """
    rules = rules_of(door)
    if door.door_class != "room" or reported <= rules.beyond or reported - rules.generation > GENERATION_JUMP_MAX:
        return
    DoorRules.update(beyond=reported).where(DoorRules.id == rules.id).execute()


@once("door:accept_generation")
def accept(door: Door, *, by: Actor) -> int:
    """A person looked at a door whose generation jumped (GenerationJump), and says that it is to be followed.

    Returns the next generation, beyond what the door reports. Raises NotARoom, and GenerationJump if none is left.
    """
    by.within(door.property_id)
    _require_room(door)
    with transaction():
        rules, reported = rules_of(door), reported_generation(door)
        if reported >= U32_MAX - GENERATION_JUMP_MAX:
            raise GenerationJump(room=door.name, ledger=rules.generation, reported=reported, at=clock.now_ms())
        if not rules.taken:
            rules.generation = max(rules.generation, reported, rules.beyond) + 1
        else:
            rules.beyond = max(rules.beyond, reported)  # the stay that is in it is re-keyed beyond that
        rules.save()
        audit.record(by, "door:accept_generation", f"door {door.number}", door=door.name, reported=reported)
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
    if reported - max(rules.generation, rules.beyond) > GENERATION_JUMP_MAX:
        raise GenerationJump(room=door.name, ledger=rules.generation, reported=reported, at=clock.now_ms())
    return max(rules.generation, reported, rules.beyond) + 1


def _require_room(door: Door) -> None:
    if door.door_class != "room":
        raise NotARoom(field="door", value=door.name)
