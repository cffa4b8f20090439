"""What may go wrong while doors are fitted."""

from __future__ import annotations

from lockmate.errors import BadField, Refused


class WrongCode(Refused):
    """No such enrolment code, or it was used, or its time is over; it is not said which."""

    code = "wrong_code"
    status = 401


class SessionOver(Refused):
    """The installer's session has ended or was ended at the desk."""

    code = "session_over"
    status = 401


class BadBoard(BadField):
    """A board's report with a field that can't be."""

    code = "bad_board"


class NotASpare(Refused):
    """No spare with this code waits in this hotel."""

    code = "not_a_spare"
    status = 404


class BoardElsewhere(Refused):
    """The board is in service for another hotel."""

    code = "board_elsewhere"


class NoCompanion(Refused):
    """No companion is provisioned at this door."""

    code = "no_companion"


class SeveralCompanions(Refused):
    """The door has several companions; it must be said which is meant."""

    code = "several_companions"


class AcceptanceOver(Refused):
    """This acceptance has ended; start another one."""

    code = "acceptance_over"


class ChecksMissing(Refused):
    """Some checks have not passed; `checks` names them."""

    code = "checks_missing"


class RoomLineTwice(Refused):
    """Another line of the table has the same number or name."""

    code = "room_line_twice"
