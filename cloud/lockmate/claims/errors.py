"""What may go wrong with claims."""

from __future__ import annotations

from lockmate.errors import BadField, Refused


class BadTicket(BadField):
    """The address is not one of the desk's QR."""

    code = "ticket_bad"


class TicketEnded(Refused):
    """The desk's QR was older than 15 minutes: scan the one it shows now."""

    code = "ticket_ended"
    status = 410


class ClaimEnded(Refused):
    """More than 15 minutes have passed: the guest scans the desk's QR again."""

    code = "claim_ended"
    status = 410


class ClaimSettled(Refused):
    """It was confirmed or withdrawn already."""

    code = "claim_settled"


class WrongCode(Refused):
    """The short code is not that of this phone."""

    code = "claim_code_wrong"


class WrongDigits(Refused):
    """The last four digits are not those of this phone number."""

    code = "claim_digits_wrong"


class DeskBusy(Refused):
    """So many phones are waiting that no short code is free."""

    code = "desk_busy"
    status = 503
