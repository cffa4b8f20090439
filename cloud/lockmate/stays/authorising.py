"""A guest of a stay gets a key on a phone."""

from __future__ import annotations

from lockmate import clock, keys
from lockmate.db import transaction
from lockmate.keys.models import Holder, Key
from lockmate.staff import Actor, audit
from lockmate.stays.errors import AlreadyAuthorised, GuestGone, StayEnded
from lockmate.stays.models import Guest, Stay
from lockmate.stays.people import phone_of


def authorise(guest: Guest, holder: Holder, phone: str, *, by: Actor) -> Key:
    """A key for this guest on this phone; the number is carried into the guest's record.

    In a draft it is prepared and opens once the stay is checked in; in a running stay it opens at once. The same
    guest on the same phone again gets the same key. Raises AlreadyAuthorised, GuestGone, StayEnded, BadPhone.
    """
    number = phone_of(phone)
    with transaction():
        guest = Guest.get_by_id(guest.id)
        stay: Stay = guest.stay
        by.within(stay.property_id)
        if guest.removed_at is not None:
            raise GuestGone(guest=guest.name)
        if stay.state not in ("draft", "in_house") or stay.ends_at <= clock.now_ms():
            raise StayEnded(stay=stay.id)
        key = guest.key
        if key is not None and key.state != "ended":
            if key.holder_id != holder.id:
                raise AlreadyAuthorised(guest=guest.name)
        else:
            key = keys.issue(
                holder,
                stay.room,
                zones=stay.property.guest_zones,
                starts_at=stay.starts_at,
                ends_at=stay.ends_at,
                generation=stay.generation if stay.state == "in_house" else None,
            )
        guest.phone, guest.key = number, key
        guest.save()
        Holder.update(phone=number).where(Holder.id == holder.id).execute()
        audit.record(by, "stay:authorise", f"stay {stay.id}", guest=guest.id, key=key.key_id)
        return key
