"""Keys of the staff: by zones and for a shift, on a person's phone; and the emergency set on paper."""

from __future__ import annotations

import os

from lockmate import clock
from lockmate.db import transaction
from lockmate.keys import epochs, issuer
from lockmate.keys.errors import BadStaffKey
from lockmate.keys.models import Holder, Key
from lockmate.keys.token import mint
from lockmate.properties.models import Door, Property, Zone
from lockmate.protocol import EMERGENCY, LIVES, U32_MAX
from lockmate.staff import Actor, audit, once

_LABEL_MAX = 60


@once("key:issue_staff")
def issue_staff(
    holder: Holder,
    property: Property,
    zones: int,
    label: str,
    starts_at: int,
    ends_at: int,
    kind: str = "staff",
    *,
    by: Actor,
) -> Key:
    """A staff (or emergency) key for all doors of these zones (a mask), on a person's phone; times in ms.

    `label` says whose it is. Raises BadStaffKey.
    """
    by.within(property.id)
    label = " ".join(label.split())
    if kind not in epochs.KINDS:
        raise BadStaffKey(field="kind", value=kind)
    if not 0 < len(label) <= _LABEL_MAX or not label.isprintable():
        raise BadStaffKey(field="label")
    if not 0 < zones <= U32_MAX:
        raise BadStaffKey(field="zones")
    if ends_at <= max(starts_at, clock.now_ms()):
        raise BadStaffKey(field="ends_at")
    with transaction():
        key = _create(property, holder, kind, label, zones, None, starts_at, ends_at)
        audit.record(by, f"key:issue_{kind}", f"key {key.id}", key=key.key_id, label=label, zones=zones, until=ends_at)
        return key


def printed_set(property: Property, *, by: Actor) -> list[tuple[str, str]]:
    """Emergency tokens of a week, to be printed and locked away: (label, text).

    One sheet for all zones, one for each zone, and one for each door that lies in none. They open over privacy.
    `doors.raise_epoch` ends them all, `doors.end_staff_key` a single one.
    """
    by.within(property.id)
    now = clock.now_s()
    exp = now + LIVES[EMERGENCY]
    sheets: list[tuple[str, int, Door | None]] = [(property.name[:_LABEL_MAX], U32_MAX, None)]
    zones_named = Zone.select().where(Zone.property == property).order_by(Zone.bit)
    sheets += [(zone.name, 1 << zone.bit, None) for zone in zones_named]
    outside = Door.select().where(Door.property == property, Door.zones == 0).order_by(Door.number)
    sheets += [(door.name, 0, door) for door in outside]
    printed = []
    with transaction():
        signer, epoch = issuer.signer(property, "emergency"), epochs.of(property, "emergency")
        for label, zones, alone in sheets:
            key = _create(property, None, "emergency", label, zones, alone, now * 1000, exp * 1000, exp, now)
            text = mint(
                signer,
                kind=EMERGENCY,
                key_id=bytes.fromhex(key.key_id),
                generation=epoch,
                nbf=now,
                exp=exp,
                iat=now,
                door=alone.number if alone is not None else 0,
                zones=zones,
                over_privacy=True,
            )
            printed.append((label, text))
        audit.record(by, "key:print_emergency", f"property {property.property_id}", sheets=len(printed), until=exp)
    return printed


def end_printed(property: Property, kind: str) -> None:
    """The sheets on paper of this kind end: their epoch was raised, and paper gets no new token."""
    on_paper = (Key.property == property) & (Key.kind == kind) & Key.holder.is_null() & (Key.state == "active")
    with transaction():
        Key.update(state="ended", ended_at=clock.now_ms(), end_reason="raised").where(on_paper).execute()


def staff_keys(property: Property) -> list[Key]:
    """The staff and emergency keys in force, sheets on paper too, newest first; holders are joined."""
    now = clock.now_ms()
    return list(
        Key.select(Key, Holder)
        .left_outer_join(Holder)
        .where(Key.property == property, Key.kind != "guest", Key.state == "active", Key.ends_at > now)
        .order_by(Key.id.desc())
    )


def _create(
    property: Property,
    holder: Holder | None,
    kind: str,
    label: str,
    zones: int,
    door: Door | None,
    starts_at: int,
    ends_at: int,
    newest_exp: int = 0,
    newest_iat: int = 0,
) -> Key:
    return Key.create(
        property=property,
        key_id=os.urandom(8).hex(),
        kind=kind,
        label=label,
        holder=holder,
        door=door,
        zones=zones,
        state="active",
        starts_at=starts_at,
        ends_at=ends_at,
        newest_exp=newest_exp,
        newest_iat=newest_iat,
        issued_at=clock.now_ms(),
    )
