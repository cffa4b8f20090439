"""Steps of a run: timed, told as they go, and summed up in one JSON line."""

from __future__ import annotations

import json
import time
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tools.hotel.browser import BrowserError
from tools.processes import ProcessError
from tools.virtual.companion import CompanionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class StepError(Exception):
    """What should be is not; the text tells which door, which belief, which event."""


class Report:
    """Collects steps; after a failed one the later ones are not tried, for they build on it."""

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self.steps: dict[str, dict[str, object]] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Run a step; a failure is told and kept, and every later step is skipped by raising Halt."""
        if name not in self._names:
            raise KeyError(name)
        begun = time.monotonic()
        why = ""
        try:
            yield
        except (StepError, BrowserError, ProcessError, CompanionError) as error:
            why = str(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the run says it and ends tidily
            why = "".join(traceback.format_exception(error)[-6:])
        ms = round((time.monotonic() - begun) * 1000)
        self.steps[name] = {"ok": not why, "ms": ms}
        print(f"{'ok ' if not why else 'NOT'}  {name:<22}{ms:>7} ms", flush=True)
        if why:
            print("     " + why.replace("\n", "\n     "), flush=True)
            raise Halt

    @property
    def ok(self) -> bool:
        """Whether every step was run and is well."""
        return all(self.steps.get(name, {}).get("ok") for name in self._names)

    def finish(self, versions: Mapping[str, str]) -> int:
        """Print what ran and the JSON line; the exit code."""
        for name in self._names:
            self.steps.setdefault(name, {"ok": False, "ms": 0})
        print("\nWhat ran:")
        for part, version in versions.items():
            print(f"  {part:<22}{version}")
        print(json.dumps({"steps": self.steps}), flush=True)
        return 0 if self.ok else 1


class Halt(Exception):
    """A step failed."""


def must(fact: object, sentence: str) -> None:
    """StepError with the sentence unless the fact is true."""
    if not fact:
        raise StepError(sentence)
