"""Accounts of the people who work here, other systems that may act, and the audit trail of what was done."""

from __future__ import annotations

import peewee as pw

from lockmate.db import BaseModel
from lockmate.properties.models import Property


class Account(BaseModel):
    """One person of the staff; `role` gives the permissions."""

    property = pw.ForeignKeyField(Property, backref="accounts", on_delete="CASCADE")
    property_id: int
    name = pw.CharField(40, unique=True)
    password_hash = pw.CharField(255)
    role = pw.CharField(16)  # "desk" | "manager" | "installer"
    language = pw.CharField(8, default="zh-CN")
    active = pw.BooleanField(default=True)


class System(BaseModel):
    """Another system of the hotel that may act here (its PMS), known by the hash of a random token."""

    property = pw.ForeignKeyField(Property, backref="systems", on_delete="CASCADE")
    property_id: int
    name = pw.CharField(40)
    token_hash = pw.CharField(64, unique=True)
    made_at = pw.BigIntegerField()
    ended_at = pw.BigIntegerField(null=True)


class Audit(BaseModel):
    """Who did what to what, when. Never changed, never deleted."""

    property = pw.ForeignKeyField(Property, on_delete="CASCADE")
    property_id: int
    at = pw.BigIntegerField()
    actor = pw.CharField(60)
    verb = pw.CharField(40)  # "stay:check_in"
    subject = pw.CharField(60)  # "stay 12"
    details = pw.TextField(default="{}")  # JSON

    class Meta:
        indexes = ((("property", "at"), False),)


class Request(BaseModel):
    """A verb that was done under a request key, and what it answered; kept for a week."""

    property = pw.ForeignKeyField(Property, on_delete="CASCADE")
    property_id: int
    key = pw.CharField(80)
    verb = pw.CharField(40)
    print = pw.CharField(32)  # digest of the arguments
    result = pw.TextField(default="")  # JSON: numbers, and rows by their ids
    at = pw.BigIntegerField()

    class Meta:
        indexes = ((("property", "key"), True), (("at",), False))
