"""What all commands share: the group that turns refusals into one line, the ground under a process, the hotel meant."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

import click
import peewee

from lockmate import settings
from lockmate.errors import Refused
from lockmate.settings import Settings, SettingsError

_GROUP = "lockmate.commands"


class Sorry(click.ClickException):
    """Something could not be done; printed as `code: what; do`, exit code 1."""

    def show(self, file: Any = None) -> None:  # noqa: ARG002  click's signature
        """On the standard error, in one line."""
        click.echo(self.message, err=True)


class House(click.Group):
    """Our commands, and those of other packages by the entry-point group `lockmate.commands`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Ours first."""
        return [*super().list_commands(ctx), *sorted(set(_others()) - set(self.commands))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Ours, or another package's, loaded when it is asked for."""
        found = super().get_command(ctx, cmd_name)
        other = _others().get(cmd_name)
        if found is not None or other is None:
            return found
        try:
            command = other.load()
        except ImportError as error:
            return _broken(cmd_name, f"command_missing: {cmd_name} can't be loaded ({error}); install {other.value}.")
        return command if isinstance(command, click.Command) else None

    def invoke(self, ctx: click.Context) -> Any:
        """Run; what the house refuses becomes one line and exit code 1."""
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            raise Sorry(f"{error.code}: {error.sentence}") from error
        except Refused as error:
            raise Sorry(_told(error)) from error
        except peewee.OperationalError as error:
            raise Sorry(f"database: {error}; look at LOCKMATE_DATABASE and the folder it names.") from error


def _others() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=_GROUP)}


def _broken(name: str, sentence: str) -> click.Command:
    def fail() -> None:
        raise Sorry(sentence)

    return click.Command(name, callback=fail, help="(can't be loaded)")


def _told(error: Refused) -> str:
    """`code: what; do` from the English catalogue, or the code with its facts where it has no sentence."""
    from lockmate.web import texts

    try:
        english = texts.catalogue("en")
        what = english[f"error.{error.code}.what"].format(**error.facts)
        do = english[f"error.{error.code}.do"].format(**error.facts)
    except (KeyError, IndexError, OSError):
        return f"{error.code}: {error}"
    facts = ", ".join(f"{name} {value}" for name, value in error.facts.items())
    return f"{error.code}: {what.rstrip('.')}; {do}" + (f" ({facts})" if facts else "")


def ground() -> Settings:
    """Settings, database and keys of this process."""
    from lockmate import ground as under

    return under.lay(settings.load())


def the_property(property_id: str | None) -> Any:
    """The one that is meant."""
    from lockmate import properties
    from lockmate.properties.models import Property

    if property_id is not None:
        return properties.the(property_id)
    found = list(Property.select().order_by(Property.id))
    if not found:
        raise Sorry("no_property: there is no hotel yet; run `lockmate property create`.")
    if len(found) > 1:
        listed = ", ".join(f"{one.property_id} ({one.name})" for one in found)
        raise click.UsageError(f"There are several hotels; say which with --property: {listed}")
    return found[0]
