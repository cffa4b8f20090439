"""The command `lockmate`: makes the data folder, runs the servers and workers, writes the broker's configuration."""

from __future__ import annotations

import secrets
import shlex
import shutil
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import click
import peewee

import lockmate
from lockmate import db, settings
from lockmate.cli_companions import companions_of
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


def _ground() -> Settings:
    """Settings, database and keys of this process."""
    from lockmate import ground

    return ground.lay(settings.load())


@click.group(cls=House, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(lockmate.__version__, prog_name="lockmate")
def main() -> None:
    """Lockmate: keys, doors and their records for a hotel.

    Settings come from LOCKMATE_* variables and the file LOCKMATE_CONFIG; docs/operate.md has the table. A first
    installation: init, property create, account create, broker config; then serve, worker ingest, worker delivery.
    """


@main.command()
def init() -> None:
    """Make the data folder, its secret keys and the database. Safe to repeat: nothing that exists is changed."""
    from lockmate.keys import vault
    from lockmate.pki import write_private

    chosen = settings.use(settings.load())
    chosen.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = vault.make(chosen.master_key_file)
    click.echo(f"master key  {chosen.master_key_file}  {'made' if made else 'kept'}")
    made = not chosen.secret_key_file.exists()
    if made:
        write_private(chosen.secret_key_file, secrets.token_hex(32).encode() + b"\n")
    click.echo(f"secret key  {chosen.secret_key_file}  {'made' if made else 'kept'}")
    vault.check()
    chosen.secret_key()
    ran = db.migrate(chosen)
    click.echo(f"database    {chosen.database_told}  {f'{len(ran)} step(s) done' if ran else 'up to date'}")
    click.echo("Keep a copy of the master key in another place: without it no key can be signed or read.")


@main.command()
@click.option("--to", "target", metavar="STEP", help="Go to this step, also back; `nothing` undoes all of them.")
@click.option("--yes", is_flag=True, help="Don't ask before going back, which loses what the undone steps hold.")
def migrate(target: str | None, yes: bool) -> None:
    """Bring the database's schema up to this version (or to a step)."""
    chosen = settings.use(settings.load())
    db.connect(chosen, make=True)
    pending = db.pending()
    done = db.done()
    if target is None or target in pending[-1:]:
        told = db.migrate()
        click.echo("\n".join(f"done    {name}" for name in told) or "Nothing to do: the database is up to date.")
        return
    if target in pending:
        raise click.BadParameter(f"only the newest step can be gone up to: {pending[-1]}", param_hint="--to")
    if target != "nothing" and target not in done:
        names = ", ".join([*done, *pending])
        raise click.BadParameter(f"there is no step called {target}; there are {names}", param_hint="--to")
    undo = done[done.index(target) + 1 :] if target in done else done
    if undo and not yes:
        click.confirm(f"Undo {', '.join(undo)}? What these steps hold is lost.", abort=True)
    for _ in undo:
        click.echo(f"undone  {db.rollback()}")


@main.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write database, certificate authorities and the broker's certificates into one FILE, while all runs on.

    The master key is not in it: keep a copy of that in another place.
    """
    from lockmate import backup as keeping

    told = keeping.save(_ground(), file)
    click.echo(f"{file}  {file.stat().st_size} bytes, as of {told.when}. The master key is not in it.")


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(file: Path) -> None:
    """Put a backup in place: into an empty database, with the master key of that time already there."""
    from lockmate import backup as keeping

    told = keeping.restore(settings.use(settings.load()), file)
    click.echo(f"Restored as of {told.when} (version {told.version}). Run `lockmate broker config`, then start the "
               "processes; the doors say again what they still hold.")


@main.command()
@click.option("--host", help="Address to listen on (LOCKMATE_HOST).")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on (LOCKMATE_PORT).")
@click.option("--threads", type=click.IntRange(1, 256), default=8, show_default=True, help="Requests at a time.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Server processes.")
def serve(host: str | None, port: int | None, threads: int, workers: int) -> None:
    """Run the pages of the desk and the guests, until SIGTERM or Ctrl-C."""
    from lockmate import serving

    chosen = _ground()
    db.disconnect()  # no connection may cross the fork
    serving.serve(chosen, host or chosen.host, port or chosen.port, threads=threads, workers=workers)


@main.group()
def worker() -> None:
    """Run one of the workers, until SIGTERM or Ctrl-C; the batch in hand is finished first."""


@worker.command()
@click.option("--batch", type=click.IntRange(1, 5_000), default=1_000, show_default=True,
              help="Messages in one commit.")
@click.option("--buffer", "buffered", type=click.IntRange(1, 50_000), default=2_000, show_default=True,
              help="Messages that may wait in memory.")
@click.option("--number", type=click.IntRange(1, 64), default=1, show_default=True,
              help="Which of several ingest workers this is; each keeps its number for good.")
@click.option("--property", "property_id", metavar="ID", help="Take in nothing of another hotel's companions.")
@click.option("--leave", is_flag=True, help="Take what the broker still holds for this number, leave the others to go "
              "on, and end: before there are fewer of them.")
def ingest(batch: int, buffered: int, number: int, property_id: str | None, leave: bool) -> None:
    """Take in what the doors say: store it, then acknowledge it to the broker and to the door.

    Several may run, on this machine or others, each with its own --number; the broker deals the messages out.
    """
    from lockmate import workers

    sys.exit(workers.ingest(settings.load(), batch_max=batch, buffer_max=buffered, number=number,
                            property_id=property_id, leave=leave))


@worker.command()
@click.option("--poll-ms", type=click.IntRange(10, 60_000), default=100, show_default=True,
              help="Pause between two looks at the outbox.")
def delivery(poll_ms: int) -> None:
    """Deliver what must go out to the doors: policies and remote opens."""
    from lockmate import workers

    sys.exit(workers.delivery(settings.load(), poll=poll_ms / 1000))


@main.group()
def broker() -> None:
    """The MQTT broker between the doors and the cloud."""


@broker.command()
@click.option("--property", "property_id", metavar="ID", help="Whose doors it serves; needed if there are several.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Where to write (data folder/broker).")
@click.option("--host", help="Address to listen on (LOCKMATE_BROKER_HOST).")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on (LOCKMATE_BROKER_PORT).")
@click.option("--name", "names", multiple=True, help="Another name or address that doors call it by; may be repeated.")
@click.option("--user", help="System user that Mosquitto runs as, if root starts it (you).")
@click.option("--ingest-workers", type=click.IntRange(1, 64), default=1, show_default=True,
              help="How many ingest workers may share the work; each has a certificate of its own.")
def config(property_id: str | None, folder: Path | None, host: str | None, port: int | None,
           names: tuple[str, ...], user: str | None, ingest_workers: int) -> None:
    """Write Mosquitto's configuration, access list and certificates, and say how to start it.

    Safe to repeat; certificates are kept while they are good. Run it again after a companion was retired
    and send Mosquitto SIGHUP, so that it reads the new revocation list.
    """
    from lockmate.delivery import broker as configuration
    from lockmate.delivery import certificates

    chosen = _ground()
    folder = folder or chosen.data / "broker"
    called = list(dict.fromkeys([chosen.broker_name, chosen.broker_host, *names]))
    files = certificates.write(folder, _property(property_id), called, ingest_workers=ingest_workers)
    try:
        written = configuration.write(folder, files, host=host or chosen.broker_host, port=port or chosen.broker_port,
                                      user=user, ingest_workers=ingest_workers)
    except (ValueError, KeyError) as error:
        raise Sorry(f"bad_path: {error}; choose another folder with --folder.") from error
    click.echo(f"configuration  {written.conf}\naccess list    {written.acl}\ncertificates   {folder}\n"
               f"names          {', '.join(called)}\nstart it with  {shlex.join(written.argv)}")
    if shutil.which(written.argv[0]) is None:
        click.echo("Mosquitto is not installed here: apt install mosquitto", err=True)


@main.group("property")
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

    _ground()
    made = doors.commission(name, timezone, check_in_time=check_in, check_out_time=check_out)
    click.echo(made.property_id)


@property_.command("set")
@click.option("--property", "property_id", metavar="ID", help="Which hotel; needed if there are several.")
@click.option("--slot-seconds", type=int, help="How long one QR code of a guest's card is shown.")
@click.option("--overlap-seconds", type=int, help="How long each is good before and after that.")
def set_property(property_id: str | None, slot_seconds: int | None, overlap_seconds: int | None) -> None:
    """Change how a hotel's cards are cut into codes; phones follow at their next fetch."""
    from lockmate import staff

    _ground()
    hotel = _property(property_id)
    staff.set_sheaf(
        hotel, slot_seconds=slot_seconds, overlap_seconds=overlap_seconds, by=staff.Actor.system(hotel, "operator")
    )
    click.echo(f"slot {hotel.slot_seconds} s, overlap {hotel.overlap_seconds} s")


@main.group("keys")
def keys_() -> None:
    """The keys that sign, and the key that seals them."""


@keys_.command()
@click.argument("purpose", type=click.Choice(["guest", "staff", "policy", "update"]))
@click.option("--property", "property_id", metavar="ID", help="Which hotel; needed if there are several.")
@click.option("--wait", is_flag=True, help="Go on until it is done; safe to stop and to start again.")
@click.option("--every", type=click.FloatRange(0.1, 3_600), default=10.0, show_default=True,
              help="Seconds between looks.")
def rotate(purpose: str, property_id: str | None, wait: bool, every: float) -> None:
    """Replace the signing key of a purpose; waits for every door, and says which hold it back."""
    import time

    from lockmate import staff
    from lockmate.doors import rotating

    _ground()
    hotel = _property(property_id)
    told = ""
    while True:
        now = rotating.advance(hotel, purpose, by=staff.Actor.system(hotel, "operator"))
        line = _rotation(now)
        if line != told:
            click.echo(line)
            told = line
        if now.stage == "done" or not wait:
            return
        db.database.close()
        time.sleep(every)


def _rotation(now: Any) -> str:
    """A stage, and what it waits for."""
    from datetime import UTC, datetime

    if now.behind:
        return f"{now.stage}: waits for {', '.join(now.behind)}"
    if now.until_s:
        until = datetime.fromtimestamp(now.until_s, UTC)
        return f"{now.stage}: the old key's last token ends at {until:%Y-%m-%d %H:%M} UTC"
    return str(now.stage)


@keys_.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def reseal(file: Path) -> None:
    """Seal all secrets in the database under the master key in FILE, which is made if it is missing.

    Stop all processes first; start them with LOCKMATE_MASTER_KEY_FILE naming FILE.
    """
    from lockmate.doors import rotating
    from lockmate.keys import vault

    _ground()
    made = vault.make(file)
    issuers, links = rotating.reseal(file)
    click.echo(f"{issuers} issuer keys and {links} link keys are sealed under {file}{' (made)' if made else ''}.")


@main.command()
@click.option("--property", "property_id", metavar="ID", help="Which hotel; needed if there are several.")
@click.option("--rekey", is_flag=True, help="Give the stays in rooms that are ahead new keys.")
@click.option("--accept-jumps", is_flag=True, help="Follow doors whose generation jumped; look at them first.")
def restored(property_id: str | None, rekey: bool, accept_jumps: bool) -> None:
    """After a restore from backup: list the doors that know more than the books, and bring the books beyond them."""
    from lockmate import staff, stays

    _ground()
    hotel = _property(property_id)
    by = staff.Actor.system(hotel, "operator")
    rows = stays.after_restore(hotel, rekey=rekey, accept_jumps=accept_jumps, by=by)
    click.echo("\n".join(rows) or "No door is ahead of the books.")


@main.group()
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

    _ground()
    hotel = _property(property_id)
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    staff.create_account(hotel, name, password, role)
    click.echo(f"{name} can sign in.")


def _hotel(property_id: str | None) -> Any:
    """The ground, and the hotel that is meant."""
    _ground()
    return _property(property_id)


main.add_command(companions_of(_hotel))


def _property(property_id: str | None) -> Any:
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


if __name__ == "__main__":
    main()
