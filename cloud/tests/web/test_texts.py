"""The catalogues: complete, equal in both languages, and nothing in them that no page uses."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

import lockmate
from lockmate import claims, doors, errors, fitting, keys, paper, pki, properties, records, staff, stays  # noqa: F401 - their errors
from lockmate.protocol import EVENT_KINDS, ROADS, VERDICTS
from lockmate.settings import LANGUAGES
from lockmate.web.refusals import _HTTP
from lockmate.web.texts import catalogue

WEB = Path(lockmate.__file__).parent / "web"
SOURCES = [*WEB.rglob("*.py"), *(WEB / "templates").rglob("*.html")]
USED = re.compile(r"""\bt\(\s*(["'])([\w.-]+)\1\s*[,)]""")
EITHER = re.compile(r"""\bt\(\s*"([\w.-]+)"\s+if\s.*?\selse\s+"([\w.-]+)\"""")
WORDS = re.compile(r"""\bword\(\s*["'](\w+)["']""")
# families whose members are chosen while running
CHOSEN = {
    "error", "opening", "notice", "letter", "truth.tag", "truth.says", "dry_run.caveat", "dry_run.step", "door.hint",
    "guests.key_issued", "raise_epoch", "cancel_order", "no_show",
}  # fmt: skip
OWN_CODES = {"stale_form", "bad_request", "failed", *_HTTP.values()}


def used():
    """Every key that a page names outright."""
    found = set()
    for file in SOURCES:
        found |= {key for _, key in USED.findall(file.read_text("utf-8"))}
    return found


def families():
    """Every family from which `word` takes."""
    return {family for file in SOURCES for family in WORDS.findall(file.read_text("utf-8"))}


def test_both_languages_have_the_same_keys():
    assert set(catalogue("en")) == set(catalogue("zh-CN"))


def test_both_languages_fill_in_the_same_facts():
    def facts(text):
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    for key, text in catalogue("en").items():
        assert facts(text) == facts(catalogue("zh-CN")[key]), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_empty_or_left_in_the_other_language(language):
    for key, text in catalogue(language).items():
        assert text.strip(), key
        chinese = any("\u4e00" <= letter <= "\u9fff" for letter in text)
        if not key.startswith("language.") and re.search(r"\w", re.sub(r"\{\w+\}", "", text)):
            assert chinese == (language == "zh-CN"), key


def test_every_key_that_a_page_uses_exists():
    assert used() - set(catalogue("en")) == set()
    for family in families():
        assert any(key.startswith(f"{family}.") for key in catalogue("en")), family


def test_no_key_is_unused():
    live = used()
    prefixes = tuple(f"{family}." for family in families() | CHOSEN)
    unused = {key for key in catalogue("en") if key not in live and not key.startswith(prefixes)}
    assert {key for key in unused if not any(key.startswith(family) for family in CHOSEN)} == set()


def test_every_refusal_says_what_happened_and_what_to_do():
    for code in set(errors.all_codes()) | OWN_CODES:
        assert f"error.{code}.what" in catalogue("en"), code
        assert f"error.{code}.do" in catalogue("en"), code


def test_no_refusal_is_told_that_nothing_raises():
    told = {key.split(".")[1] for key in catalogue("en") if key.startswith("error.")}
    assert told - set(errors.all_codes()) - OWN_CODES == set()


def test_every_word_of_the_protocol_is_told():
    told = set(catalogue("en"))
    assert {f"event.{kind}" for kind in EVENT_KINDS} == {key for key in told if key.startswith("event.")}
    for family in ("verdict", "verdict_why"):
        assert {f"{family}.{verdict}" for verdict in VERDICTS} == {key for key in told if key.startswith(f"{family}.")}
    assert {f"road.{road}" for road in ROADS} == {key for key in told if key.startswith("road.")}


def test_every_truth_is_told():
    from typing import get_args

    from lockmate.doors.truth import Kind

    kinds = set(get_args(Kind))
    told = set(catalogue("en"))
    assert {f"truth.tag.{kind}" for kind in kinds} == {key for key in told if key.startswith("truth.tag.")}
    more = {"ended_may_open_unknown", "open_until_late", "open_until_late_unknown", "ahead"}
    assert {f"truth.says.{kind}" for kind in kinds | more} == {
        key for key in told if key.startswith("truth.says.")
    }


def test_every_hint_of_a_door_is_told():
    from lockmate.web.desk.rooming import _WORSE

    assert {f"door.hint.{hint}" for hint in (*_WORSE, "none")} == {
        key for key in catalogue("en") if key.startswith("door.hint.")
    }
