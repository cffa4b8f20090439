"""What a hotel's own system (PMS) asks of the cloud: JSON, behind a bearer token; docs/pms.md shows each call.

It does with reservations what the desk does, by the same verbs. It gives no key to a phone, and puts nobody out of a
room: that a person does at the desk.
"""

from __future__ import annotations

from flask import Blueprint

pms = Blueprint("pms", __name__)

from lockmate.api.pms import reserving  # noqa: E402 - its views hang on `pms`

__all__ = ["pms", "reserving"]
