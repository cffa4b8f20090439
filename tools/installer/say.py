"""How the tool speaks: sentences and progress on the standard error, one JSON object a result for programs."""

from __future__ import annotations

import json
import locale
import os
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column, Table
from rich.text import Text

from tools.installer.trouble import Trouble

LANGUAGES = ("zh-CN", "en")
_CATALOGUE = Path(__file__).parent / "catalogue"


@cache
def catalogue(language: str) -> dict[str, Any]:
    """The texts of a language, by section."""
    return tomllib.loads((_CATALOGUE / f"{language}.toml").read_text("utf-8"))


def language_of(environ: dict[str, str] | None = None) -> str:
    """LOCKMATE_LANGUAGE if it names one, else by the locale: Chinese where that is, English elsewhere."""
    around = dict(os.environ) if environ is None else environ
    asked = around.get("LOCKMATE_LANGUAGE", "")
    if asked in LANGUAGES:
        return asked
    words = [around.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG")]
    told = next((word for word in words if word), locale.getlocale()[0] or "")
    return "zh-CN" if told.lower().startswith(("zh", "chinese")) else "en"


class Voice:
    """One command's output. `as_json`: results as JSON lines on the standard output and nothing else there."""

    def __init__(self, *, as_json: bool = False, language: str = "en", width: int | None = None) -> None:
        self.as_json = as_json
        self.language = language
        # rich looks at NO_COLOR itself, and draws no colour where nobody watches
        self.err = Console(stderr=True, highlight=False, width=width)
        self.out = Console(highlight=False, width=width)

    def text(self, key: str, **facts: object) -> str:
        """The sentence `section.name`, its {names} filled."""
        section, _, name = key.partition(".")
        return str(catalogue(self.language)[section][name]).format_map(_Facts(facts))

    def word(self, section: str, name: str) -> str:
        """A word for a code; a newer one than we know stands for itself."""
        return str(catalogue(self.language).get(section, {}).get(name, name))

    def note(self, key: str, style: str = "", **facts: object) -> None:
        """A sentence for people; programs don't get it."""
        if not self.as_json:
            self.err.print(self.text(key, **facts), style=style or None)

    def show(self, text: str) -> None:
        """A code to scan, in its own black and white: many readers take none that is light on dark."""
        if self.as_json:
            return
        lines = text.splitlines()
        wide, high = max(map(len, lines)), len(lines) + 1
        if self.err.is_terminal and interactive() and (self.err.width < wide or self.err.height < high):
            click.pause(self.text("say.window_small", wide=wide, high=high), err=True)
        for line in lines:
            self.err.print(Text(line, style="#ffffff on #000000"), soft_wrap=True)

    def result(self, **facts: Any) -> None:
        """What came of it: JSON for programs; people were told by sentences."""
        if self.as_json:
            print(json.dumps(facts, ensure_ascii=False, sort_keys=True), flush=True)

    def table(self, columns: list[str], rows: list[list[str]]) -> None:
        """A table for people, its heads from the catalogue's section `column`."""
        if self.as_json:
            return
        heads = [Column(self.word("column", name), overflow="fold") for name in columns]  # commands are never cut
        drawn = Table(*heads, header_style="bold", box=None, pad_edge=False)
        for row in rows:
            drawn.add_row(*row)
        self.out.print(drawn)

    def trouble(self, error: Trouble) -> None:
        """What happened, what to do next, and the code."""
        section = catalogue(self.language)["error"]
        told = section.get(error.code, section["failed"])
        facts = _Facts({name: self._fact(name, fact) for name, fact in error.facts.items()})
        what, do = told["what"].format_map(facts), told["do"].format_map(facts)
        if self.as_json:
            self.result(ok=False, code=error.code, what=what, do=do, exit=int(error.exit))
            return
        self.err.print(what, style="bold red")
        self.err.print(do)
        self.err.print(f"({error.code})", style="dim")

    def _fact(self, name: str, fact: object) -> object:
        """A fact for people: checks by their names, other codes in words."""
        if name == "checks" and isinstance(fact, list | tuple):
            return ", ".join(self.word("name", one) for one in fact)
        return self.word("why", fact) if name in ("why", "note") and isinstance(fact, str) else fact

    @contextmanager
    def progress(self, key: str, total: int, **facts: object) -> Iterator[Any]:
        """A bar while something takes its time; yields a function to call with each step's size."""
        if self.as_json or not self.err.is_terminal:
            yield lambda _step=1: None
            return
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
        with Progress(*columns, console=self.err, transient=True) as bars:
            task = bars.add_task(self.text(key, **facts), total=total)
            yield lambda step=1: bars.update(task, advance=step)


class _Facts(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "–"


def interactive() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin.isatty()
