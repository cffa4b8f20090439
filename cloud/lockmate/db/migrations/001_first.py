"""Hotels, their doors and staff; orders, stays, guests, keys and claims."""

from __future__ import annotations

import peewee as pw
from peewee_migrate import Migrator


def migrate(migrator: Migrator, database: pw.Database, *, fake=False):
    """Up."""

    @migrator.create_model
    class Property(pw.Model):
        id = pw.AutoField()
        property_id = pw.CharField(max_length=16, unique=True)
        name = pw.CharField(max_length=80)
        timezone = pw.CharField(max_length=40)
        check_in_time = pw.CharField(default="14:00", max_length=5)
        check_out_time = pw.CharField(default="12:00", max_length=5)
        slot_seconds = pw.IntegerField(default=300)
        guest_zones = pw.BigIntegerField(default=1)
        move_grace_minutes = pw.IntegerField(default=15)

        class Meta:
            table_name = "property"

    @migrator.create_model
    class Zone(pw.Model):
        id = pw.AutoField()
        property = pw.ForeignKeyField(
            column_name="property_id", field="id", model=migrator.orm["property"], on_delete="CASCADE"
        )
        bit = pw.IntegerField()
        name = pw.CharField(max_length=40)

        class Meta:
            table_name = "zone"
            indexes = ((("property", "bit"), True),)

    @migrator.create_model
    class Door(pw.Model):
        id = pw.AutoField()
        property = pw.ForeignKeyField(
            column_name="property_id", field="id", model=migrator.orm["property"], on_delete="CASCADE"
        )
        number = pw.BigIntegerField()
        name = pw.CharField(max_length=40)
        door_class = pw.CharField(max_length=8)
        zones = pw.BigIntegerField(default=0)

        class Meta:
            table_name = "door"
            indexes = (
                (("property", "number"), True),
                (("property", "name"), True),
            )

    @migrator.create_model
    class Account(pw.Model):
        id = pw.AutoField()
        property = pw.ForeignKeyField(
            column_name="property_id", field="id", model=migrator.orm["property"], on_delete="CASCADE"
        )
        name = pw.CharField(max_length=40, unique=True)
        password_hash = pw.CharField(max_length=255)
        role = pw.CharField(max_length=16)
        language = pw.CharField(default="zh-CN", max_length=8)
        active = pw.BooleanField(default=True)

        class Meta:
            table_name = "account"

    @migrator.create_model
    class Audit(pw.Model):
        id = pw.AutoField()
        property = pw.ForeignKeyField(
            column_name="property_id", field="id", model=migrator.orm["property"], on_delete="CASCADE"
        )
        at = pw.BigIntegerField()
        actor = pw.CharField(max_length=60)
        verb = pw.CharField(max_length=40)
        subject = pw.CharField(max_length=60)
        details = pw.TextField(default="{}")

        class Meta:
            table_name = "audit"
            indexes = ((("property", "at"), False),)

    @migrator.create_model
    class Holder(pw.Model):
        id = pw.AutoField()
        secret_hash = pw.CharField(max_length=64, unique=True)
        phone = pw.CharField(default="", max_length=24)
        language = pw.CharField(default="zh-CN", max_length=8)
        made_at = pw.BigIntegerField()

        class Meta:
            table_name = "holder"

    @migrator.create_model
    class IssuerKey(pw.Model):
        id = pw.AutoField()
        property = pw.ForeignKeyField(
            column_name="property_id", field="id", model=migrator.orm["property"], on_delete="CASCADE"
        )
        slot = pw.IntegerField()
        kinds = pw.CharField(max_length=80)
        public = pw.CharField(max_length=64)
        sealed = pw.BlobField()
        made_at = pw.BigIntegerField()
        retired_at = pw.BigIntegerField(null=True)

        class Meta:
            table_name = "issuer_key"
            indexes = ((("property", "slot"), False),)

    @migrator.create_model
    class Key(pw.Model):
        id = pw.AutoField()
        property = pw.ForeignKeyField(
            column_name="property_id", field="id", model=migrator.orm["property"], on_delete="CASCADE"
        )
        key_id = pw.CharField(max_length=16, unique=True)
        holder = pw.ForeignKeyField(
            column_name="holder_id", field="id", model=migrator.orm["holder"], on_delete="RESTRICT"
        )
        door = pw.ForeignKeyField(column_name="door_id", field="id", model=migrator.orm["door"], on_delete="RESTRICT")
        zones = pw.BigIntegerField(default=0)
        state = pw.CharField(max_length=10)
        generation = pw.BigIntegerField(default=0)
        starts_at = pw.BigIntegerField()
        ends_at = pw.BigIntegerField()
        ended_at = pw.BigIntegerField(null=True)
        end_reason = pw.CharField(default="", max_length=24)
        newest_exp = pw.BigIntegerField(default=0)
        newest_iat = pw.BigIntegerField(default=0)
        issued_at = pw.BigIntegerField()

        class Meta:
            table_name = "key"
            indexes = ((("door", "state"), False),)

    @migrator.create_model
    class Order(pw.Model):
        id = pw.AutoField()
        property = pw.ForeignKeyField(
            column_name="property_id", field="id", model=migrator.orm["property"], on_delete="CASCADE"
        )
        number = pw.CharField(max_length=24)
        guest_name = pw.CharField(max_length=60)
        phone = pw.CharField(default="", max_length=24)
        arrival = pw.DateField()
        departure = pw.DateField()
        room = pw.ForeignKeyField(
            column_name="room_id", field="id", model=migrator.orm["door"], null=True, on_delete="SET NULL"
        )
        state = pw.CharField(default="booked", max_length=12)
        made_at = pw.BigIntegerField()

        class Meta:
            table_name = "order"
            indexes = (
                (("property", "number"), True),
                (("property", "arrival"), False),
            )

    @migrator.create_model
    class Stay(pw.Model):
        id = pw.AutoField()
        property = pw.ForeignKeyField(
            column_name="property_id", field="id", model=migrator.orm["property"], on_delete="CASCADE"
        )
        order = pw.ForeignKeyField(
            column_name="order_id", field="id", model=migrator.orm["order"], null=True, on_delete="RESTRICT"
        )
        room = pw.ForeignKeyField(column_name="room_id", field="id", model=migrator.orm["door"], on_delete="RESTRICT")
        state = pw.CharField(default="draft", max_length=10)
        generation = pw.BigIntegerField(default=0)
        starts_at = pw.BigIntegerField()
        ends_at = pw.BigIntegerField()
        checked_in_at = pw.BigIntegerField(null=True)
        checked_out_at = pw.BigIntegerField(null=True)
        version = pw.IntegerField(default=1)
        made_at = pw.BigIntegerField()

        class Meta:
            table_name = "stay"
            indexes = (
                (("property", "state"), False),
                (("room", "state"), False),
            )

    @migrator.create_model
    class Guest(pw.Model):
        id = pw.AutoField()
        stay = pw.ForeignKeyField(column_name="stay_id", field="id", model=migrator.orm["stay"], on_delete="CASCADE")
        name = pw.CharField(max_length=60)
        phone = pw.CharField(default="", max_length=24)
        key = pw.ForeignKeyField(
            column_name="key_id", field="id", model=migrator.orm["key"], null=True, on_delete="SET NULL"
        )
        removed_at = pw.BigIntegerField(null=True)

        class Meta:
            table_name = "guest"

    @migrator.create_model
    class Claim(pw.Model):
        id = pw.AutoField()
        property = pw.ForeignKeyField(
            column_name="property_id", field="id", model=migrator.orm["property"], on_delete="CASCADE"
        )
        holder = pw.ForeignKeyField(
            column_name="holder_id", field="id", model=migrator.orm["holder"], on_delete="CASCADE"
        )
        phone = pw.CharField(max_length=24)
        code = pw.CharField(max_length=8)
        state = pw.CharField(default="waiting", max_length=10)
        key = pw.ForeignKeyField(
            column_name="key_id", field="id", model=migrator.orm["key"], null=True, on_delete="SET NULL"
        )
        made_at = pw.BigIntegerField()
        ends_at = pw.BigIntegerField()

        class Meta:
            table_name = "claim"
            indexes = ((("property", "state", "ends_at"), False),)


def rollback(migrator: Migrator, database: pw.Database, *, fake=False):
    """Down."""

    migrator.remove_model("claim")
    migrator.remove_model("guest")
    migrator.remove_model("stay")
    migrator.remove_model("order")
    migrator.remove_model("key")
    migrator.remove_model("issuer_key")
    migrator.remove_model("holder")
    migrator.remove_model("audit")
    migrator.remove_model("account")
    migrator.remove_model("door")
    migrator.remove_model("zone")
    migrator.remove_model("property")
