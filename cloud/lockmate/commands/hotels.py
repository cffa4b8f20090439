"""Commands about a hotel and who may act in it: `property`, `account`."""

from __future__ import annotations

import sys

import click

from lockmate.commands.base import ground, the_property


@click.group("property")
def property_() -> None:
    """Hotels."""


@property_.command("create")
@click.argument("name")
@click.option("--timezone", required=True, metavar="ZONE", help="Its time zone, such as Asia/Shanghai.")
@click.option("--check-in", default="14:00", show_default=True, help="From when guests may come, local time.")
@click.option("--check-out", default="12:00", show_default=True, help="Until when guests leave, local time.")
def create_property(name: str, timezone: str, check_in: str, check_out: str) -> None:
    """Make a hotel with its signing keys and its certificate authority; prints its id."""
    from lockmate import doors

    ground()
    made = doors.commission(name, timezone, check_in_time=check_in, check_out_time=check_out)
    click.echo(made.property_id)


@property_.command("set")
@click.option("--property", "property_id", metavar="ID", help="Which hotel; needed if there are several.")
@click.option("--slot-seconds", type=int, help="How long one QR code of a guest's card is shown.")
@click.option("--overlap-seconds", type=int, help="How long each is good before and after that.")
def set_property(property_id: str | None, slot_seconds: int | None, overlap_seconds: int | None) -> None:
    """Change how a hotel's cards are cut into codes; phones follow at their next fetch."""
    from lockmate import staff

    ground()
    hotel = the_property(property_id)
    staff.set_sheaf(
        hotel, slot_seconds=slot_seconds, overlap_seconds=overlap_seconds, by=staff.Actor.system(hotel, "operator")
    )
    click.echo(f"slot {hotel.slot_seconds} s, overlap {hotel.overlap_seconds} s")


@click.group()
def account() -> None:
    """Accounts of the people who work in a hotel."""


@account.command("create")
@click.argument("name")
@click.option("--role", required=True, help="What they may do: desk, manager or installer.")
@click.option("--property", "property_id", metavar="ID", help="Which hotel; needed if there are several.")
@click.option("--password-stdin", is_flag=True, help="Read the password from the standard input, don't ask for it.")
def create_account(name: str, role: str, property_id: str | None, password_stdin: bool) -> None:
    """Make an account; asks for the password."""
    from lockmate import staff

    ground()
    hotel = the_property(property_id)
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    staff.create_account(hotel, name, password, role)
    click.echo(f"{name} can sign in.")
