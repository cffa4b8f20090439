"""A door of the smoke run: scans, the bolt, the journal on its flash, and what the database has of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from tools.hotel.cable import Cable
from tools.hotel.fitting import config_of, journal_of, set_broker
from tools.processes import LOOPBACK
from tools.smoke.books import Books, trail_faults
from tools.smoke.people import wait_for
from tools.smoke.report import must
from tools.virtual.companion import VirtualCompanion
from tools.virtual.image import read_image, replace_files

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_VERDICT_SECONDS = 10


class Line(Protocol):
    """What a door's line can do: `Cable`, or one with weather."""

    port: int

    def pull(self) -> None:
        """Cut it."""

    def plug(self) -> None:
        """Put it back."""

    def close(self) -> None:
        """For good."""


class SmokeDoor:
    """One virtual companion with its cable; every scan is checked at the bolt and on the flash.

    line, host: in place of a plain cable on loopback, and what the door calls its broker.
    options, path, built: the simulated board's, as VirtualCompanion has them.
    """

    def __init__(self, entry: dict[str, Any], data: Path, broker_port: int, books: Books, *,
                 line: Line | None = None, host: str = LOOPBACK, options: Sequence[str] = (),
                 path: Sequence[Path] = (), built: Path | None = None) -> None:
        self.number = int(entry["number"])
        self.name = str(entry["name"])
        self.companion_id = str(entry["companion_id"])
        self.books = books
        self.cuts = 0
        self.cable: Line = line or Cable(broker_port)
        self._flash = data / entry["flash"]
        config = config_of(self._flash)
        self.link_key = bytes.fromhex(config["link_key"])
        self.property_id = bytes.fromhex(config["property_id"])
        set_broker(self._flash, host, self.cable.port)
        self.companion = VirtualCompanion(self._flash, log=data / "logs" / f"{self.companion_id}.log",
                                          options=options, path=path, built=built)

    def start(self) -> None:
        """Give power."""
        self.companion.start()

    def cut_power(self) -> None:
        """Cut the power at once, and give it again: an open that was on flash may lack its pulse."""
        self.cuts += 1
        self.companion.kill()
        self.companion.start()

    def refitted(self, change: Callable[[dict[str, bytes]], None]) -> None:
        """Cut the power, change the files on its flash, and give the power again."""
        self.cuts += 1
        self.companion.kill()
        files = read_image(self._flash)
        change(files)
        replace_files(self._flash, files)
        self.companion.start()

    def stop(self) -> None:
        """End it."""
        self.companion.stop()
        self.cable.close()

    # --- the door itself

    def scan(self, code: str | bytes) -> str:
        """Hold a code before the scanner; the verdict."""
        mark = self.companion.mark()
        self.companion.scan(code)
        return str(self.companion.wait(lambda seen: "verdict" in seen, _VERDICT_SECONDS, since=mark)["verdict"])

    def opens_for(self, code: str, key_id: str) -> None:
        """The code must open: verdict, bolt and journal."""
        before = self.companion.opens
        verdict = self.scan(code)
        must(verdict == "open", f"door {self.name}: key {key_id} is {verdict}, not open; {self.belief()}")
        must(self.companion.opens == before + 1, f"door {self.name}: the verdict is open but the bolt did not move")
        must(self.told("opened", key_id=key_id),
             f"door {self.name}: no opened event of key {key_id} in the journal; it ends with {self.journal()[-1:]}")

    def refuses(self, code: str | bytes, wanted: str, **event: object) -> None:
        """The code must be refused with this verdict: verdict, bolt and journal."""
        before = self.companion.opens
        verdict = self.scan(code)
        must(verdict == wanted, f"door {self.name}: the verdict is {verdict}, not {wanted}; {self.belief()}")
        must(self.companion.opens == before, f"door {self.name}: refused as {wanted}, and yet the bolt moved")
        must(self.told("refused", verdict=wanted, **event),
             f"door {self.name}: no refused event, {wanted} {event or ''}; the journal ends with {self.journal()[-1:]}")

    def bolt_is_shut(self) -> None:
        """Wait until the last pulse has ended."""

        def shut() -> bool:
            moves = [seen["bolt"] for seen in self.companion.observed if "bolt" in seen]
            return not moves or moves[-1] == 0

        wait_for(shut, 10, lambda: f"door {self.name}: the bolt is still driven open")

    # --- its journal and what the cloud has of it

    def journal(self) -> list[dict[str, Any]]:
        """The events that still lie on its flash."""
        return [json.loads(line) for _tag, line in journal_of(self._flash)]

    def journal_lines(self) -> list[bytes]:
        """The same, as the exact bytes."""
        return [line for _tag, line in journal_of(self._flash)]

    def events(self) -> list[dict[str, Any]]:
        """The events that the database has."""
        return self.books.events(self.companion_id)

    def told(self, kind: str, **facts: object) -> bool:
        """Whether such an event is in the journal (what was stored may be trimmed: then in the database)."""
        lines = self.journal() + [json.loads(bytes(event["line"])) for event in self.events()]
        return any(_says(line, kind, facts) for line in lines)

    def comes_home(self, kind: str, seconds: float = 15, **facts: object) -> None:
        """Wait until such an event is in the database."""

        def home() -> bool:
            lines = [json.loads(bytes(event["line"])) for event in self.events()]
            return any(_says(line, kind, facts) for line in lines)

        wait_for(home, seconds, lambda: f"door {self.name}: event {kind} {facts} is not in the database; "
                 f"its journal ends with {self.journal()[-2:]}, the database with {self._last_stored()}")

    def all_home(self, seconds: float = 25) -> None:
        """Wait until the database has every event of the journal, and check the whole trail."""

        def behind() -> list[bytes]:
            stored = {bytes(event["line"]) for event in self.events()}
            return [line for line in self.journal_lines() if line not in stored]

        wait_for(lambda: not behind(), seconds, lambda: f"door {self.name}: {len(behind())} events are not in the "
                 f"database, the first is {behind()[0].decode()}; link: {self.link()}")
        wrong = trail_faults(self.events(), self.link_key)
        must(not wrong, f"door {self.name}: " + "; ".join(wrong[:5]))
        opened = sum(event["kind"] == "opened" for event in self.events())
        must(self.companion.opens <= opened <= self.companion.opens + self.cuts,
             f"door {self.name}: the bolt moved {self.companion.opens} times, the database has {opened} opened events")

    def link(self) -> str:
        """The last that the door told of its line."""
        lines = [seen for seen in self.companion.observed if "link" in seen]
        return json.dumps(lines[-1]) if lines else "never up"

    def _last_stored(self) -> list[str]:
        return [bytes(event["line"]).decode() for event in self.events()[-2:]]

    # --- its line

    def goes_off_line(self) -> None:
        """Pull the cable, and wait until the cloud has noticed."""
        self.cable.pull()
        wait_for(lambda: not self.books.companion(self.companion_id)["online"], 10,
                 lambda: f"door {self.name}: the cable is pulled and the cloud still calls it on line")

    def comes_on_line(self) -> None:
        """Put the cable back, and wait until the cloud has heard of it and all it wrote is stored."""
        self.cable.plug()
        wait_for(lambda: self.books.companion(self.companion_id)["online"], 25,
                 lambda: f"door {self.name} is not back: {self.link()}")
        self.comes_in_step(15)
        self.all_home()

    # --- what the cloud believes

    @property
    def policy(self) -> int:
        """The policy version that the door has reported."""
        return int(self.books.companion(self.companion_id)["policy_version"])

    def in_step(self) -> bool:
        """Whether it has reported the newest policy."""
        return self.policy == self.books.newest_policy(self.number)

    def comes_in_step(self, seconds: float) -> None:
        """Wait until it has reported the newest policy, and knows the time (a fresh ack came back)."""
        wait_for(lambda: self.in_step() and self.books.companion(self.companion_id)["clock_hi"], seconds,
                 lambda: f"door {self.name} has not confirmed its policy: {self.belief()}; link: {self.link()}")

    def belief(self) -> str:
        """For a failed step: what the cloud last heard of it."""
        known = self.books.companion(self.companion_id)
        shown = {name: known[name] for name in ("policy_version", "generation", "clock_lo", "clock_hi", "log", "seq")}
        return f"last heard: {shown}, newest policy {self.books.newest_policy(self.number)}"


def _says(line: dict[str, Any], kind: str, facts: dict[str, object]) -> bool:
    return line["kind"] == kind and all(line.get(name) == value for name, value in facts.items())
