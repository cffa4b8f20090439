"""The documentation against the tree: settings, links and pictures."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from lockmate.settings import Settings
from tools.checks.tree import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def test_the_table_of_settings_has_every_setting_and_no_other() -> None:
    text = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `LOCKMATE_(\w+)`", text, re.MULTILINE))
    assert told == {"CONFIG", *(field.name.upper() for field in fields(Settings))}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    text = re.sub(r"`[^`]*`", "", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s#]+)[^)]*\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_pictures_are_whole() -> None:
    for picture in (ROOT / "docs").rglob("*.svg"):
        assert ET.fromstring(picture.read_text(encoding="utf-8")).tag.endswith("svg")
