"""The command `lockmate`: makes the data folder, runs the servers and workers, writes the broker's configuration."""

from __future__ import annotations

import secrets
import shlex
import shutil
import sys
from pathlib import Path

import click

import lockmate
from lockmate import db, settings
from lockmate.commands import companions, hotels, keys, systems
from lockmate.commands.base import House, Sorry, ground, the_property


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

    told = keeping.save(ground(), file)
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

    chosen = ground()
    db.disconnect()  # no connection may cross the fork
    serving.serve(chosen, host or chosen.host, port or chosen.port, threads=threads, workers=workers)


@main.group()
def worker() -> None:
    """Run one of the workers, until SIGTERM or Ctrl-C; the batch in hand is finished first."""


@worker.command()
@click.option("--batch", type=click.IntRange(1, 5_000), default=4_000, show_default=True,
              help="Messages in one commit.")
@click.option("--buffer", "buffered", type=click.IntRange(1, 50_000), default=8_000, show_default=True,
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

    chosen = ground()
    folder = folder or chosen.data / "broker"
    called = list(dict.fromkeys([chosen.broker_name, chosen.broker_host, *names]))
    files = certificates.write(folder, the_property(property_id), called, ingest_workers=ingest_workers)
    try:
        written = configuration.write(folder, files, host=host or chosen.broker_host, port=port or chosen.broker_port,
                                      user=user, ingest_workers=ingest_workers)
    except (ValueError, KeyError) as error:
        raise Sorry(f"bad_path: {error}; choose another folder with --folder.") from error
    click.echo(f"configuration  {written.conf}\naccess list    {written.acl}\ncertificates   {folder}\n"
               f"names          {', '.join(called)}\nstart it with  {shlex.join(written.argv)}")
    if shutil.which(written.argv[0]) is None:
        click.echo("Mosquitto is not installed here: apt install mosquitto", err=True)


for other in (hotels.property_, hotels.account, keys.keys_, keys.restored, systems.pms, companions.companions):
    main.add_command(other)


if __name__ == "__main__":
    main()
