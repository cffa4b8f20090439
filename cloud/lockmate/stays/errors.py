"""What may go wrong with orders and stays."""

from __future__ import annotations

from lockmate.errors import BadField, Refused


class BadName(BadField):
    """A guest's name is missing or too long."""

    code = "bad_name"


class OrderNotOpen(Refused):
    """The order is checked in, cancelled or a no-show already."""

    code = "order_not_open"


class StayNotDraft(Refused):
    """The stay is checked in already, or was given up."""

    code = "stay_not_draft"


class StayEnded(Refused):
    """The stay has ended; nothing more can be done in it."""

    code = "stay_ended"


class StayOver(Refused):
    """The day of departure is past: correct the order's dates first."""

    code = "stay_over"


class StayNotIn(Refused):
    """The stay is not checked in yet."""

    code = "stay_not_in"


class NoGuests(Refused):
    """A stay needs at least one guest."""

    code = "no_guests"


class GuestGone(Refused):
    """The guest was removed from the stay."""

    code = "guest_gone"


class AlreadyAuthorised(Refused):
    """This guest has a key on another phone."""

    code = "already_authorised"


class ChangedMeanwhile(Refused):
    """Somebody else changed the stay since this page was loaded."""

    code = "changed_meanwhile"
