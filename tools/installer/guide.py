"""The person at the door, asked and told through the laptop."""

from __future__ import annotations

from typing import Any

import click

from tools.installer.accepting import drawn
from tools.installer.say import Voice, interactive
from tools.installer.trouble import Trouble


class Person:
    """Shows what to do next; asks yes or no. With `--json` a program is told instead: an object for each step, with
    the code's text, and its answer to a question is a line of standard input.
    """

    def __init__(self, voice: Voice) -> None:
        self._voice = voice

    def step(self, check: dict[str, Any], code: str) -> None:
        """A check comes up."""
        self._voice.result(step=check["name"], code=code)
        self._voice.note("say.blank")
        self._voice.note(f"check.{check['name']}", "bold")
        if code:
            self._voice.show(drawn(code))

    def ask(self, check: str) -> bool:
        """A question that only a person can answer."""
        if not self._voice.as_json and not interactive():
            raise Trouble("checks_missing", checks=[check], note="")
        return click.confirm(self._voice.text(f"ask.{check}"), err=True)

    def passed(self, check: dict[str, Any]) -> None:
        """Seen."""
        key = "say.check_passed" if check["state"] == "passed" else "say.check_absent"
        name = self._voice.word("name", check["name"])
        self._voice.note(key, "green" if check["state"] == "passed" else "dim", check=name, note=check["note"])
