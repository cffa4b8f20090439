"""Acceptance: begun, looked at, answered, and its certificate."""

from __future__ import annotations

import base64
from typing import Any

from flask import Response

from lockmate import fitting, properties
from lockmate.api.install import install
from lockmate.api.install.body import actor, flag, here, number, sent, text
from lockmate.api.install.entering import for_installers
from lockmate.fitting import Acceptance


@install.post("/acceptances")
@for_installers()
def start() -> Any:
    """`{door, companion}`: begin; answers with the codes to show."""
    body = sent()
    door = properties.door_of(here(), number(body, "door"))
    row = fitting.acceptance.start(door, text(body, "companion", 32, ""), by=actor())
    return _told(row) | {"codes": fitting.acceptance.codes_of(row)}


@install.post("/acceptances/<id:acceptance>/look")
@for_installers()
def look(acceptance: int) -> Any:
    """How far it is."""
    return _told(fitting.acceptance.of(here(), acceptance))


@install.post("/acceptances/<id:acceptance>/answers")
@for_installers()
def answer(acceptance: int) -> Any:
    """`{check, seen}`: what a person saw or heard."""
    row, body = fitting.acceptance.of(here(), acceptance), sent()
    fitting.acceptance.answer(row, text(body, "check", 20), flag(body, "seen"), by=actor())
    return _told(fitting.acceptance.of(here(), acceptance))


@install.post("/acceptances/<id:acceptance>/finish")
@for_installers()
def finish(acceptance: int) -> Any:
    """The certificate, signed."""
    row = fitting.acceptance.finish(fitting.acceptance.of(here(), acceptance), by=actor())
    document, signature = fitting.acceptance.signed(row)
    return {
        "acceptance": row.id,
        "document": base64.b64encode(document).decode(),
        "signature": base64.b64encode(signature).decode(),
    }


@install.get("/acceptances/<id:acceptance>/certificate.pdf")
@for_installers()
def certificate(acceptance: int) -> Any:
    """The certificate, to print; the JSON and its signature are attached to it."""
    return Response(pdf_of(fitting.acceptance.of(here(), acceptance)), mimetype="application/pdf")


def pdf_of(row: Acceptance) -> bytes:
    """Raises NotFound while there is none."""
    from lockmate.paper import certificate as paper

    return paper.certificate(*fitting.acceptance.signed(row), row.property.timezone)


def _told(row: Acceptance) -> dict[str, Any]:
    seen = fitting.acceptance.look(row)
    return {
        "acceptance": row.id,
        "door": row.door.number,
        "companion": row.companion.companion_id,
        "elsewhere": seen.elsewhere,
        "proof": seen.proof,
        "swapped": seen.swapped,
        "checks": [
            {"name": check.name, "how": check.how, "state": check.state, "note": check.note} for check in seen.checks
        ],
    }
