"""Desk tickets: what the desk's QR carries, so that only who stands there can claim. Signed, 15 minutes."""

from __future__ import annotations

import hashlib
from typing import Any

from itsdangerous import BadData, SignatureExpired, TimestampSigner, URLSafeTimedSerializer

from lockmate import clock, settings
from lockmate.claims.errors import BadTicket, TicketEnded
from lockmate.errors import NotFound
from lockmate.properties import the
from lockmate.properties.models import Property

TICKET_SECONDS = 15 * 60


class _Signer(TimestampSigner):
    """Stamps by the house's clock."""

    def get_timestamp(self) -> int:
        return clock.now_s()


def desk_ticket(property: Property) -> str:
    """A ticket for the desk's QR; the page renews it well before it ends."""
    return _serializer().dumps(property.property_id)


def check_ticket(ticket: str) -> Property:
    """The property whose desk showed it; raises TicketEnded or BadTicket."""
    try:
        property_id: Any = _serializer().loads(ticket, max_age=TICKET_SECONDS)
        return the(str(property_id))
    except SignatureExpired:
        raise TicketEnded from None
    except (BadData, NotFound):
        raise BadTicket(field="ticket") from None


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        settings.current().secret_key(),
        salt="desk-ticket",
        signer=_Signer,
        signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
    )
