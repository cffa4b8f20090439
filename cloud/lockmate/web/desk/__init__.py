"""The front desk's pages; every one needs a permission."""

from __future__ import annotations

from flask import Blueprint

desk = Blueprint("desk", __name__)

from lockmate.web.desk import claiming, doorways, ordering, rooming, sessions, staying  # noqa: E402 - they hang on `desk`

__all__ = ["claiming", "desk", "doorways", "ordering", "rooming", "sessions", "staying"]
