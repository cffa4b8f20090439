"""The commands `lockmate companions …`: new certificates and networks for doors in service, over the air."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from lockmate.commands.base import ground, the_property

_PROPERTY = click.option("--property", "property_id", metavar="ID", help="Which hotel; needed if there are several.")
_COMPANION = click.option("--companion", "named", multiple=True, metavar="ID", help="Only this one; may be repeated.")


@click.group("companions")
def companions() -> None:
    """The boards on the doors: what they take over the air."""


@companions.command("renew")
@_PROPERTY
@_COMPANION
def renew(property_id: str | None, named: tuple[str, ...]) -> None:
    """Give companions in service a new key and certificate; by itself that happens three years before the end."""
    from lockmate import doors, staff

    hotel, chosen = _chosen(property_id, named)
    for companion in chosen:
        doors.renewals.renew_certificate(companion, by=staff.Actor.system(hotel, "operator"))
    click.echo(f"{len(chosen)} asked; `lockmate companions renewals` tells how far they are.")


@companions.command("networks")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_PROPERTY
@_COMPANION
def networks(file: Path, property_id: str | None, named: tuple[str, ...]) -> None:
    """Give companions in service other networks, from a TOML file: [[network]] with ssid and password.

    A door keeps those it has until it has reached the broker by one of the new: run this before you change the network.
    """
    from lockmate import doors, staff

    try:
        listed = [(str(one["ssid"]), str(one["password"])) for one in tomllib.loads(file.read_text("utf-8"))["network"]]
    except (KeyError, TypeError, ValueError) as wrong:
        raise click.UsageError(f"{file} is no list of networks: {wrong}") from None
    hotel, chosen = _chosen(property_id, named)
    for companion in chosen:
        doors.renewals.renew_networks(companion, listed, by=staff.Actor.system(hotel, "operator"))
    click.echo(f"{len(chosen)} told; `lockmate companions renewals` tells how far they are.")


@companions.command("renewals")
@_PROPERTY
def renewals(property_id: str | None) -> None:
    """List what is under way, and since when."""
    from lockmate import doors

    _hotel, chosen = _chosen(property_id, ())
    for companion in chosen:
        row = doors.renewals.under_way(companion)
        if row is not None:
            since = datetime.fromtimestamp(row.made_at // 1000, UTC)
            click.echo(f"{companion.companion_id}  {row.what}  since {since:%Y-%m-%d %H:%M} UTC  "
                       f"{'on line' if companion.online else 'off line'}")  # fmt: skip


def _chosen(property_id: str | None, named: tuple[str, ...]) -> tuple[Any, list[Any]]:
    """The hotel, and its companions in service, or those of them that were named. Raises NotFound."""
    from lockmate import doors
    from lockmate.errors import NotFound

    ground()
    hotel = the_property(property_id)
    rows = doors.Companion.select().where(doors.Companion.property == hotel, doors.Companion.state == "in_service")
    known = {row.companion_id: row for row in rows.order_by(doors.Companion.companion_id)}
    for name in named:
        if name not in known:
            raise NotFound(what="companion")
    return hotel, [known[name] for name in named or known]
