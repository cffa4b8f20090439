"""After the database was restored from a backup: rooms whose doors know more than the books."""

from __future__ import annotations

from lockmate import keys
from lockmate.db import transaction
from lockmate.doors import GenerationJump, rooms
from lockmate.properties import rooms_of
from lockmate.properties.models import Door, Property
from lockmate.staff import Actor, audit
from lockmate.stays.models import Stay
from lockmate.stays.rekeying import rekey as give_new_keys


def after_restore(property: Property, *, rekey: bool = False, accept_jumps: bool = False, by: Actor) -> list[str]:
    """To be called at once after a restore. One line for each room that is ahead, and what is to be done or was done.

    From now on every key in force is taken to have tokens out that the books do not know (`keys.assume_minted`).

    A free room needs nothing: its next stay takes a later generation. In a taken one the keys of the stay are refused;
    `rekey` gives them anew. A jump that no restore explains is followed only with `accept_jumps`.
    """
    by.within(property.id)
    with transaction():
        keys.assume_minted(property)
        chosen = {"rekey": rekey, "accept_jumps": accept_jumps}
        audit.record(by, "property:restored", f"property {property.property_id}", **chosen)
    lines = []
    for room in rooms_of(property):
        reported, ledger = rooms.reported_generation(room), rooms.rules_of(room)
        if reported <= ledger.generation and ledger.beyond < ledger.generation:
            continue
        seen = max(reported, ledger.beyond)
        told = f"{room.name}: the door has seen generation {seen}, the books say {ledger.generation}"
        stay = Stay.get_or_none(Stay.room == room, Stay.state == "in_house")
        lines.append(f"{told}; {_mended(room, stay, rekey=rekey, accept_jumps=accept_jumps, by=by)}")
    return lines


def _mended(room: Door, stay: Stay | None, *, rekey: bool, accept_jumps: bool, by: Actor) -> str:
    if accept_jumps:
        rooms.accept(room, by=by)
    if stay is None:
        return "free: the next stay goes beyond that"
    if not rekey:
        return f"stay {stay.id} is in it and its keys are refused: re-key it, or check it out"
    try:
        give_new_keys(stay, by=by)
    except GenerationJump:
        return "the jump is too large to be a restore: look at the door, then accept it"
    return f"stay {stay.id} has new keys"
