"""The catalogues: every text for people, by language and key."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from flask import g

from lockmate.settings import LANGUAGES

_FOLDER = Path(__file__).parent / "catalogue"


@cache
def catalogue(language: str) -> dict[str, str]:
    """All texts of a language, by dotted key."""
    texts: dict[str, str] = {}
    for file in sorted((*_FOLDER.glob(f"{language}.toml"), *_FOLDER.glob(f"*.{language}.toml"))):
        _flatten(tomllib.loads(file.read_text("utf-8")), "", texts)
    return texts


def t(key: str, **facts: object) -> str:
    """The text of `key` in the language of this request, its {names} filled with `facts`; KeyError if there is none."""
    return catalogue(g.language)[key].format(**facts)


def word(family: str, code: str) -> str:
    """The word for a code of the protocol (`verdict`, `event`, …); one that is newer than we are stands for itself."""
    return catalogue(g.language).get(f"{family}.{code}", code)


def has(key: str) -> bool:
    """Whether there is such a text."""
    return key in catalogue(g.language)


def load_all() -> None:
    """Read every catalogue now, so that a broken one stops the start and not a page."""
    for language in LANGUAGES:
        catalogue(language)


def _flatten(table: dict[str, Any], prefix: str, texts: dict[str, str]) -> None:
    for name, value in table.items():
        if isinstance(value, dict):
            _flatten(value, f"{prefix}{name}.", texts)
        else:
            texts[prefix + name] = str(value)
