"""The command `bench`: ten boards on one hub, each flashed and then provisioned for its door or as a spare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tools.installer import bench, profiles
from tools.installer.cli import BUNDLE, PROFILE, WIFI, command, main, networks, passphrase, the_bundle, the_cloud
from tools.installer.say import Voice

_SPARE = "spare"


@command(main, name="bench")
@click.argument("boards", nargs=-1, required=True, metavar="PORT=DOOR...")
@click.option("--firmware", type=click.Path(path_type=Path), help="A firmware archive (else built of this tree).")
@click.option("--image", type=click.Path(path_type=Path), help="A MicroPython image for boards that have none.")
@click.option("--sha256", default="", metavar="HEX", help="What the image's SHA-256 must be.")
@click.option("--micropython", default="", metavar="VERSION", help="Fetch this version by the list of pins.")
@click.option("--pins", type=click.Path(path_type=Path), help="Another list of pins.")
@click.option("--anew", is_flag=True, help="New keys and certificates even where a board is right already.")
@PROFILE
@WIFI
@BUNDLE
def several(voice: Voice, boards: tuple[str, ...], anew: bool, profile: str | None, wifi_file: Path | None,
            bundle: Path | None, **of_flash: Any) -> None:
    """Flash and provision several boards at once: PORT=DOOR for each, PORT=spare for a spare."""
    doors = _doors(voice, boards)
    if bundle is not None and (profile or wifi_file or _SPARE in doors.values()):
        raise click.UsageError(voice.text("say.bundle_decides"))
    profiles.read(profile)  # what is wrong with these is told once, before any board is touched
    networks(wifi_file)
    secrets = {}
    if bundle is None:
        the_cloud(voice)
    else:
        secrets["LOCKMATE_BUNDLE_PASSPHRASE"] = passphrase()
        the_bundle(bundle, secrets["LOCKMATE_BUNDLE_PASSPHRASE"])
    flash = _options(**of_flash)
    provision = _options(profile=profile, wifi_file=wifi_file, bundle=bundle) + ["--anew"] * anew
    commands = {
        port: [
            ["flash", *flash, "--port", port],
            ["provision", "--spare" if door == _SPARE else door, *provision, "--port", port],
        ]
        for port, door in doors.items()
    }
    bench.run(voice, commands, secrets)


def _doors(voice: Voice, boards: tuple[str, ...]) -> dict[str, str]:
    """The door's number, or `spare`, by port. Raises click.UsageError for a port or a door that is named twice."""
    found: dict[str, str] = {}
    for word in boards:
        port, _, door = word.rpartition("=")
        if not port or not (door == _SPARE or (door.isascii() and door.isdecimal() and int(door))):
            raise click.UsageError(voice.text("say.port_is_door", word=word))
        if port in found or (door != _SPARE and door in found.values()):
            raise click.UsageError(voice.text("say.named_twice", word=word))
        found[port] = door
    return found


def _options(**named: Any) -> list[str]:
    """Those that were given, as they are typed."""
    return [word for name, value in named.items() if value for word in (f"--{name.replace('_', '-')}", str(value))]
