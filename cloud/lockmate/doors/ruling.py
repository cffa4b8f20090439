"""What people decide about a door: its mode and hours, its zones, its settings, and that its clock is set right."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lockmate import clock
from lockmate.db import transaction
from lockmate.doors import denials, policies, schedules
from lockmate.doors.errors import BadRules
from lockmate.doors.models import DoorRules, Policy
from lockmate.doors.rooms import rules_of
from lockmate.doors.schedules import Hours
from lockmate.properties.models import Door, Property
from lockmate.protocol import CLOCK_LOST, MODES, POLICY_SETTINGS, ZONE_MAX
from lockmate.staff import Actor, audit, once


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of a door now; `until_s` is the mode's end in seconds, 0 of mode normal."""

    mode: str
    until_s: int
    hours: list[Hours]


def wanted(door: Door, rules: DoorRules | None = None) -> Wanted:
    """The mode whose end has not come, and the weekly hours; `rules`: the door's, if they are at hand."""
    rules = rules or rules_of(door)
    week = [Hours(tuple(days), begins, ends) for days, begins, ends in json.loads(rules.schedule)]
    if rules.mode == "normal" or rules.mode_until <= clock.now_s():
        return Wanted("normal", 0, week)
    return Wanted(rules.mode, rules.mode_until, week)


@once("door:set_rules")
def set_rules(
    door: Door,
    *,
    mode: str | None = None,
    mode_until: int | None = None,
    schedule: Sequence[Hours] | None = None,
    clock_lost: str | None = None,
    settings: dict[str, int] | None = None,
    by: Actor,
) -> Policy:
    """Change what the door's policies say, and publish the next; `mode_until` in seconds, as far ahead as it is wanted.

    A mode or a schedule whose end lies beyond what one policy may say is renewed in time (`doors.tend`).
    Raises BadRules.
    """
    by.within(door.property_id)
    with transaction():
        rules = rules_of(door)
        told: dict[str, object] = {}
        if mode is not None:
            if mode not in MODES or (mode != "normal" and (mode_until or 0) <= clock.now_s()):
                raise BadRules(field="mode")
            rules.mode, rules.mode_until = mode, 0 if mode == "normal" else mode_until or 0
            told |= {"mode": rules.mode, "mode_until": rules.mode_until}
        if schedule is not None:
            schedules.check(list(schedule))
            rules.schedule = json.dumps(schedule)
            told["schedule"] = len(schedule)
        if clock_lost is not None:
            if clock_lost not in CLOCK_LOST:
                raise BadRules(field="clock_lost")
            rules.clock_lost = told["clock_lost"] = clock_lost
        if settings is not None:
            _check_settings(settings)
            rules.settings = json.dumps(settings)
            told["settings"] = settings
        rules.save()
        audit.record(by, "door:set_rules", f"door {door.number}", door=door.name, **told)
        return policies.publish(door)


@once("door:set_zones")
def set_zones(door: Door, zones: Iterable[int], *, by: Actor) -> Policy:
    """The door lies in these zones (bits) from now on; keys that ended and could now open it are denied there too.

    Raises BadRules.
    """
    by.within(door.property_id)
    mask = 0
    for bit in zones:
        if not 0 <= bit <= ZONE_MAX:
            raise BadRules(field="zones")
        mask |= 1 << bit
    with transaction():
        before, door.zones = door.zones, mask
        door.save(only=[Door.zones])
        denials.inherit(door)
        audit.record(by, "door:set_zones", f"door {door.number}", door=door.name, before=before, zones=mask)
        return policies.publish(door)


@once("door:repair_clock")
def repair_clock(property: Property, *, by: Actor) -> int:
    """The cloud's own clock was wrong and is right again: every door begins its time anew, from `issued_at`.

    The way out of protocol section 5: a higher `clock_epoch` sets each door's lower bound back and takes away its upper
    one, until the door has asked for the time. Tokens that were minted in the wrong time are judged by the right one.
    Returns the new epoch.
    """
    by.within(property.id)
    with transaction():
        doors = list(Door.select().where(Door.property == property).order_by(Door.id))
        epoch = 1 + max((rules_of(door).clock_epoch for door in doors), default=0)
        for door in doors:
            DoorRules.update(clock_epoch=epoch).where(DoorRules.door == door).execute()
            policies.publish(door)
        audit.record(by, "door:repair_clock", f"property {property.property_id}", epoch=epoch, doors=len(doors))
        return epoch


def _check_settings(settings: dict[str, int]) -> None:
    for name, value in settings.items():
        if name not in POLICY_SETTINGS or type(value) is not int:
            raise BadRules(field=name)
        least, most = POLICY_SETTINGS[name]
        if not least <= value <= most:
            raise BadRules(field=name, least=least, most=most)
