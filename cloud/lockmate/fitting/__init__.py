"""Fitting: how boards come to doors, and doors into service; what an installer's tool and the desk ask for."""

from __future__ import annotations

from lockmate.fitting import acceptance, boards, checks, codes, fleet, rooms
from lockmate.fitting.errors import (
    AcceptanceOver,
    BadBoard,
    BoardElsewhere,
    ChecksMissing,
    NoCompanion,
    NotASpare,
    RoomLineTwice,
    SessionOver,
    SeveralCompanions,
    WrongCode,
)
from lockmate.fitting.models import Acceptance, Board, EnrolmentCode, InstallerSession

__all__ = [
    "Acceptance",
    "AcceptanceOver",
    "BadBoard",
    "Board",
    "BoardElsewhere",
    "ChecksMissing",
    "EnrolmentCode",
    "InstallerSession",
    "NoCompanion",
    "NotASpare",
    "RoomLineTwice",
    "SessionOver",
    "SeveralCompanions",
    "WrongCode",
    "acceptance",
    "boards",
    "checks",
    "codes",
    "fleet",
    "rooms",
]
