"""Every command used wrongly on purpose: a stable code, an exit code, what happened, what to do; no traceback."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from tools import pinout
from tools.installer.cli import main
from tools.installer.trouble import Exit
from tools.virtual_board.image import image

COMMANDS = (
    "sign-in", "sign-out", "doctor", "flash", "provision", "accept", "label", "status", "replace", "rotate-cert",
    "wipe", "bundle", "bench",
)  # fmt: skip


@pytest.fixture
def typed(tmp_path, monkeypatch):
    """Types a command as a person does: its exit code, standard output, and all that it said."""
    monkeypatch.setattr("tools.installer.doctor.ports", list)  # whatever is plugged into this machine

    def run(*words, language="en", **around):
        env = {"LOCKMATE_INSTALLER_HOME": str(tmp_path / "home"), "LOCKMATE_LANGUAGE": language,
               "LOCKMATE_BUNDLE_PASSPHRASE": "correct horse battery", "COLUMNS": "200", **around}  # fmt: skip
        done = CliRunner().invoke(main, [str(word) for word in words], env=env)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout, done.output

    return run


@pytest.fixture
def files(tmp_path):
    """Files of every wrong sort."""
    for name, text in (("noise", "no toml = ["), ("wifi.toml", '[[network]]\nssid = "Hotel"\n'), ("short.json", "{}")):
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / "open.toml").write_text("", "utf-8")
    (tmp_path / "open.toml").chmod(0o644)
    (tmp_path / "image.bin").write_bytes(image("esp32"))
    twice = json.loads(pinout.text_of("wroom-1"))
    twice["buzzer"]["pin"] = twice["bolt"]["pin"]
    (tmp_path / "twice.json").write_text(json.dumps(twice), "utf-8")
    return tmp_path


CASES = [
    ("sign-in", Exit.USAGE, "usage"),
    ("sign-in https://hotel.example", Exit.USAGE, "usage"),
    ("sign-in http://hotel.example AAAAA-BBBBB", Exit.CLOUD, "not_secure"),
    ("sign-in hotel AAAAA-BBBBB", Exit.CLOUD, "not_secure"),
    ("sign-in http://127.0.0.1:9 AAAAA-BBBBB", Exit.CLOUD, "cloud_away"),
    ("sign-out now", Exit.USAGE, "usage"),
    ("doctor please", Exit.USAGE, "usage"),
    ("flash", Exit.CABLE, "no_board"),
    ("flash --port DIR/tty", Exit.CABLE, "port_missing"),
    ("flash --port DIR/tty --image DIR/nothing", Exit.FAILED, "file_open"),
    ("flash --port DIR/tty --image DIR/noise", Exit.BOARD, "image_wrong"),
    ("flash --port DIR/tty --image DIR/image.bin --sha256 00ff", Exit.BOARD, "image_wrong"),
    ("flash --sha256 00ff", Exit.USAGE, "usage"),
    ("flash --pins DIR/noise", Exit.FAILED, "file_wrong"),
    ("flash --firmware DIR/noise", Exit.FAILED, "file_wrong"),
    ("flash --firmware DIR/nothing", Exit.FAILED, "file_open"),
    ("flash --pin DIR/noise", Exit.BOARD, "image_wrong"),
    ("flash --loudly", Exit.USAGE, "usage"),
    ("provision", Exit.USAGE, "usage"),
    ("provision 801 --spare", Exit.USAGE, "usage"),
    ("provision first", Exit.USAGE, "usage"),
    ("provision 0", Exit.USAGE, "usage"),
    ("provision 801", Exit.CLOUD, "signed_out"),
    ("provision 801 --profile wroom-99", Exit.FAILED, "profile_unknown"),
    ("provision 801 --profile DIR/noise", Exit.FAILED, "profile_wrong"),
    ("provision 801 --profile DIR/twice.json", Exit.FAILED, "profile_wrong"),
    ("provision 801 --profile DIR", Exit.FAILED, "file_open"),
    ("provision 801 --bundle DIR/nothing", Exit.FAILED, "file_open"),
    ("provision 801 --bundle DIR/noise --profile wroom-1", Exit.USAGE, "usage"),
    ("provision --spare --bundle DIR/noise", Exit.USAGE, "usage"),
    ("bench /dev/ttyUSB0=spare --bundle DIR/noise", Exit.USAGE, "usage"),
    ("provision 801 --bundle DIR/noise", Exit.CLOUD, "bundle_wrong"),
    ("accept", Exit.USAGE, "usage"),
    ("accept 801 --patience long", Exit.USAGE, "usage"),
    ("accept 801", Exit.CLOUD, "signed_out"),
    ("label --sheet L0000", Exit.FAILED, "unknown_sheet"),
    ("label 801 --skip -1", Exit.USAGE, "usage"),
    ("label 801", Exit.CLOUD, "signed_out"),
    ("label --bundle DIR/noise", Exit.CLOUD, "bundle_wrong"),
    ("status 801", Exit.USAGE, "usage"),
    ("status", Exit.CLOUD, "signed_out"),
    ("status --port DIR/tty", Exit.CABLE, "port_missing"),
    ("replace 801", Exit.USAGE, "usage"),
    ("replace 801 QQQQQ", Exit.CLOUD, "signed_out"),
    ("rotate-cert", Exit.CABLE, "no_board"),
    ("rotate-cert 801", Exit.USAGE, "usage"),
    ("wipe", Exit.CLOUD, "signed_out"),
    ("wipe --offline --yes", Exit.CABLE, "no_board"),
    ("wipe --offline --port DIR/tty", Exit.INTERRUPTED, "interrupted"),  # nobody said yes
    ("bundle", Exit.USAGE, "usage"),
    ("bundle fetch", Exit.USAGE, "usage"),
    ("bundle fetch DIR/site.bundle 801", Exit.CLOUD, "signed_out"),
    ("bundle fetch DIR/site.bundle --profile DIR/short.json", Exit.FAILED, "profile_wrong"),
    ("bench", Exit.USAGE, "usage"),
    ("bench /dev/ttyUSB0", Exit.USAGE, "usage"),
    ("bench /dev/ttyUSB0=0", Exit.USAGE, "usage"),
    ("bench /dev/ttyUSB0=801 /dev/ttyUSB1=801", Exit.USAGE, "usage"),
    ("bench /dev/ttyUSB0=spare /dev/ttyUSB0=spare", Exit.USAGE, "usage"),
    ("bench /dev/ttyUSB0=801", Exit.CLOUD, "signed_out"),
    ("bench /dev/ttyUSB0=801 --profile wroom-99", Exit.FAILED, "profile_unknown"),
    ("bench /dev/ttyUSB0=801 --wifi-file DIR/open.toml", Exit.FAILED, "file_open"),
    ("bench /dev/ttyUSB0=801 --bundle DIR/noise", Exit.CLOUD, "bundle_wrong"),
    ("fly", Exit.USAGE, "usage"),
]


def test_every_command_is_among_them():
    used = {words.split()[0] for words, _exit, _code in CASES}
    assert set(COMMANDS) == set(main.commands) and set(COMMANDS) <= used


@pytest.mark.parametrize(("words", "exit_code", "code"), CASES, ids=[words for words, _exit, _code in CASES])
def test_wrong_use_is_told(typed, files, words, exit_code, code):
    split = words.replace("DIR", str(files)).split()
    for around in (["--json", *split], [*split, "--json"]):
        found, out, _all = typed(*around)
        told = json.loads(out)
        assert (found, told["ok"], told["code"], told["exit"]) == (exit_code, False, code, exit_code), told
        assert told["what"] and told["do"]
        assert "{" not in told["what"] + told["do"]
    for language in ("en", "zh-CN"):
        found, out, everything = typed(*split, language=language)
        assert found == exit_code
        assert out == ""
        assert f"({code})" in everything and "Traceback" not in everything


def test_wifi_that_others_may_read_or_that_is_half_is_told(typed, files):
    for name, code in (("open.toml", "file_open"), ("wifi.toml", "file_wrong"), ("noise", "file_wrong")):
        found, out, _all = typed("provision", 801, "--wifi-file", files / name, "--json")
        assert (found, json.loads(out)["code"]) == (Exit.FAILED, code)


def test_two_boards_on_a_hub_are_never_guessed_between(typed, monkeypatch):
    monkeypatch.setattr("tools.installer.doctor.ports", lambda: ["/dev/ttyUSB0", "/dev/ttyUSB1"])
    for words in (("flash",), ("wipe", "--offline", "--yes"), ("rotate-cert",), ("status",)):
        found, out, _all = typed(*words, "--json")
        told = json.loads(out)
        assert (found, told["code"]) == (Exit.CABLE, "several_boards")
        assert "ttyUSB0" in told["what"] + told["do"] and "ttyUSB1" in told["what"] + told["do"]


def test_no_arguments_and_help_are_answered(typed):
    assert typed("--help")[0] == 0
    assert "Exit codes" in typed("--help")[1]
    for name in COMMANDS:
        found, out, _all = typed(name, "--help")
        assert found == 0 and name in out


def test_colours_are_left_out_where_they_are_not_wanted(typed):
    for around in ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, {}):
        assert "\x1b[3" not in typed("status", **around)[2]
    assert "\x1b[" in typed("status", FORCE_COLOR="1")[2]
