"""Stays: orders entered, rooms prepared, guests named and authorised; in house, moved, re-keyed, ended."""

from __future__ import annotations

from lockmate.stays import orders
from lockmate.stays.arriving import arrive, check_in, check_in_group, walk_in
from lockmate.stays.authorising import authorise, authorise_again
from lockmate.stays.changing import name_guest, remove_guest, rename_guest
from lockmate.stays.drafts import discard, prepare
from lockmate.stays.ending import check_out, undo_check_out
from lockmate.stays.entering import planned
from lockmate.stays.errors import (
    AlreadyAuthorised,
    BadGroup,
    BadName,
    BadPayment,
    BadReference,
    ChangedMeanwhile,
    CsvRoomTwice,
    CsvRoomUnknown,
    EndInPast,
    GuestGone,
    LastGuest,
    NoGuests,
    NoKeyInForce,
    NotDueYet,
    NothingToMoveBack,
    OrderExists,
    OrderNotOpen,
    RoomNeedsPerson,
    SameRoom,
    StayEnded,
    StayNotDraft,
    StayNotEnded,
    StayNotIn,
    StayOver,
    UndoTooLate,
)
from lockmate.stays.evicting import evict
from lockmate.stays.holding import occupant, open_move
from lockmate.stays.listing import RackRow, in_house, keys_by_guest, of_keys, people_at, people_of, rack
from lockmate.stays.models import Guest, GuestKey, Move, Order, Payment, Stay
from lockmate.stays.moving import move, move_back, moves_of, note_opened
from lockmate.stays.paying import PAYMENT_METHODS, Paid, pay, payments_of
from lockmate.stays.people import phone_of
from lockmate.stays.rekeying import also_on_phones, rekey
from lockmate.stays.rescheduling import reschedule
from lockmate.stays.restoring import after_restore
from lockmate.stays.tending import tend

__all__ = [
    "PAYMENT_METHODS",
    "AlreadyAuthorised",
    "BadGroup",
    "BadName",
    "BadPayment",
    "BadReference",
    "ChangedMeanwhile",
    "CsvRoomTwice",
    "CsvRoomUnknown",
    "EndInPast",
    "Guest",
    "GuestGone",
    "GuestKey",
    "LastGuest",
    "Move",
    "NoGuests",
    "NoKeyInForce",
    "NotDueYet",
    "NothingToMoveBack",
    "Order",
    "OrderExists",
    "OrderNotOpen",
    "Paid",
    "Payment",
    "RackRow",
    "RoomNeedsPerson",
    "SameRoom",
    "Stay",
    "StayEnded",
    "StayNotDraft",
    "StayNotEnded",
    "StayNotIn",
    "StayOver",
    "UndoTooLate",
    "after_restore",
    "also_on_phones",
    "arrive",
    "authorise",
    "authorise_again",
    "check_in",
    "check_in_group",
    "check_out",
    "discard",
    "evict",
    "in_house",
    "keys_by_guest",
    "move",
    "move_back",
    "moves_of",
    "name_guest",
    "note_opened",
    "occupant",
    "of_keys",
    "open_move",
    "orders",
    "pay",
    "payments_of",
    "people_at",
    "people_of",
    "phone_of",
    "planned",
    "prepare",
    "rack",
    "rekey",
    "remove_guest",
    "rename_guest",
    "reschedule",
    "tend",
    "undo_check_out",
    "walk_in",
]
