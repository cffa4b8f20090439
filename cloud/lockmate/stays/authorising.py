"""A guest of a stay gets a key on a phone."""

from __future__ import annotations

from lockmate import clock
from lockmate.db import transaction
from lockmate.keys import holders
from lockmate.keys.models import Holder, Key
from lockmate.staff import Actor, audit, once
from lockmate.stays import holding
from lockmate.stays.errors import AlreadyAuthorised, GuestGone, NoKeyInForce, StayEnded
from lockmate.stays.models import Guest, Stay
from lockmate.stays.people import phone_of
from lockmate.stays.telling import tell


@once("stay:authorise")
def authorise(guest: Guest, holder: Holder, phone: str, *, by: Actor) -> Key:
    """A key for this guest on this phone; the number is carried into the guest's record.

    In a draft it is prepared and opens once the stay is checked in; in a running stay it opens at once, in a move
    the new room. The same guest on the same phone again gets the same key; one phone may hold keys of several
    guests. Raises AlreadyAuthorised, GuestGone, StayEnded, BadPhone.
    """
    number = phone_of(phone)
    with transaction():
        guest = Guest.get_by_id(guest.id)
        stay: Stay = guest.stay.hold()
        by.within(stay.property_id)
        if guest.removed_at is not None:
            raise GuestGone(guest=guest.name)
        if stay.state not in ("draft", "in_house") or stay.ends_at <= clock.now_ms():
            raise StayEnded(stay=stay.id)
        guest.phone = number
        guest.save(only=[Guest.phone])
        key = guest.key
        if key is None or key.state == "ended":
            key = holding.give_key(guest, holder, stay)
            tell(stay, [(guest, key)], "claimed" if stay.state == "draft" else "issued")
        elif key.holder_id != holder.id:
            raise AlreadyAuthorised(guest=guest.name)
        Holder.update(phone=number).where(Holder.id == holder.id).execute()
        audit.record(by, "stay:authorise", f"stay {stay.id}", guest=guest.id, key=key.key_id)
        return key


@once("stay:authorise_again")
def authorise_again(guest: Guest, *, holder_of: Guest, by: Actor) -> Key:
    """A key for this guest on the phone of another (or of the same person in another stay), without a new claim.

    That phone must hold a key in force of `holder_of`, and not have been told lost. Raises NoKeyInForce and what
    `authorise` raises.
    """
    other = Guest.get_by_id(holder_of.id)
    by.within(other.stay.property_id)
    key = other.key
    if key is None or key.state == "ended" or key.ends_at <= clock.now_ms():
        raise NoKeyInForce(guest=other.name)
    holder = holding.holder_of(key)
    if holders.was_lost(holder):
        raise NoKeyInForce(guest=other.name)
    return authorise(guest, holder, holder.phone or other.phone, by=by)
