"""A phone that waits at the desk to be picked."""

from __future__ import annotations

import peewee as pw

from lockmate.db import BaseModel
from lockmate.errors import NotFound
from lockmate.keys.models import Holder, Key
from lockmate.properties.models import Property


class Claim(BaseModel):
    """Made when a guest scans the desk's QR and enters a phone number; ends after 15 minutes."""

    property = pw.ForeignKeyField(Property, backref="claims", on_delete="CASCADE")
    property_id: int
    holder = pw.ForeignKeyField(Holder, backref="claims", on_delete="CASCADE")
    holder_id: int
    phone = pw.CharField(24)
    code = pw.CharField(8)  # short, the same on the phone and at the desk
    # "waiting" | "confirmed" | "withdrawn"; one that ended by time stays "waiting", past its ends_at
    state = pw.CharField(10, default="waiting")
    key = pw.ForeignKeyField(Key, null=True, on_delete="SET NULL")
    key_id: int | None
    made_at = pw.BigIntegerField()
    ends_at = pw.BigIntegerField()

    class Meta:
        indexes = ((("property", "state", "ends_at"), False),)

    @classmethod
    def of(cls, property: Property, claim_id: int) -> Claim:
        """This property's claim with that id; another hotel's is not found."""
        found = cls.get_or_none(cls.id == claim_id, cls.property == property)
        if found is None:
            raise NotFound(what="claim")
        return found
