"""Commands that make files: labels, the desk's poster, and the site bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lockmate.errors import Refused
from tools.installer.cli import BUNDLE, PROFILE, WIFI, command, main, networks, passphrase, the_bundle, the_cloud
from tools.installer.say import Voice
from tools.installer.trouble import Trouble


@command(main, name="label")
@click.argument("doors", nargs=-1)
@click.option("--sheet", default="L7160", show_default=True, help="The label sheet's number.")
@click.option("--skip", type=click.IntRange(0, 100), default=0, help="Labels already gone from the first sheet.")
@click.option("--poster", is_flag=True, help="The desk's poster instead.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("labels.pdf"), show_default=True)
@BUNDLE
def label(voice: Voice, doors: tuple[str, ...], sheet: str, skip: int, poster: bool, out: Path,
          bundle: Path | None) -> None:
    """Stickers for all doors, or for DOORS (numbers, or ranges such as 801-820), as PDF for a label sheet."""
    from lockmate.paper import labels

    if sheet not in labels.SHEETS:
        raise Trouble("unknown_sheet", sheet=sheet, known=", ".join(labels.SHEETS))
    if bundle is not None:
        opened = the_bundle(bundle)
        hotel, rows = opened.hotel, opened.doors
    else:
        told = the_cloud(voice).ask("GET", "/doors")
        hotel, rows = told["hotel"], told["doors"]
    chosen = _chosen(rows, doors)
    if not rows:
        raise Trouble("no_door", door="–")
    try:
        if poster:
            content = labels.poster(hotel["name"], rows[0]["sticker"].rpartition("/d/")[0] + "/card")
        else:
            named = [labels.Sticker(one["name"], one["sticker"]) for one in chosen]
            content = labels.stickers(named, labels.SHEETS[sheet], hotel["name"], skip=skip)
    except Refused as refused:
        raise Trouble(refused.code) from refused
    out.write_bytes(content)
    count = 1 if poster else len(chosen)
    voice.note("say.printed", "green", count=count, file=out)
    voice.result(ok=True, file=str(out), labels=count)


@main.group()
def bundle() -> None:
    """The site bundle: companions made before, for a building without network."""


@command(bundle, name="fetch")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("doors", nargs=-1)
@WIFI
@PROFILE
def fetch(voice: Voice, file: Path, doors: tuple[str, ...], wifi_file: Path | None, profile: str | None) -> None:
    """Make companions for DOORS that have none (all, unless told) and seal them into FILE by a passphrase."""
    from tools.installer import bundle as bundles
    from tools.installer import profiles

    pins = profiles.read(profile)
    cloud = the_cloud(voice)
    rows = _chosen(cloud.ask("GET", "/doors")["doors"], doors)
    secret = passphrase()
    if len(secret) < bundles.PASSPHRASE_LEAST:
        raise Trouble("bundle_passphrase", least=bundles.PASSPHRASE_LEAST)
    content = bundles.fetch(cloud, [one["number"] for one in rows], networks(wifi_file), pins)
    bundles.seal(file, content, secret)
    voice.note("say.bundled", "green", count=len(content["prepared"]), file=file)
    voice.result(ok=True, file=str(file), prepared=sorted(int(number) for number in content["prepared"]))


def _chosen(rows: list[dict[str, Any]], wanted: tuple[str, ...]) -> list[dict[str, Any]]:
    """The doors that are meant: all of them, or those of some numbers and ranges."""
    if not wanted:
        return rows
    numbers: set[int] = set()
    for word in wanted:
        first, _, last = word.partition("-")
        if not first.isdecimal() or (last and not last.isdecimal()):
            raise click.BadParameter(word, param_hint="DOORS")
        numbers |= {one["number"] for one in rows if int(first) <= one["number"] <= int(last or first)}
        if int(first) not in numbers and not last:
            raise Trouble("no_door", door=word)
    if not numbers:
        raise Trouble("no_door", door=" ".join(wanted))
    return [one for one in rows if one["number"] in numbers]
