"""Whether this process can serve: asked by whoever watches it. And the site's root."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue

from lockmate.db import database
from lockmate.web.access import public

health = Blueprint("health", __name__)


@health.get("/healthz")
@public
def healthz() -> ResponseReturnValue:
    """200 if the database answers."""
    database.execute_sql("SELECT 1")
    return {"ok": True}


@health.get("/")
@public
def root() -> ResponseReturnValue:
    """The desk is what most people here want."""
    return redirect(url_for("desk.rack"))
