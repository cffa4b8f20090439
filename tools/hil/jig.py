"""The bench's jig, from the laptop's side: one line of JSON there, one back."""

from __future__ import annotations

import json
import time
from typing import Any, Protocol

from tools.hil import dut


class Line(Protocol):
    """A serial line, or a pipe to a jig's program."""

    def write(self, data: bytes, /) -> Any:
        """Send."""

    def readline(self) -> bytes:
        """One line; empty if none came in time."""

    def flush(self) -> Any:
        """Send now."""

    def close(self) -> None:
        """Give it back."""


class BenchJig:
    """The hands that tools/hil/on_jig/main.py moves."""

    capabilities = frozenset({dut.SCAN, dut.SENSE, dut.BOLT, dut.POWER})

    def __init__(self, line: Line) -> None:
        """Everything at rest, power given. Raises DutError if nobody answers."""
        self._line = line
        self._ask({"reset": 0})

    def scan(self, raw: bytes) -> None:
        """Bytes on the line to the companion's scanner input, a few hundred at a time."""
        for at in range(0, len(raw), 256):
            self._ask({"scan": raw[at : at + 256].hex()})

    def sense(self, name: str, value: int) -> None:
        """A contact."""
        self._ask({"sense": name, "value": int(bool(value))})

    def power(self, on: bool) -> None:
        """The relay in the companion's supply."""
        self._ask({"power": int(on)})

    def pulses(self, least: int = 0) -> list[int]:
        """As the bolt's driver output showed them, ms."""
        until = time.monotonic() + dut.PATIENCE
        while True:
            found = [int(ms) for ms in self._ask({"pulses": 0})["pulses"]]  # the line's speed paces this
            if len(found) >= least:
                return found
            if time.monotonic() > until:
                raise dut.DutError(f"{len(found)} pulses of the bolt, not {least}")

    def close(self) -> None:
        """Everything at rest."""
        self._ask({"reset": 0})
        self._line.close()

    def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        self._line.write(json.dumps(command).encode() + b"\n")
        self._line.flush()
        for _ in range(20):  # a terminal may echo what we sent, and a jig says something when it starts
            line = self._line.readline()
            if not line:
                break
            try:
                answer = json.loads(line)
            except ValueError:
                continue
            if isinstance(answer, dict) and "ok" in answer:
                if not answer["ok"]:
                    raise dut.DutError(f"the jig refused {command}: {answer.get('why')}")
                return answer
        raise dut.DutError("the jig does not answer: is tools/hil/on_jig/main.py on it, as main.py?")
