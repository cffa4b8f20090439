"""Commands about what signs and seals, and about books that were put back from a backup: `keys`, `restored`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lockmate import db
from lockmate.commands.base import ground, the_property


@click.group("keys")
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

    ground()
    hotel = the_property(property_id)
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


@keys_.command("rotate-links")
@click.option("--property", "property_id", metavar="ID", help="Which hotel; needed if there are several.")
@click.option("--wait", is_flag=True, help="Go on until it is done; safe to stop and to start again.")
@click.option("--every", type=click.FloatRange(0.1, 3_600), default=10.0, show_default=True,
              help="Seconds between looks.")
def rotate_links(property_id: str | None, wait: bool, every: float) -> None:
    """Replace the key between each door and the cloud; waits for every door, and says which hold it back.

    A change that is under way is gone on with; nothing new begins before it is done.
    """
    import time

    from lockmate import doors, staff

    ground()
    hotel = the_property(property_id)
    behind = doors.linking.begin(hotel, by=staff.Actor.system(hotel, "operator"))
    told = ""
    while True:
        line = f"coming: waits for {', '.join(behind)}" if behind else "done"
        if line != told:
            click.echo(line)
            told = line
        if not behind or not wait:
            return
        db.database.close()
        time.sleep(every)
        behind = doors.linking.behind(hotel)


@keys_.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def reseal(file: Path) -> None:
    """Seal all secrets in the database under the master key in FILE, which is made if it is missing.

    Stop all processes first; start them with LOCKMATE_MASTER_KEY_FILE naming FILE.
    """
    from lockmate.doors import rotating
    from lockmate.keys import vault

    ground()
    made = vault.make(file)
    issuers, links = rotating.reseal(file)
    click.echo(f"{issuers} issuer keys and {links} link keys are sealed under {file}{' (made)' if made else ''}.")


@click.command()
@click.option("--property", "property_id", metavar="ID", help="Which hotel; needed if there are several.")
@click.option("--rekey", is_flag=True, help="Give the stays in rooms that are ahead new keys.")
@click.option("--accept-jumps", is_flag=True, help="Follow doors whose generation jumped; look at them first.")
def restored(property_id: str | None, rekey: bool, accept_jumps: bool) -> None:
    """After a restore from backup: list the doors that know more than the books, and bring the books beyond them."""
    from lockmate import staff, stays

    ground()
    hotel = the_property(property_id)
    by = staff.Actor.system(hotel, "operator")
    rows = stays.after_restore(hotel, rekey=rekey, accept_jumps=accept_jumps, by=by)
    click.echo("\n".join(rows) or "No door is ahead of the books.")
