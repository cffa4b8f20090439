"""What may go wrong with orders and stays."""

from __future__ import annotations

from lockmate.doors.errors import RoomOccupied
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


class StayNotEnded(Refused):
    """Only a check-out can be undone."""

    code = "stay_not_ended"


class UndoTooLate(Refused):
    """The check-out is more than a day old: it is a new stay."""

    code = "undo_too_late"


class EndInPast(Refused):
    """An end that is past already: that is a check-out."""

    code = "end_in_past"


class SameRoom(Refused):
    """The stay is in that room already."""

    code = "same_room"


class NothingToMoveBack(Refused):
    """The stay came from no other room."""

    code = "nothing_to_move_back"


class LastGuest(Refused):
    """A stay keeps one guest: check it out, or correct the name."""

    code = "last_guest"


class NoKeyInForce(Refused):
    """The other guest holds no key whose phone could get one more."""

    code = "no_key_in_force"


class NotDueYet(Refused):
    """The day of arrival has not come: the guest may still appear."""

    code = "not_due_yet"


class BadPayment(BadField):
    """An amount, currency or method that is none."""

    code = "bad_payment"


class BadGroup(BadField):
    """A group's name is too long or holds signs that are none."""

    code = "bad_group"


class OrderExists(Refused):
    """The same order is booked already."""

    code = "order_exists"


class CsvRoomUnknown(Refused):
    """There is no room of this name."""

    code = "csv_room_unknown"


class CsvRoomTwice(Refused):
    """Another line wants the same room in the same nights."""

    code = "csv_room_twice"


class BadReference(BadField):
    """A reference of another system is 1 to 40 printing characters without blanks and slashes."""

    code = "bad_reference"


class RoomNeedsPerson(RoomOccupied):
    """Somebody has a right to the room, and whoever asks is no person: one at the desk must confirm who loses it."""

    code = "room_needs_person"
