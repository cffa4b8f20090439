"""The set-up's other steps: what is missing is named, what is done is not done again, the locks fit setup.cfg."""

from __future__ import annotations

import configparser
import json
import os
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.setup import pages, system
from tools.setup.packages import LOCK, find_python, version_of
from tools.setup.say import ROOT, Stop, output_of
from tools.setup.stamps import Stamp


@pytest.mark.parametrize("version", ["12", "13"])
def test_debian_12_and_13_are_known(tmp_path: Path, version: str) -> None:
    file = tmp_path / "os-release"
    file.write_text(f'PRETTY_NAME="Debian GNU/Linux {version}"\nID=debian\nVERSION_ID="{version}"\n')
    assert system.release(file) == version


@pytest.mark.parametrize("facts", ["ID=ubuntu\nVERSION_ID=24.04\nPRETTY_NAME=Ubuntu", "ID=debian\nVERSION_ID=11", ""])
def test_another_system_is_told_so(tmp_path: Path, facts: str) -> None:
    file = tmp_path / "os-release"
    file.write_text(facts)
    with pytest.raises(Stop, match="Debian 12 and Debian 13"):
        system.release(file)


def test_without_root_the_exact_command_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Stop, match=r"apt-get install --no-install-recommends -y chromium mosquitto\n"):
        system.install(["chromium", "mosquitto"])


def test_nothing_is_asked_of_root_when_nothing_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    system.install([])


def test_missing_programs_are_named_by_their_package(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"node": "/usr/bin/node"}
    monkeypatch.setattr(system, "which", there.get)
    monkeypatch.setattr(system, "FILES", {"fonts-noto-cjk": "/nowhere/at/all"})
    assert system.missing("12") == ["chromium-headless-shell", "fonts-noto-cjk", "mosquitto", "npm"]


def test_a_python_that_can_make_a_venv_is_found() -> None:
    assert version_of(find_python()) >= (3, 11)


def test_an_interpreter_that_does_not_start_has_no_version() -> None:
    assert version_of("/nowhere/python3") == ()


def test_a_step_is_done_again_only_when_an_input_changed_or_a_product_is_gone(tmp_path: Path) -> None:
    source, made = tmp_path / "lock", tmp_path / "made"
    source.write_text("one")

    def stamp() -> Stamp:
        return Stamp(tmp_path / "stamps" / "step", [source, "3.11"], [made])

    assert not stamp().holds()
    made.touch()
    stamp().put()
    assert stamp().holds()
    source.write_text("two")
    assert not stamp().holds()
    stamp().put()
    made.unlink()
    assert not stamp().holds()


def test_a_program_that_fails_stops_with_its_own_words() -> None:
    with pytest.raises(Stop, match="failed with exit code 3: no such luck"):
        output_of(["sh", "-c", "echo no such luck >&2; exit 3"])
    with pytest.raises(Stop, match="cannot be started"):
        output_of(["/nowhere/program"])


def locked(path: Path = LOCK) -> dict[str, str]:
    """Name to version of everything a lock installs."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s\\]+)", path.read_text(), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def test_the_lock_has_everything_setup_cfg_asks_for_within_its_bounds() -> None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = parser["options"]["install_requires"] + "\n" + parser["options.extras_require"]["dev"]
    wanted = [Requirement(line) for line in lines.splitlines() if line.strip() and not line.startswith("#")]
    assert len(wanted) > 20
    versions = locked()
    for requirement in wanted:
        name = canonicalize_name(requirement.name)
        assert name in versions, f"{name} is not locked: make lock"
        assert requirement.specifier.contains(versions[name]), f"{requirement} but locked {versions[name]}"


def test_a_hotel_gets_the_versions_that_were_tested() -> None:
    everything, hotel = locked(), locked(LOCK.with_name("cloud.lock"))
    assert "flask" in hotel
    assert "pytest" not in hotel
    assert hotel.items() <= everything.items()


@pytest.mark.parametrize("name", ["dev.lock", "cloud.lock"])
def test_every_locked_package_has_hashes_and_the_lock_names_no_place(name: str) -> None:
    text = LOCK.with_name(name).read_text()
    assert "://" not in text
    assert "--find-links" not in text
    for entry in re.split(r"\n(?=[a-z0-9])", "\n".join(line for line in text.splitlines() if line[:1] != "#").strip()):
        assert "--hash=sha256:" in entry, entry


def test_the_npm_lock_has_integrity_and_no_address() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    for name, facts in packages.items():
        if name:
            assert facts["integrity"].startswith("sha512-")
            assert "resolved" not in facts


def test_what_pages_load_was_copied() -> None:
    for name in pages.COPIED.values():
        assert (pages.VENDOR / name).stat().st_size > 1000
