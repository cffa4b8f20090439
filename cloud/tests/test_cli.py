"""The command line: what it makes, what it says when something is wrong, and its exit codes."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cloud.tests.broker import wait
from lockmate import cli, db
from lockmate.commands import base
from lockmate.properties import Property
from lockmate.staff.models import Account
from tools.processes import Process, free_port, port_is_open

ROOT = Path(__file__).parents[2]
ENV = {"PYTHONPATH": os.pathsep.join([str(ROOT / "cloud"), str(ROOT), str(ROOT / "firmware")])}


@pytest.fixture
def data(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("LOCKMATE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LOCKMATE_DATA", str(tmp_path / "data"))
    yield tmp_path / "data"
    if db.database.obj is not None:
        db.database.close()


def run(*words, said=None):
    return CliRunner().invoke(cli.main, words, input=said)


@pytest.fixture
def made(data):
    assert run("init").exit_code == 0
    return data


@pytest.fixture
def hotel(made):
    return run("property", "create", "Lakeside", "--timezone", "Asia/Shanghai").output.strip()


def test_init_makes_keys_for_their_owner_only_and_can_be_repeated(data):
    assert run("init").exit_code == 0
    keys = {name: (data / name).read_bytes() for name in ("master.key", "secret.key")}
    assert {stat.S_IMODE((data / name).stat().st_mode) for name in keys} == {0o600}
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    again = run("init")
    assert again.exit_code == 0
    assert "kept" in again.output
    assert {name: (data / name).read_bytes() for name in keys} == keys


def test_init_shows_no_secret(data):
    said = run("init").output
    for name in ("master.key", "secret.key"):
        assert (data / name).read_text().strip() not in said


def test_a_hotel_an_account_and_a_broker(hotel, data):
    assert Property.get().property_id == hotel
    assert run("account", "create", "anna", "--role", "desk", "--password-stdin", said="correct horse\n").exit_code == 0
    assert Account.get().name == "anna"
    written = run("broker", "config", "--name", "broker.lan")
    assert written.exit_code == 0
    assert f"mosquitto -c {data / 'broker' / 'mosquitto.conf'}" in written.output
    assert "broker.lan" in written.output


def test_a_password_is_asked_for_twice_and_not_shown(hotel):
    done = run("account", "create", "anna", "--role", "desk", said="correct horse\ncorrect horse\n")
    assert done.exit_code == 0
    assert "correct horse" not in done.output


@pytest.mark.parametrize(("words", "start"), [
    (["worker", "ingest"], "broker_files_missing: "),
    (["worker", "delivery"], "broker_files_missing: "),
    (["broker", "config"], "no_property: "),
    (["property", "create", "x", "--timezone", "Nowhere/No"], "bad_property: "),
    (["broker", "config", "--property", "00"], "not_found: "),
])
def test_what_can_not_be_done_is_one_line_with_its_code(made, words, start):
    refused = run(*words)
    assert refused.exit_code == 1
    assert refused.stderr.startswith(start)
    assert len(refused.stderr.strip().splitlines()) == 1


def test_refusals_have_their_sentence(hotel):
    refused = run("account", "create", "anna", "--role", "desk", "--password-stdin", said="short\n")
    assert refused.exit_code == 1
    code, sentence = refused.stderr.split(": ", 1)
    assert code == "bad_account"
    assert "; " in sentence


def test_nothing_runs_before_init(data):
    for words in ("serve", "worker ingest", "broker config", "property create x --timezone UTC"):
        refused = run(*words.split())
        assert refused.exit_code == 1, words
        assert refused.stderr.startswith("no_database: ")
    assert not data.exists(), "a command that can't run leaves nothing behind"


@pytest.mark.parametrize("words", [
    ["nothing"], ["worker"], ["worker", "nothing"], ["worker", "ingest", "--batch", "0"], ["serve", "--port", "70000"],
    ["property", "create"], ["broker", "config", "--port", "x"], ["--nothing"], ["account", "create", "anna"],
    ["migrate", "--to", "999_none"],
], ids=" ".join)
def test_wrong_use_is_2_with_a_sentence(made, words):
    wrong = run(*words)
    assert wrong.exit_code == 2
    assert "Usage:" in wrong.output + wrong.stderr


def test_several_hotels_must_be_told_apart(hotel):
    run("property", "create", "Seaside", "--timezone", "Europe/Lisbon")
    wrong = run("broker", "config")
    assert wrong.exit_code == 2
    assert hotel in wrong.stderr
    assert run("broker", "config", "--property", hotel).exit_code == 0


def test_a_wrong_setting_is_named(made, monkeypatch):
    monkeypatch.setenv("LOCKMATE_PORT", "many")
    refused = run("serve")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("bad_port: ")


def test_migrate_goes_up_and_back(made):
    assert "up to date" in run("migrate").output
    assert run("migrate", "--to", "nothing", said="n\n").exit_code == 1
    back = run("migrate", "--to", "nothing", "--yes")
    assert back.exit_code == 0
    assert "undone" in back.output
    assert run("property", "create", "x", "--timezone", "UTC").stderr.startswith("not_migrated")
    assert "done" in run("migrate").output
    newest = db.steps()[-1]
    assert run("migrate", "--to", newest).exit_code == 0


def test_every_command_has_a_help_text(data):
    def walk(command, path):
        with click.Context(command, info_name=path[-1]) as ctx:
            assert command.get_short_help_str(), path
            assert run(*path[1:], "--help").exit_code == 0
            for name in command.list_commands(ctx) if isinstance(command, click.Group) else ():
                yield (*path, name)
                if (inner := command.get_command(ctx, name)) is not None:
                    yield from walk(inner, (*path, name))

    assert ("lockmate", "worker", "ingest") in set(walk(cli.main, ("lockmate",)))


def test_other_packages_commands_join_and_a_broken_one_says_so(data, monkeypatch):
    points = [EntryPoint("hello", "cloud.tests.test_cli:hello", base._GROUP),
              EntryPoint("gone", "no_such_package:command", base._GROUP)]
    monkeypatch.setattr(base, "entry_points", lambda group: points)
    assert "hello" in run("--help").output
    assert run("hello").output == "hello\n"
    gone = run("gone")
    assert gone.exit_code == 1
    assert gone.stderr.startswith("command_missing: ")


@click.command()
def hello():
    click.echo("hello")


def test_as_a_module():
    said = subprocess.run([sys.executable, "-m", "lockmate", "--version"], capture_output=True, text=True, check=True,
                          env={**os.environ, **ENV}, cwd=ROOT).stdout
    assert said.startswith("lockmate, version ")


def test_serve_answers_and_ends_when_asked(hotel, data):
    port = free_port()
    server = Process("web", [sys.executable, "-m", "lockmate", "serve", "--port", str(port)], ENV, data / "web.log",
                     cwd=ROOT)
    with server:
        server.wait_for_port(port)
        with socket.create_connection(("127.0.0.1", port)) as line:
            line.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            assert line.recv(100).startswith(b"HTTP/1.0 200")
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
    wait(lambda: not port_is_open(port), "the port to be free")


def test_serve_names_a_port_that_is_taken(hotel):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        refused = run("serve", "--port", str(other.getsockname()[1]))
    assert refused.exit_code == 1
    assert refused.stderr.startswith("address_taken: ")
