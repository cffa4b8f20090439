"""Commands about other systems of a hotel that may act here: `pms`."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from lockmate.commands.base import ground, the_property


@click.group()
def pms() -> None:
    """The hotel's own system (PMS): let in by a token. docs/pms.md shows what it may ask."""


@pms.command()
@click.argument("name")
@click.option("--property", "property_id", metavar="ID", help="Which hotel; needed if there are several.")
def connect(name: str, property_id: str | None) -> None:
    """Let a system in under NAME, which the audit trail tells; prints its token, which is kept nowhere."""
    from lockmate import staff

    ground()
    hotel = the_property(property_id)
    _, token = staff.systems.connect(hotel, name, by=staff.Actor.system(hotel, "operator"))
    click.echo(token)


@pms.command("list")
@click.option("--property", "property_id", metavar="ID", help="Which hotel; needed if there are several.")
def list_systems(property_id: str | None) -> None:
    """The systems that are let in."""
    from lockmate import staff

    ground()
    for system in staff.systems.of_property(the_property(property_id)):
        since = datetime.fromtimestamp(system.made_at / 1000, UTC)
        click.echo(f"{system.name}  since {since:%Y-%m-%d %H:%M} UTC")


@pms.command()
@click.argument("name")
@click.option("--property", "property_id", metavar="ID", help="Which hotel; needed if there are several.")
def end(name: str, property_id: str | None) -> None:
    """The token of the system NAME is good for nothing from now on."""
    from lockmate import staff

    ground()
    hotel = the_property(property_id)
    staff.systems.end(hotel, name, by=staff.Actor.system(hotel, "operator"))
    click.echo(f"{name} is let in no more.")
