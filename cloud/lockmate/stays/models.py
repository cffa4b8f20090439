"""Orders (reservations), stays, the guests in them, their keys, moves and payments."""

from __future__ import annotations

import peewee as pw

from lockmate.db import BaseModel
from lockmate.errors import NotFound
from lockmate.keys.models import Key
from lockmate.properties.models import Door, Property
from lockmate.stays.errors import ChangedMeanwhile


class Order(BaseModel):
    """A reservation."""

    property = pw.ForeignKeyField(Property, backref="orders", on_delete="CASCADE")
    property_id: int
    number = pw.CharField(24)  # shown to guests
    guest_name = pw.CharField(60)
    phone = pw.CharField(24, default="")
    arrival = pw.DateField()
    departure = pw.DateField()
    room = pw.ForeignKeyField(Door, null=True, on_delete="SET NULL")  # wished or planned
    room_id: int | None
    group = pw.CharField(40, default="")  # orders of one party that arrives together
    reference = pw.CharField(40, null=True)  # under which another system knows it
    state = pw.CharField(12, default="booked")  # "booked" | "checked_in" | "cancelled" | "no_show"
    made_at = pw.BigIntegerField()

    class Meta:
        indexes = (
            (("property", "number"), True),
            (("property", "arrival"), False),
            (("property", "reference"), True),
        )

    @classmethod
    def of(cls, property: Property, order_id: int) -> Order:
        """This property's order with that id; another hotel's is not found."""
        found = cls.get_or_none(cls.id == order_id, cls.property == property)
        if found is None:
            raise NotFound(what="order")
        return found


class Stay(BaseModel):
    """A party's time in one property; a draft until it is checked in."""

    property = pw.ForeignKeyField(Property, backref="stays", on_delete="CASCADE")
    property_id: int
    order = pw.ForeignKeyField(Order, null=True, backref="stays", on_delete="RESTRICT")
    order_id: int | None
    room = pw.ForeignKeyField(Door, backref="stays", on_delete="RESTRICT")
    room_id: int
    state = pw.CharField(10, default="draft")  # "draft" | "in_house" | "ended" | "discarded"
    generation = pw.BigIntegerField(default=0)
    starts_at = pw.BigIntegerField()
    ends_at = pw.BigIntegerField()
    checked_in_at = pw.BigIntegerField(null=True)
    checked_out_at = pw.BigIntegerField(null=True)
    version = pw.IntegerField(default=1)  # optimistic lock: two desks may act at once
    made_at = pw.BigIntegerField()

    class Meta:
        indexes = ((("property", "state"), False), (("room", "state"), False))

    @classmethod
    def of(cls, property: Property, stay_id: int) -> Stay:
        """This property's stay with that id, with its room and order; another hotel's is not found."""
        query = cls.select(cls, Door, Order).join(Door).switch(cls).join(Order, pw.JOIN.LEFT_OUTER)
        found: Stay | None = query.where(cls.id == stay_id, cls.property == property).first()
        if found is None:
            raise NotFound(what="stay")
        found.property = property
        return found

    def lock(self) -> Stay:
        """The row as it is now, inside a transaction; raises ChangedMeanwhile if another one changed it since."""
        raised = Stay.update(version=Stay.version + 1).where(Stay.id == self.id, Stay.version == self.version).execute()
        if not raised:
            raise ChangedMeanwhile(stay=self.id)
        return Stay.get_by_id(self.id)

    def hold(self) -> Stay:
        """The row as it is now, and nobody else changes it before the transaction ends; its version stays."""
        Stay.update(version=Stay.version).where(Stay.id == self.id).execute()
        return Stay.get_by_id(self.id)

    def present(self) -> list[Guest]:
        """Its guests, but for those who were removed; the first is the one who booked."""
        return list(Guest.select().where(Guest.stay == self, Guest.removed_at.is_null()).order_by(Guest.id))


class Guest(BaseModel):
    """One person of a stay; the first is the one who booked, the others are joiners."""

    stay = pw.ForeignKeyField(Stay, backref="guests", on_delete="CASCADE")
    stay_id: int
    name = pw.CharField(60)
    phone = pw.CharField(24, default="")
    key = pw.ForeignKeyField(Key, null=True, backref="guests", on_delete="SET NULL")
    key_id: int | None
    removed_at = pw.BigIntegerField(null=True)

    @classmethod
    def of(cls, property: Property, guest_id: int) -> Guest:
        """A guest of one of this property's stays; another hotel's is not found."""
        found: Guest | None = (
            cls.select(cls, Stay).join(Stay).where(cls.id == guest_id, Stay.property == property).first()
        )
        if found is None:
            raise NotFound(what="guest")
        return found


class GuestKey(BaseModel):
    """Every key that a guest ever got; the present one is also `Guest.key`."""

    guest = pw.ForeignKeyField(Guest, backref="all_keys", on_delete="CASCADE")
    guest_id: int
    key = pw.ForeignKeyField(Key, unique=True, backref="of_guest", on_delete="CASCADE")
    key_id: int


class Move(BaseModel):
    """A stay goes to another room; while it is open its guests may open both."""

    stay = pw.ForeignKeyField(Stay, backref="moves", on_delete="CASCADE")
    stay_id: int
    from_room = pw.ForeignKeyField(Door, backref="moves_away", on_delete="RESTRICT")
    from_room_id: int
    to_room = pw.ForeignKeyField(Door, backref="moves_in", on_delete="RESTRICT")
    to_room_id: int
    from_generation = pw.BigIntegerField()
    to_generation = pw.BigIntegerField()
    started_at = pw.BigIntegerField()
    closes_at = pw.BigIntegerField()  # the old room closes then, if the new one was not opened before
    opened_at = pw.BigIntegerField(null=True)  # when the door of the new room told the first open
    closed_at = pw.BigIntegerField(null=True)
    how = pw.CharField(10, default="")  # "" while open | "opened" | "grace" | "at_once" | "back" | "check_out"

    class Meta:
        indexes = ((("stay", "id"), False), (("closed_at", "closes_at"), False))


class Payment(BaseModel):
    """Money taken or given back at the desk: recorded, not processed."""

    stay = pw.ForeignKeyField(Stay, backref="payments", on_delete="CASCADE")
    stay_id: int
    at = pw.BigIntegerField()
    amount_minor = pw.BigIntegerField()  # in the currency's smallest unit; below 0 if given back
    currency = pw.CharField(3)  # ISO 4217
    method = pw.CharField(10)
    note = pw.CharField(120, default="")
    taken_by = pw.CharField(60)
