"""Boards: told of when flashed, provisioned, renewed, retired."""

from __future__ import annotations

import base64
from typing import Any

from lockmate import fitting, properties
from lockmate.api.install import install
from lockmate.api.install.body import actor, flag, here, networks, number, octets, sent, text
from lockmate.api.install.entering import for_installers


@install.post("/boards")
@for_installers()
def flashed() -> Any:
    """`{serial, chip, firmware, digest}`: a board was given this firmware."""
    body = sent()
    fitting.boards.flashed(
        here(), text(body, "serial", 12), text(body, "chip", 12), text(body, "firmware", 20), text(body, "digest", 64),
        by=actor(),
    )  # fmt: skip
    return {"kept": True}


@install.post("/companions")
@for_installers()
def provision() -> Any:
    """`{door | null, request, serial, chip, companion, profile, wifi, beside}`: the files for its flash."""
    body = sent()
    door = None if body.get("door") is None else properties.door_of(here(), number(body, "door"))
    done = fitting.boards.provision(
        here(), door, octets(body, "request"), serial=text(body, "serial", 12), chip=text(body, "chip", 12),
        companion_id=text(body, "companion", 32, ""), profile=text(body, "profile", 4_096, ""), wifi=networks(body),
        beside=flag(body, "beside"), by=actor(),
    )  # fmt: skip
    return {
        "companion": done.companion.companion_id,
        "certificate": done.companion.certificate_serial,
        "spare_code": done.spare_code,
        "retired": list(done.retired),
        "files": {name: base64.b64encode(body).decode() for name, body in done.files.items()},
    }


@install.get("/companions/<companion_id>")
@for_installers()
def companion(companion_id: str) -> Any:
    """What the cloud holds of a companion, for the tool to compare with the board's own report."""
    found = fitting.boards.companion_of(here(), companion_id)
    passed = fitting.acceptance.passed(found)
    return {
        "companion": found.companion_id, "state": found.state, "door": found.door.number if found.door else None,
        "certificate": found.certificate_serial, "online": found.online, "heard_at": found.heard_at,
        "acceptance": passed.id if passed else None,
    }  # fmt: skip


@install.post("/companions/<companion_id>/certificate")
@for_installers()
def renew(companion_id: str) -> Any:
    """`{request}`: a certificate for a new key."""
    found = fitting.boards.companion_of(here(), companion_id)
    certificate = fitting.boards.renew(found, octets(sent(), "request"), by=actor())
    return {"certificate": found.certificate_serial, "file": base64.b64encode(certificate).decode()}


@install.delete("/companions/<companion_id>")
@for_installers("companion:retire")
def retire(companion_id: str) -> Any:
    """Out of service."""
    fitting.boards.retire(fitting.boards.companion_of(here(), companion_id), by=actor())
    return {"retired": companion_id}


@install.post("/doors/<id:door>/replace")
@for_installers("companion:replace")
def replace(door: int) -> Any:
    """`{code}`: a spare takes over the door."""
    spare = fitting.boards.replace(properties.door_of(here(), door), text(sent(), "code", 20), by=actor())
    return {"companion": spare.companion_id}
