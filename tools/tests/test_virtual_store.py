"""A door whose file system is gone opens for its guests all the same, and says so."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.tests.virtual_kit import config, flash, journal, token
from tools.virtual.companion import VirtualCompanion
from tools.virtual.image import SIZE, read_image, replace_files
from tools.virtual.store import rescue_age

PATIENCE = 30


@pytest.fixture
def door(tmp_path: Path) -> Iterator[VirtualCompanion]:
    """A door that has been up for long enough to have all of its copies, off again, at generation 43."""
    made = VirtualCompanion(flash(tmp_path), log=tmp_path / "console")
    made.start()
    assert verdict(made, token(generation=43)) == "open"
    until = time.monotonic() + PATIENCE
    while not rescue_age(made.flash.read_bytes()):
        assert time.monotonic() < until
        made.ask("flash")  # a round trip through the board that we wait for
    made.kill()
    yield made
    made.stop()


def verdict(door: VirtualCompanion, text: str) -> str:
    mark = door.mark()
    door.scan(text)
    return str(door.wait(lambda seen: "verdict" in seen, PATIENCE, since=mark)["verdict"])


def test_a_file_system_that_does_not_mount_is_made_anew_from_the_copy(door: VirtualCompanion) -> None:
    content = door.flash.read_bytes()
    door.flash.write_bytes(random.Random(3).randbytes(SIZE) + content[SIZE:])
    before = len(journal(door.flash))
    mark = door.mark()
    door.start()
    assert verdict(door, token(generation=42)) == "superseded"
    assert verdict(door, token(generation=43)) == "open"
    told = journal(door.flash)
    assert len(told) > before
    assert next(event["code"] for event in told if event["kind"] == "fault") == "files_restored"
    assert any(seen.get("light") == "red" for seen in door.observed[mark:])
    door.kill()
    assert read_image(door.flash)["/config.json"] == config()
    door.start()
    assert verdict(door, token(generation=43)) == "open"
    assert [event.get("code") for event in journal(door.flash)].count("files_restored") == 1


def test_a_configuration_that_went_bad_is_put_back(door: VirtualCompanion) -> None:
    replace_files(door.flash, read_image(door.flash) | {"/config.json": b'{"companion_id": "c-8'})
    door.start()
    assert verdict(door, token(generation=43)) == "open"
    assert "config_restored" in [event.get("code") for event in journal(door.flash)]
    door.kill()
    assert read_image(door.flash)["/config.json"] == config()


def test_a_configuration_that_was_taken_away_stays_away(door: VirtualCompanion) -> None:
    files = read_image(door.flash)
    del files["/config.json"]
    replace_files(door.flash, files)
    door.start()
    door.wait(lambda seen: seen.get("halted") == "config_missing")


def test_a_door_without_any_raw_flash_to_read_lets_no_guest_in_until_the_cloud_speaks(door: VirtualCompanion) -> None:
    content = door.flash.read_bytes()
    door.flash.write_bytes(content[:SIZE] + random.Random(4).randbytes(len(content) - SIZE))
    door.start()
    assert verdict(door, token(generation=43)) == "unknown_issuer"
    assert "beliefs_lost" in [event.get("code") for event in journal(door.flash)]
