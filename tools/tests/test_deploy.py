"""The units that operators install start commands and set settings that exist."""

from __future__ import annotations

import configparser
import shlex
from pathlib import Path

import click
import pytest

from lockmate import settings
from lockmate.cli import main

FOLDER = Path(__file__).parents[2] / "cloud" / "systemd"
SERVICES = sorted(FOLDER.glob("*.service"))
PROGRAM = "/opt/lockmate/.venv/bin/lockmate"


def unit(path):
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(path, encoding="utf-8")
    return parser


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_a_service_starts_a_command_that_exists(path):
    words = shlex.split(unit(path)["Service"]["ExecStart"])
    if words[0] == "/bin/sh":
        words = shlex.split(words[2].removeprefix("exec "))
    assert words[0] == PROGRAM
    command, rest = main, [word.replace("%i", "1") for word in words[1:]]
    while isinstance(command, click.Group):
        command = command.get_command(click.Context(command), rest.pop(0))
    assert command is not None
    command.make_context("lockmate", rest, resilient_parsing=False)  # its words are understood


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_a_service_can_do_no_more_than_it_needs(path):
    service = unit(path)["Service"]
    assert service["User"] == "lockmate"
    assert {service[name] for name in ("NoNewPrivileges", "ProtectHome", "PrivateTmp")} == {"yes"}
    assert (service["ProtectSystem"], service["UMask"]) == ("strict", "0077")


def test_the_target_wants_the_services_that_are_there():
    wanted = unit(FOLDER / "lockmate.target")["Unit"]["Wants"].split()
    assert {name.replace("@1", "@") for name in wanted} <= {path.name for path in SERVICES}


def test_the_settings_file_holds_settings_that_are_read():
    lines = [line for line in (FOLDER / "lockmate.env").read_text("utf-8").splitlines() if line[:1] not in ("#", "")]
    chosen = settings.load(dict(line.split("=", 1) for line in lines))
    assert (chosen.trusted_proxies, chosen.public_url) == (1, "https://hotel.example")
    assert all(line.split("=")[0].removeprefix("LOCKMATE_").lower() in settings._NAMES for line in lines)
