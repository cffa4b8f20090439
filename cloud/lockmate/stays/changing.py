"""The guests of a stay: named, renamed, removed. One transaction each."""

from __future__ import annotations

from lockmate import clock
from lockmate.db import transaction
from lockmate.staff import Actor, audit, once
from lockmate.stays import holding
from lockmate.stays.errors import GuestGone, LastGuest
from lockmate.stays.models import Guest, Stay
from lockmate.stays.people import name_of, phone_of
from lockmate.stays.telling import tell


@once("stay:name_guest")
def name_guest(stay: Stay, name: str, phone: str = "", *, by: Actor) -> Guest:
    """One more guest in a draft or a running stay; raises BadName, BadPhone, StayEnded."""
    by.within(stay.property_id)
    name = name_of(name)
    phone = phone_of(phone) if phone.strip() else ""
    with transaction():
        stay = holding.locked_open(stay)
        guest = Guest.create(stay=stay, name=name, phone=phone)
        audit.record(by, "stay:name_guest", f"stay {stay.id}", guest=guest.id)
        return guest


@once("stay:rename_guest")
def rename_guest(guest: Guest, name: str, phone: str | None = None, *, by: Actor) -> Guest:
    """Correct a name, and a number unless it is None; the keys stay. Raises BadName, BadPhone, GuestGone, StayEnded."""
    name = name_of(name)
    with transaction():
        guest, stay = _present(guest, by)
        guest.name = name
        if phone is not None:
            guest.phone = phone_of(phone) if phone.strip() else ""
        guest.save()
        audit.record(by, "stay:rename_guest", f"stay {stay.id}", guest=guest.id)
        return guest


@once("stay:remove_guest")
def remove_guest(guest: Guest, *, by: Actor) -> Guest:
    """A guest leaves the stay before the others: their keys end and are denied; the generation stays.

    Raises LastGuest (then it is a check-out), GuestGone, StayEnded.
    """
    with transaction():
        guest, stay = _present(guest, by)
        if len(stay.present()) < 2:
            raise LastGuest(guest=guest.name)
        guest.removed_at = clock.now_ms()
        guest.save()
        held = holding.live_keys(stay, guest=guest)
        due: holding.Due = {}
        holding.end_keys(held, holding.REMOVED, due)
        if stay.state == "in_house":
            holding.publish(due)
        tell(stay, held, "ended")
        audit.record(by, "stay:remove_guest", f"stay {stay.id}", guest=guest.id, keys=len(held))
        return guest


def _present(guest: Guest, by: Actor) -> tuple[Guest, Stay]:
    """The guest and the stay as they are now, the stay locked."""
    guest = Guest.get_by_id(guest.id)
    stay: Stay = guest.stay
    by.within(stay.property_id)
    if guest.removed_at is not None:
        raise GuestGone(guest=guest.name)
    return guest, holding.locked_open(stay)
