"""Asks a signed Debian index for the present version of packages, with an apt configuration apart from the machine's.

Used only when no pin can be had any more. apt checks the signature of the suite and the hash of its index; we take the
file name and SHA-256 from there, so nothing unsigned is ever accepted. The machine's own apt state is not touched.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tools.setup.pins import Pin
from tools.setup.say import Stop, output_of

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# Debian 13 first: its libraries are the ones the pins were proved with.
SUITES = ("trixie", "sid")


class Unusable(Exception):
    """A suite's index cannot be used now: out of reach, not signed as it should be, or without a package."""


def ask(suite: str, architecture: str, base: str, packages: tuple[str, ...]) -> dict[str, Pin]:
    """The present file of each package in a suite; raises Unusable with apt's reason."""
    with tempfile.TemporaryDirectory(prefix="lockmate-apt-") as folder:
        options = options_for(Path(folder), suite, architecture, base)
        try:
            output_of(["apt-get", *options, "-q", "update", "--error-on=any"])
            shown = output_of(["apt-cache", *options, "show", "--no-all-versions", *packages])
        except Stop as reason:
            raise Unusable(str(reason)) from None
    found = parse(shown)
    absent = [name for name in packages if name not in found]
    if absent:
        raise Unusable(f"the index of {suite} for {architecture} has no {', '.join(absent)}")
    return found


def options_for(folder: Path, suite: str, architecture: str, base: str) -> list[str]:
    """Command-line options that give apt a state, a cache and one source of its own below `folder`."""
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "status").touch()
    source = folder / "sources.list"
    source.write_text(f"deb [arch={architecture} signed-by={KEYRING}] {base} {suite} main\n")
    settings = {
        "Dir::State": folder,
        "Dir::State::Lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "Dir::Etc::sourcelist": source,
        "Dir::Etc::sourceparts": "-",
        "Dir::Etc::preferencesparts": "-",
        "Dir::Etc::preferences": "-",
        "APT::Architecture": architecture,
        "APT::Architectures::": architecture,
        "APT::Sandbox::User": "",
        "Acquire::Languages": "none",
        "Acquire::AllowInsecureRepositories": "false",
        "APT::Get::AllowUnauthenticated": "false",
    }
    return [f"-o{name}={value}" for name, value in settings.items()]


def parse(shown: str) -> dict[str, Pin]:
    """File and SHA-256 of each package from the paragraphs `apt-cache show` prints."""
    found: dict[str, Pin] = {}
    for paragraph in shown.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and line[0] not in " \t")
        if {"Package", "Filename", "SHA256"} <= fields.keys():
            found.setdefault(fields["Package"], Pin(fields["Filename"], fields["SHA256"]))
    return found


def available() -> bool:
    """True where apt and Debian's keys are."""
    return Path(KEYRING).exists() and shutil.which("apt-get") is not None
