"""What the staff does about doors and keys: reset tokens, epochs raised, a staff key ended."""

from __future__ import annotations

import os

from lockmate import clock, keys
from lockmate.db import transaction
from lockmate.doors import policies
from lockmate.doors.denials import deny
from lockmate.doors.errors import DenyListFull, NotARoom, NotStaffKey
from lockmate.doors.models import DoorRules
from lockmate.doors.rooms import rules_of
from lockmate.keys import epochs, issuer
from lockmate.keys.models import Key
from lockmate.keys.token import mint
from lockmate.properties.models import Door, Property
from lockmate.protocol import RESET_KIND
from lockmate.staff import Actor, audit, once

RESET_SECONDS = 3_600  # long enough to walk to the door


def reset_token(door: Door, *, by: Actor) -> str:
    """A token to scan at a room that is offline: it learns the present minimum generation, and opens nothing.

    Keys of earlier generations are refused there from then on. Good for an hour. Raises NotARoom.
    """
    by.within(door.property_id)
    if door.door_class != "room":
        raise NotARoom(field="door", value=door.name)
    now, key_id = clock.now_s(), os.urandom(8)
    with transaction():
        generation = rules_of(door).generation
        audit.record(
            by, "door:reset_token", f"door {door.number}", door=door.name, generation=generation, key=key_id.hex()
        )
        return mint(
            issuer.signer(door.property, "reset"),
            kind=RESET_KIND,
            key_id=key_id,
            generation=generation,
            nbf=now,
            exp=now + RESET_SECONDS,
            iat=now,
            door=door.number,
        )


@once("door:raise_epoch")
def raise_epoch(property: Property, kind: str, *, by: Actor) -> int:
    """End every token of the staff ("staff", "emergency") that is in anybody's hand or printed: the new epoch.

    All doors of the property get a policy in one transaction. Keys in force get tokens of the new epoch at the
    phone's next fetch; what was printed is waste paper, and no list says otherwise.
    """
    by.within(property.id)
    with transaction():
        epoch = epochs.advance(property, kind)
        keys.end_printed(property, kind)
        doors = list(Door.select().where(Door.property == property).order_by(Door.id))
        for door in doors:
            rules = rules_of(door)
            DoorRules.update({f"{kind}_epoch": epoch}).where(DoorRules.id == rules.id).execute()
            policies.publish(door)
        audit.record(by, "door:raise_epoch", f"property {property.property_id}", kind=kind, epoch=epoch)
        return epoch


@once("key:end")
def end_staff_key(key: Key, reason: str, *, by: Actor) -> list[Door]:
    """A staff or emergency key ends, its phone or sheet lost: denied at every door it could open; those doors.

    Where a door's list is full of such keys their epoch is raised instead, which all doors hear.
    Raises NotStaffKey.
    """
    by.within(key.property_id)
    if key.kind not in epochs.KINDS:
        raise NotStaffKey(key=key.key_id)
    with transaction():
        keys.end(key, reason)
        try:
            with transaction():
                due = deny(key)
                for door in due:
                    policies.publish(door)
        except DenyListFull:
            raise_epoch(key.property, key.kind, by=by)
            due = list(Door.select().where(Door.property == key.property_id))
        audit.record(by, "key:end", f"key {key.id}", key=key.key_id, label=key.label, reason=reason, doors=len(due))
        return due
