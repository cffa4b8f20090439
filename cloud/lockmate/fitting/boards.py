"""Boards: flashed, provisioned for a door or as a spare, put in another one's place, renewed, retired."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lockmate import clock
from lockmate.db import transaction
from lockmate.doors import companions, policies
from lockmate.doors.models import Companion
from lockmate.errors import NotFound
from lockmate.fitting import codes
from lockmate.fitting.errors import BadBoard, BoardElsewhere, NotASpare
from lockmate.fitting.models import Board
from lockmate.properties.models import Door, Property
from lockmate.protocol import COMPANION_ID
from lockmate.staff import Actor, audit

CHIPS = ("ESP32", "ESP32-S3", "ESP32-C3", "ESP32-C6", "sim")
_SERIAL = re.compile(r"[0-9a-f]{12}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SPARE_CODE = 5


@dataclass(frozen=True, slots=True)
class Provisioning:
    """What goes on a board's flash, beside its own key."""

    companion: Companion
    files: dict[str, bytes] = field(repr=False)
    spare_code: str = ""
    retired: tuple[str, ...] = ()  # companions that gave way


def flashed(property: Property, serial: str, chip: str, firmware: str, digest: str, *, by: Actor) -> Board:
    """A board was given this firmware. Raises BadBoard."""
    by.within(property.id)
    if not _DIGEST.fullmatch(digest):
        raise BadBoard(field="digest")
    with transaction():
        board = _board(property, serial, chip)
        board.firmware, board.digest, board.flashed_at = firmware[:20], digest, clock.now_ms()
        board.save()
        audit.record(by, "board:flash", f"board {board.serial}", chip=chip, firmware=board.firmware)
        return board


def provision(
    property: Property,
    door: Door | None,
    request: bytes,
    *,
    serial: str,
    chip: str,
    companion_id: str = "",
    profile: str = "",
    wifi: tuple[tuple[str, str], ...] = (),
    beside: bool = False,
    by: Actor,
) -> Provisioning:
    """A board becomes the companion of a door, or a spare that waits for one (`door` None).

    Whatever it was before ends with its certificate, and so does the companion that it takes the place of, unless
    it hangs `beside` that one (a suite's second door). `companion_id` is made of the serial unless told. Raises
    BadBoard, BoardElsewhere, doors.BadCompanion, pki.BadRequest.
    """
    by.within(property.id)
    companion_id = companion_id or f"c-{serial}"
    with transaction():
        board = _board(property, serial, chip)
        retired = _make_room(property, door, companion_id, beside=beside, by=by)
        enrolled = companions.enrol(
            property, door, companion_id, request, profile=profile, wifi=wifi, by=by
        )
        board.companion, board.provisioned_at, board.retired_at = enrolled.companion, clock.now_ms(), None
        board.spare_code = "" if door is not None else _spare_code(property)
        board.save()
    return Provisioning(enrolled.companion, enrolled.files, board.spare_code, tuple(retired))


def replace(door: Door, spare_code: str, *, by: Actor) -> Companion:
    """A spare takes over a door: what hung there is retired, the spare learns its door from its next fresh ack.

    Raises NotASpare.
    """
    by.within(door.property_id)
    with transaction():
        board = spare_of(door.property, spare_code)
        spare = board.companion
        assert spare is not None  # joined
        for old in policies.companions_of(door):
            retire(old, by=by)
        board.spare_code = ""
        board.save()
        companions.assign(spare, door, by=by)
        return spare


def spare_of(property: Property, spare_code: str) -> Board:
    """The spare whose housing carries this code. Raises NotASpare."""
    wanted = codes.tidy(spare_code)
    found: Board | None = (
        Board.select(Board, Companion)
        .join(Companion)
        .where(
            Board.property == property,
            Board.spare_code == wanted,
            Companion.state == "in_service",
            Companion.door.is_null(),
        )
        .first()
        if wanted
        else None
    )
    if found is None:
        raise NotASpare(spare=spare_code)
    return found


def companion_of(property: Property, companion_id: str) -> Companion:
    """A companion of this hotel; another's is not found."""
    found = companions.by_id(companion_id)
    if found is None or found.property_id != property.id:
        raise NotFound(what="companion")
    return found


def renew(companion: Companion, request: bytes, *, by: Actor) -> bytes:
    """A new certificate for a new key of this companion (DER)."""
    return companions.renew(companion, request, by=by)


def retire(companion: Companion, *, by: Actor) -> None:
    """Out of service, board and certificate; what is retired already stays so."""
    by.within(companion.property_id)
    with transaction():
        if companion.state == "in_service":
            companions.retire(companion, by=by)
        Board.update(retired_at=clock.now_ms(), spare_code="").where(
            Board.companion == companion, Board.retired_at.is_null()
        ).execute()


def _board(property: Property, serial: str, chip: str) -> Board:
    if not _SERIAL.fullmatch(serial):
        raise BadBoard(field="serial", value=serial)
    if chip not in CHIPS:
        raise BadBoard(field="chip", value=chip)
    found: Board | None = Board.get_or_none(Board.property == property, Board.serial == serial)
    if found is None:
        return Board.create(property=property, serial=serial, chip=chip)
    found.chip = chip
    return found


def _make_room(property: Property, door: Door | None, companion_id: str, *, beside: bool, by: Actor) -> list[str]:
    """Retire what this companion was before, and what it takes the place of; the ids."""
    leaving = []
    former = companions.by_id(companion_id) if COMPANION_ID.fullmatch(companion_id) else None
    if former is not None and former.property_id != property.id:
        raise BoardElsewhere(companion=companion_id)
    if former is not None and former.state == "in_service":
        leaving.append(former)
    if door is not None and not beside:
        leaving += [other for other in policies.companions_of(door) if former is None or other.id != former.id]
    for companion in leaving:
        retire(companion, by=by)
    return [companion.companion_id for companion in leaving if former is None or companion.id != former.id]


def _spare_code(property: Property) -> str:
    while True:
        code = codes.random_code(_SPARE_CODE)
        if not Board.select().where(Board.property == property, Board.spare_code == code).exists():
            return code
