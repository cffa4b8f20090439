"""Power cuts at flash operations of a little day, and damaged flash: a sample of what `make faults ONLY=flash` does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.faults import flash
from tools.faults.tally import Tally
from tools.hotel.trial import TrialDoor

CUTS = 60
DAMAGES = 26


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[flash.Played]:
    """A little day, played by the real firmware."""
    return flash.play(tmp_path_factory.mktemp("day"), flash.short_day(TrialDoor()))


def test_a_cut_at_any_flash_operation_loses_nothing_that_was_promised(played: flash.Played) -> None:
    tally = Tally("flash")
    operations = flash.cut(played, tally, CUTS)
    assert operations > 100 and tally.tried >= CUTS
    assert tally.violations == []
    print(f"{tally.tried} cuts at {operations} operations")


def test_a_damaged_flash_still_boots_and_opens_for_nobody_who_may_not(played: flash.Played) -> None:
    tally = Tally("damage")
    flash.damage(played, tally, DAMAGES)
    assert tally.tried >= DAMAGES - 2
    assert tally.violations == []


def test_the_checks_see_a_line_that_is_gone_and_a_key_that_still_opens(played: flash.Played, tmp_path: Path) -> None:
    lines = played.log.read_text().splitlines()
    for claim, what in (
        ({"line": 1, "tag": "00"}, "line 1 is another one"),
        ({"line": 5000, "tag": "00"}, "is used again"),
        ({"believes": [99, 0, 0, 0]}, "it was 99"),
        ({"bolt": 5000}, "before event 5000 was on flash"),
    ):
        tally = Tally("flash")
        path = tmp_path / "claimed.log"
        said = json.dumps(["fact", claim])
        path.write_text("".join(f"{line}\n{said}\n" if '"fact"' in line else f"{line}\n" for line in lines))
        flash.cut(flash.Played(played.image, path, played.asked), tally, 12)
        assert any(what in wrong for wrong in tally.violations), claim
