"""The key between a companion and the cloud is changed without any door being lost (protocol section 6).

A door's policies ask for a number, with a salt; each of its companions derives its next link key with it from the one
that it holds, and tells so by a report under the new one. Until then both are heard; after it, lines under the former
key are taken until all that may be under it are stored. Then no policy names the salt any more.
"""

from __future__ import annotations

from typing import Any

from lockmate.db import transaction
from lockmate.doors import link, policies, renewals
from lockmate.doors.errors import BadMac
from lockmate.doors.link import Speaker
from lockmate.doors.models import Companion, DoorRules, JournalLog
from lockmate.doors.rooms import rules_of
from lockmate.properties.models import Door, Property
from lockmate.staff import Actor, audit

_STEPS_LOST_MAX = 8  # changes that a door may have made since the backup from which the books were restored


def begin(property: Property, *, by: Actor) -> tuple[str, ...]:
    """Let every companion in service at a door take its next link key; those that are waited for, by id.

    While an earlier change is under way nothing new begins: it is gone on with, to its end.
    """
    by.within(property.id)
    with transaction():
        if _asked().where(Door.property == property).exists():
            return behind(property)
        served = Companion.select(Companion.door).where(*_in_service(property))
        for door in Door.select().where(Door.id.in_(served)).order_by(Door.id):
            rules = rules_of(door)
            rules.link_n, rules.link_asked = rules.link_n + 1, True
            rules.save()
            for companion in policies.companions_of(door):
                expect(companion, door)
            policies.publish(door)
        audit.record(by, "key:rotate", f"property {property.property_id}", purpose="link")
        return behind(property)


def behind(property: Property) -> tuple[str, ...]:
    """The companions in service that have not told of their new key, or whose older lines are still to come; by id.

    Doors that wait for nobody any more are told the last: a policy without the salt.
    """
    with transaction():
        late = []
        for rules in list(_asked().where(Door.property == property)):
            waits = [one.companion_id for one in policies.companions_of(rules.door) if not _settled(one, rules)]
            late += waits
            if not waits:
                DoorRules.update(link_asked=False).where(DoorRules.id == rules.id).execute()
                policies.publish(rules.door)
        return tuple(sorted(late))


def tend() -> int:
    """Go on with changes that no command waits for; how many doors have ended theirs."""
    before = list(_asked())
    for property in {rules.door.property for rules in before}:
        behind(property)
    return len(before) - _asked().count() if before else 0


def expect(companion: Companion, door: Door) -> None:
    """If the policies of its door ask for another link key: be ready to hear this companion under that."""
    rules = rules_of(door)
    if rules.link_asked and companion.link_n < rules.link_n:
        key = link.following(link.key_of(companion), policies.link_salt(door, rules.link_n))
        _keep(companion, link_other=link.seal_key(companion.companion_id, key))


def heard(companion: Speaker, topic: str, payload: bytes) -> dict[str, Any]:
    """The report that `payload` carries; the first one under the key to come makes that the key in force.

    If the books were restored from a backup, doors may have gone on to keys that they do not know of: the report tells
    its number, and what leads there follows from the master key. Raises BadMac.
    """
    if link.is_right(link.key_of(companion), topic, payload):
        return link.read(companion, payload)
    report = link.read(companion, payload)
    number = report.get("link")
    row = Companion.get_by_id(companion.id)
    if row.door is None or type(number) is not int:
        raise BadMac(companion=companion.companion_id)
    rules = rules_of(row.door)
    former, key = _leading_to(row, rules, number)
    if key is None or not link.is_right(key, topic, payload):
        raise BadMac(companion=companion.companion_id)
    if number > rules.link_n:
        DoorRules.update(link_n=number, link_asked=True).where(DoorRules.id == rules.id).execute()
    log, seq = report.get("log"), report.get("seq")
    if not isinstance(log, str) or len(log) != 16 or type(seq) is not int or not 0 <= seq < 1 << 63:
        raise BadMac(companion=companion.companion_id, why="bad_report")
    name = row.companion_id
    sealed = {"link_key": link.seal_key(name, key), "link_other": link.seal_key(name, former)}
    before = link.key_of(row)
    _keep(row, **sealed, link_n=number, link_log=log, link_seq=seq)
    renewals.seal_anew(row, before)
    return report


def _leading_to(row: Companion, rules: DoorRules, number: int) -> tuple[bytes, bytes | None]:
    """(the key before it, key number `number`) of a companion, as it may have come there; None if it can't have."""
    former, key = link.key_of(row), None
    if row.link_n < rules.link_n and rules.link_asked and number >= rules.link_n:
        key = link.following(former, policies.link_salt(rules.door, rules.link_n))
    if not row.link_n < number <= rules.link_n + _STEPS_LOST_MAX:
        return former, None
    for step in range(rules.link_n + 1, number + 1):
        former = key or former
        key = link.following(former, policies.link_salt(rules.door, step))
    return former, key


def _settled(companion: Companion, rules: DoorRules) -> bool:
    """Whether it holds its key, and nothing under another can come; then that one is let go."""
    if companion.link_n < rules.link_n:
        return False
    if companion.log == companion.link_log:  # else a new journal was begun: the older lines are lost
        held = JournalLog.get_or_none(JournalLog.companion == companion, JournalLog.log == companion.link_log)
        if held is None or held.stored_seq < companion.link_seq:
            return False
    _keep(companion, link_other=None)
    return True


def _asked() -> Any:
    """The rules of doors that are asked for another link key; doors are joined."""
    return DoorRules.select(DoorRules, Door).join(Door).where(DoorRules.link_asked)


def _keep(companion: Companion, **facts: Any) -> None:
    Companion.update(**facts).where(Companion.id == companion.id).execute()
    for name, value in facts.items():
        setattr(companion, name, value)


def _in_service(property: Property) -> tuple[Any, ...]:
    return Companion.property == property, Companion.state == "in_service", Companion.door.is_null(False)
