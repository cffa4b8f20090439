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
    retired_at = pw.BigIntegerField(null=True)

    class Meta:
        indexes = ((("property", "slot"), False),)


class Holder(BaseModel):
    """A browser that holds a guest's cards; known by the hash of a random secret in its cookie."""

    secret_hash = pw.CharField(64, unique=True)
    phone = pw.CharField(24, default="")
    language = pw.CharField(8, default="zh-CN")
    made_at = pw.BigIntegerField()


class Key(BaseModel):
    """The right of one person to open one room and the guests' common doors."""

    property = pw.ForeignKeyField(Property, backref="keys", on_delete="CASCADE")
    property_id: int
    key_id = pw.CharField(16, unique=True)  # 8 random bytes in hex
    holder = pw.ForeignKeyField(Holder, backref="keys", on_delete="RESTRICT")
    holder_id: int
    door = pw.ForeignKeyField(Door, backref="keys", on_delete="RESTRICT")
    door_id: int
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
