"""The command `lockmate-installer`: parses, calls one thing, says what came of it."""

from __future__ import annotations

import platform
import sys
import tomllib
from collections.abc import Callable, Sequence
from functools import update_wrapper
from pathlib import Path
from typing import Any

import click

import lockmate
from tools.installer import bench, doctor
from tools.installer.cloud import Cloud, Session, home
from tools.installer.say import Voice, language_of
from tools.installer.trouble import Exit, Trouble

PORT = click.option("--port", metavar="PORT", help="The board's serial port; needed if there are several.")
BUNDLE = click.option("--bundle", type=click.Path(path_type=Path), help="A site bundle, where there is no network.")
PROFILE = click.option("--profile", metavar="NAME|FILE", help="The board's pins: a revision (wroom-1) or a JSON file.")
WIFI = click.option("--wifi-file", type=click.Path(path_type=Path), help="TOML: [[network]] with ssid and password.")
_JSON = "--json"
_ASKED = "LOCKMATE_BUNDLE_PASSPHRASE"


class Tool(click.Group):
    """Says what went wrong in the catalogue's words, and ends with the trouble's exit code."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **how: Any) -> Any:
        """Run what was typed; `--json` may stand anywhere."""
        words = list(sys.argv[1:] if args is None else args)
        as_json = _JSON in words
        words = [_JSON] * as_json + [word for word in words if word != _JSON]
        voice = Voice(as_json=as_json, language=language_of())
        how["standalone_mode"] = False
        try:
            code = super().main(words, *rest, **how)
        except click.UsageError as error:
            of = error.ctx.command_path if error.ctx else "lockmate-installer"
            code = _ended(voice, Trouble("usage", why=error.format_message(), command=of))
        except Trouble as trouble:
            code = _ended(voice, trouble)
        except OSError as error:
            code = _ended(voice, Trouble("file_open", file=error.filename or "–", why=error.strerror or error))
        except (KeyboardInterrupt, click.Abort):
            code = _ended(voice, Trouble("interrupted"))
        sys.exit(code or 0)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        ctx.obj = Voice(as_json=bool(ctx.params.get("as_json")), language=language_of())
        return super().invoke(ctx)


def _ended(voice: Voice, trouble: Trouble) -> int:
    voice.trouble(trouble)
    return int(trouble.exit)


@click.group(cls=Tool, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--json", "as_json", is_flag=True, help="Results as JSON lines on the standard output.")
@click.version_option(lockmate.__version__, prog_name="lockmate-installer")
def main(as_json: bool) -> None:
    """From a bare board to an accepted door.

    Exit codes: 0 done, 1 failed, 2 wrong use, 3 cable or port, 4 board, 5 cloud, 6 checks not passed, 130 interrupted.
    """


def command(group: click.Group = main, **how: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """A command whose first argument is the voice."""

    def make(work: Callable[..., Any]) -> click.Command:
        @click.pass_obj
        def run(voice: Voice, *words: Any, **named: Any) -> Any:
            return work(voice, *words, **named)

        return group.command(**how)(update_wrapper(run, work))

    return make


def the_port(asked: str | None) -> str:
    """The port that is meant. Raises Trouble."""
    if asked is not None:
        return asked
    found = doctor.ports()
    if not found:
        raise Trouble("no_board")
    if len(found) > 1:
        raise Trouble("several_boards", ports=", ".join(found))
    return found[0]


def the_cloud(voice: Voice) -> Cloud:
    """The cloud of the kept session. Raises Trouble."""
    session = Session.load()
    return Cloud(session.url, session.secret, voice.language)


def networks(path: Path | None) -> list[tuple[str, str]]:
    """The Wi-Fi networks of a file. Raises Trouble."""
    if path is None:
        return []
    try:
        if sys.platform != "win32" and path.stat().st_mode & 0o077:
            raise Trouble("file_open", file=path, why="chmod 600")
        listed = tomllib.loads(path.read_text("utf-8"))["network"]
        return [(str(one["ssid"]), str(one["password"])) for one in listed]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Trouble("file_wrong", file=path, why=error) from error


def the_bundle(path: Path, secret: str | None = None) -> Any:
    """A bundle, opened by its passphrase, which is asked for unless given. Raises Trouble."""
    from tools.installer.bundle import Bundle

    return Bundle(path, passphrase() if secret is None else secret)


def passphrase() -> str:
    """Of the bundle: from the environment, else asked for."""
    import os

    return os.environ.get(_ASKED) or str(click.prompt("Passphrase", hide_input=True, err=True))


@command(name="sign-in")
@click.argument("url")
@click.argument("code")
def sign_in(voice: Voice, url: str, code: str) -> None:
    """Let this laptop in with a one-time code from the desk's installer page."""
    session = Cloud(url, language=voice.language).sign_in(code, platform.node())
    session.save()
    voice.note("say.signed_in", "green", hotel=session.hotel["name"])
    voice.result(ok=True, hotel=session.hotel, ends_at=session.ends_at)


@command(name="sign-out")
def sign_out(voice: Voice) -> None:
    """Let this laptop out."""
    try:
        the_cloud(voice).ask("DELETE", "/session")
    except Trouble as trouble:
        if trouble.code not in ("signed_out", "cloud_away"):
            raise
    Session.forget()
    voice.note("say.signed_out")
    voice.result(ok=True)


@command(name="doctor")
def look(voice: Voice) -> None:
    """Look at everything that an installation needs."""
    found = list(doctor.look(voice.language))
    rows = []
    for one in found:
        mark = voice.text("say.good" if one.good else "say.bad")
        rows.append([mark, voice.word("doctor", one.name), one.fact, "" if one.good else voice.word("do", one.name)])
    voice.table(["state", "what", "found", "do"], rows)
    good = all(one.good for one in found)
    voice.result(ok=good, findings=[{"name": one.name, "good": one.good, "fact": one.fact} for one in found])
    if not good:
        click.get_current_context().exit(int(Exit.FAILED))


@command()
@PORT
@click.option("--firmware", type=click.Path(path_type=Path), help="A firmware archive (else built of this tree).")
@click.option("--image", type=click.Path(path_type=Path), help="A MicroPython image for a board that has none.")
@click.option("--sha256", default="", metavar="HEX", help="What the image's SHA-256 must be.")
@click.option("--micropython", default="", metavar="VERSION", help="Fetch this version by the list of pins.")
@click.option("--pins", type=click.Path(path_type=Path), help="Another list of pins.")
@click.option("--anew", is_flag=True, help="Write MicroPython even if the board has one; everything on it is lost.")
@click.option("--bench", "ports", multiple=True, metavar="PORT", help="Several boards on a hub at once; repeat it.")
@click.option("--pin", type=click.Path(path_type=Path), help="Trust an image: from now on flash takes it by itself.")
def flash(voice: Voice, port: str | None, firmware: Path | None, image: Path | None, sha256: str, micropython: str,
          pins: Path | None, anew: bool, ports: tuple[str, ...], pin: Path | None) -> None:
    """Bring a board to the newest firmware: MicroPython where it is missing, then our files, all read back."""
    from tools.installer import flashing, sources

    if pin is not None:
        line = sources.pin(pin, home() / "images")
        voice.note("say.pinned", "green")
        if not voice.as_json:
            click.echo(line)
        voice.result(ok=True, pin=line)
        return
    if sha256 and image is None:
        raise click.UsageError(voice.text("say.sha256_of_image"))
    if ports:
        words = ["flash", *_words("--firmware", firmware), *_words("--image", image), *_words("--pins", pins),
                 *_words("--sha256", sha256 or None),
                 *_words("--micropython", micropython or None), *(["--anew"] if anew else [])]
        bench.run(voice, {one: [[*words, "--port", one]] for one in ports})
        return
    micro = sources.micropython(image, sha256, micropython, pins, home() / "images")
    choose = sources.firmware(firmware)
    place = the_port(port)
    with voice.progress("say.flashing", sources.size(firmware), port=place) as told:
        done = flashing.flash(place, choose, micro, anew=anew, told=told)
    _tell_flashed(voice, done)
    key = "say.flashed" if done.did else "say.right_already"
    voice.note(key, "green", serial=done.serial, firmware=done.firmware, seconds=f"{done.seconds:.1f}")
    voice.result(ok=True, serial=done.serial, chip=done.chip, firmware=done.firmware, digest=done.digest,
                 did=list(done.did), seconds=round(done.seconds, 2))


def _tell_flashed(voice: Voice, done: Any) -> None:
    """The cloud's fleet view hears of it, where there is a session and a network; else later, by provisioning."""
    try:
        the_cloud(voice).ask("POST", "/boards", serial=done.serial, chip=done.chip, firmware=done.firmware,
                             digest=done.digest)
    except Trouble as trouble:
        if trouble.code not in ("signed_out", "cloud_away"):
            raise


@command()
@PORT
@click.argument("door", type=click.IntRange(1, 0xFFFFFFFF), required=False)
@click.option("--spare", is_flag=True, help="For no door yet: a spare, for the night porter.")
@click.option("--beside", is_flag=True, help="Beside the companion that the door has (a suite's second door).")
@PROFILE
@click.option("--anew", is_flag=True, help="New key and certificate even if the board is right already.")
@WIFI
@BUNDLE
def provision(voice: Voice, port: str | None, door: int | None, spare: bool, beside: bool, profile: str | None,
              anew: bool, wifi_file: Path | None, bundle: Path | None) -> None:
    """Make the board the companion of DOOR (its number), or a spare."""
    from tools.installer import profiles, provisioning
    from tools.installer.board import open_board

    if spare == (door is not None):
        raise click.UsageError(voice.text("say.door_or_spare"))
    if bundle is not None and (spare or beside or profile or wifi_file):
        raise click.UsageError(voice.text("say.bundle_decides"))
    pins, wifi = profiles.read(profile), networks(wifi_file)
    source = the_bundle(bundle) if bundle else provisioning.FromCloud(the_cloud(voice))
    with open_board(the_port(port)) as board:
        done = provisioning.provision(
            board, source, door, profile=pins, wifi=wifi, beside=beside, anew=anew,
            told=lambda step: voice.note(f"step.{step}"),
        )  # fmt: skip
        board.restart()
    voice.note("say.provisioned" if done.did else "say.provisioned_already", "green", companion=done.companion,
               door=done.door or "–")
    if done.laid is not None:
        voice.note("say.laid", count=done.laid.tables, engine=done.laid.engine)
    if done.retired:
        voice.note("say.retired", "yellow", companions=", ".join(done.retired))
    if done.spare_code:
        voice.note("say.spare_code", "bold", code=done.spare_code)
    voice.result(ok=True, companion=done.companion, door=done.door, serial=done.serial, did=done.did,
                 spare_code=done.spare_code, retired=list(done.retired), engine=done.laid.engine if done.laid else None,
                 tables=done.laid.tables if done.laid else None)


@command()
@click.argument("door", type=click.IntRange(1, 0xFFFFFFFF))
@click.option("--companion", default="", help="Which, where the door has two.")
@click.option("--out", type=click.Path(path_type=Path), default=Path(), help="Folder for the certificate.")
@click.option("--patience", type=float, default=300.0, show_default=True, help="Seconds for one check.")
def accept(voice: Voice, door: int, companion: str, out: Path, patience: float) -> None:
    """Walk through every check of a door and fetch its certificate."""
    from tools.installer import accepting
    from tools.installer.guide import Person

    cloud = the_cloud(voice)
    done = accepting.accept(cloud, door, Person(voice), companion=companion, patience_s=patience)
    files = accepting.keep(cloud, done, out)
    voice.note("say.accepted", "green", door=door, companion=done.companion, file=files[-1])
    voice.result(ok=True, door=door, companion=done.companion, acceptance=done.acceptance,
                 files=[str(file) for file in files], checks=done.checks)


@command()
@PORT
def status(voice: Voice, port: str | None) -> None:
    """The hotel's doors with how far each is; with a board on the cable, that board."""
    from tools.installer import looking

    facts: dict[str, Any] = {}
    if port is not None or doctor.ports():
        facts["board"] = looking.at(the_port(port))
        rows = [[voice.word("column", name), str(value)] for name, value in facts["board"].items()]
        voice.table(["what", "found"], rows)
    try:
        told = the_cloud(voice).ask("GET", "/doors")
    except Trouble as trouble:
        if not facts or trouble.code not in ("signed_out", "cloud_away"):
            raise
    else:
        facts |= {"doors": told["doors"], "boards": told["boards"]}
        rows = [[str(one["number"]), one["name"], voice.word("state", one["state"]),
                 ", ".join(voice.word("lack", lack) for lack in one["lacks"])] for one in told["doors"]]
        voice.table(["number", "door", "state", "lacks"], rows)
    voice.result(ok=True, **facts)


@command()
@click.argument("door", type=click.IntRange(1, 0xFFFFFFFF))
@click.argument("code")
def replace(voice: Voice, door: int, code: str) -> None:
    """A spare takes over DOOR, by the CODE on its housing (the desk page does the same)."""
    told = the_cloud(voice).ask("POST", f"/doors/{door}/replace", code=code)
    voice.note("say.replaced", "green", door=door, companion=told["companion"])
    voice.result(ok=True, door=door, companion=told["companion"])


@command(name="rotate-cert")
@PORT
def rotate_cert(voice: Voice, port: str | None) -> None:
    """A new key and certificate for the companion on the cable; the old one is revoked."""
    from tools.installer import provisioning
    from tools.installer.board import open_board

    with open_board(the_port(port)) as board:
        serial = provisioning.renew(board, the_cloud(voice))
        board.restart()
    voice.note("say.rotated", "green", certificate=serial)
    voice.result(ok=True, certificate=serial)


@command()
@PORT
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--offline", is_flag=True, help="Leave the cloud alone: retire the companion at the desk afterwards.")
def wipe(voice: Voice, port: str | None, yes: bool, offline: bool) -> None:
    """Take from a board everything that makes it a door's companion, and retire that companion."""
    from tools.installer import provisioning
    from tools.installer.board import open_board

    cloud = None if offline else the_cloud(voice)
    if not yes:
        click.confirm(voice.text("say.wipe"), abort=True, err=True)
    with open_board(the_port(port)) as board:
        companion = provisioning.wipe(board)
    if cloud is not None and companion:
        cloud.ask("DELETE", f"/companions/{companion}")
    voice.note("say.wiped", "green", companion=companion or "–")
    voice.result(ok=True, companion=companion)


def _words(name: str, value: object | None) -> list[str]:
    return [] if value is None else [name, str(value)]


from tools.installer import benching, printing  # noqa: E402 - their commands hang on `main`

__all__ = ["benching", "main", "printing"]

if __name__ == "__main__":
    main()
