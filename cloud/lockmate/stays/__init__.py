"""Stays: orders entered, rooms prepared, guests named and authorised, checked in and out."""

from __future__ import annotations

from lockmate.stays import orders
from lockmate.stays.authorising import authorise
from lockmate.stays.errors import (
    AlreadyAuthorised,
    BadName,
    ChangedMeanwhile,
    GuestGone,
    NoGuests,
    OrderNotOpen,
    StayEnded,
    StayNotDraft,
    StayNotIn,
    StayOver,
)
from lockmate.stays.listing import RackRow, in_house, rack
from lockmate.stays.models import Guest, Order, Stay
from lockmate.stays.people import phone_of
from lockmate.stays.verbs import check_in, check_out, discard, name_guest, prepare

__all__ = [
    "AlreadyAuthorised",
    "BadName",
    "ChangedMeanwhile",
    "Guest",
    "GuestGone",
    "NoGuests",
    "Order",
    "OrderNotOpen",
    "RackRow",
    "Stay",
    "StayEnded",
    "StayNotDraft",
    "StayNotIn",
    "StayOver",
    "authorise",
    "check_in",
    "check_out",
    "discard",
    "in_house",
    "name_guest",
    "orders",
    "phone_of",
    "prepare",
    "rack",
]
