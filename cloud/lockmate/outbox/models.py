"""Rows to deliver, written in the transaction that makes them needed."""

from __future__ import annotations

import peewee as pw

from lockmate.db import BaseModel
from lockmate.properties.models import Property


class Outbox(BaseModel):
    """One message that must go out; rows of one `order_key` go in the order of their ids."""

    # whose it is; null: a row of a time when that was not written down
    property = pw.ForeignKeyField(Property, null=True, backref="outbox", on_delete="CASCADE", index=False)
    property_id: int | None
    channel = pw.CharField(12)  # "mqtt" | "smtp"
    address = pw.CharField(120)  # topic, or e-mail address
    order_key = pw.CharField(60)  # "door 12"
    payload = pw.BlobField()
    retained = pw.BooleanField(default=False)
    expires_at = pw.BigIntegerField(null=True)
    state = pw.CharField(10, default="pending")  # "pending" | "leased" | "sent" | "dead" | "superseded"
    attempts = pw.IntegerField(default=0)
    next_try_at = pw.BigIntegerField(default=0)
    leased_until = pw.BigIntegerField(default=0)
    error = pw.CharField(200, default="")
    made_at = pw.BigIntegerField()
    sent_at = pw.BigIntegerField(null=True)

    class Meta:
        indexes = (
            (("channel", "state", "next_try_at"), False),
            (("order_key", "id"), False),
            (("property", "state"), False),
        )
