"""A new hotel, ready for its first door: its row, its issuer keys and its CA."""

from __future__ import annotations

from lockmate import pki, properties
from lockmate.db import transaction
from lockmate.keys import issuer
from lockmate.properties.models import Property


def commission(
    name: str,
    timezone: str,
    *,
    check_in_time: str = "14:00",
    check_out_time: str = "12:00",
    slot_seconds: int = 300,
    property_id: str | None = None,
) -> Property:
    """Make a property with everything it signs with; raises BadProperty."""
    with transaction():
        made = properties.create(
            name,
            timezone,
            check_in_time=check_in_time,
            check_out_time=check_out_time,
            slot_seconds=slot_seconds,
            property_id=property_id,
        )
        issuer.create_standard(made)
        pki.authority(made.property_id, name)
        return made
