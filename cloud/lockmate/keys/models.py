"""Holders (phones), keys and issuer keys."""

from __future__ import annotations

import peewee as pw

from lockmate.db import BaseModel
from lockmate.properties.models import Door, Property


class IssuerKey(BaseModel):
    """A signing key of a property; the door knows it by its slot."""

    property = pw.ForeignKeyField(Property, backref="issuer_keys", on_delete="CASCADE")
    property_id: int
    slot = pw.IntegerField()  # 0..15
    kinds = pw.CharField(80)  # "guest remote reset"
    public = pw.CharField(64)  # hex
    sealed = pw.BlobField()  # private key, sealed under the master key
    made_at = pw.BigIntegerField()
    # "coming": doors are to know it first; "signing"; "going": its last tokens are awaited (keys/rotating.py)
    state = pw.CharField(8, default="signing")
    last_exp = pw.BigIntegerField(default=0)  # seconds: no token of it lasts longer; of one that is going
    retired_at = pw.BigIntegerField(null=True)

    class Meta:
        indexes = ((("property", "slot"), False),)


class Epoch(BaseModel):
    """What a property's staff or emergency tokens carry in place of a generation; raised to end those in hand."""

    property = pw.ForeignKeyField(Property, backref="epochs", on_delete="CASCADE")
    property_id: int
    kind = pw.CharField(10)  # "staff" | "emergency"
    value = pw.BigIntegerField(default=0)

    class Meta:
        indexes = ((("property", "kind"), True),)


class Holder(BaseModel):
    """Who holds cards: a guest or one of the staff, with the browser of the first card and those it was carried to."""

    secret_hash = pw.CharField(64, unique=True)  # of the first browser
    phone = pw.CharField(24, default="")
    email = pw.CharField(120, default="")
    language = pw.CharField(8, default="zh-CN")
    made_at = pw.BigIntegerField()


class Browser(BaseModel):
    """One more browser of a holder, known by the hash of a random secret in its cookie."""

    holder = pw.ForeignKeyField(Holder, backref="browsers", on_delete="CASCADE")
    holder_id: int
    secret_hash = pw.CharField(64, unique=True)
    made_at = pw.BigIntegerField()


class Carry(BaseModel):
    """A link that takes a holder's cards to another browser, once."""

    holder = pw.ForeignKeyField(Holder, backref="carries", on_delete="CASCADE")
    holder_id: int
    selector = pw.CharField(16, unique=True)  # finds the row
    secret_hash = pw.CharField(64)  # proves the link; compared in constant time
    made_at = pw.BigIntegerField()
    ends_at = pw.BigIntegerField()
    taken_at = pw.BigIntegerField(null=True)


class Key(BaseModel):
    """The right of one person: a guest's to one room and the guests' common doors, or a staff key's to its zones."""

    property = pw.ForeignKeyField(Property, backref="keys", on_delete="CASCADE")
    property_id: int
    key_id = pw.CharField(16, unique=True)  # 8 random bytes in hex
    kind = pw.CharField(10, default="guest")  # "guest" | "staff" | "emergency"
    label = pw.CharField(60, default="")  # whose staff key it is, or which printed sheet
    holder = pw.ForeignKeyField(Holder, null=True, backref="keys", on_delete="RESTRICT")  # null: printed
    holder_id: int | None
    door = pw.ForeignKeyField(Door, null=True, backref="keys", on_delete="RESTRICT")  # null: zones only
    door_id: int | None
    zones = pw.BigIntegerField(default=0)
    state = pw.CharField(10)  # "prepared" | "active" | "ended"
    generation = pw.BigIntegerField(default=0)  # set when it becomes active
    starts_at = pw.BigIntegerField()
    ends_at = pw.BigIntegerField()
    ended_at = pw.BigIntegerField(null=True)
    end_reason = pw.CharField(24, default="")
    newest_exp = pw.BigIntegerField(default=0)  # seconds: end of the latest token minted
    newest_iat = pw.BigIntegerField(default=0)  # seconds: when the latest token was minted
    issued_at = pw.BigIntegerField()

    class Meta:
        indexes = ((("door", "state"), False),)
