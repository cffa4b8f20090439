"""Power cuts: at every flash operation of a scripted day, dropped and torn; and at any moment of a door in full swing.

The day is played once, by the real firmware, on flash in RAM that writes each operation down. For every operation the
flash is then as it was when the power went, and a process that never saw the day boots the firmware on it
(`on_board_flash/`, in MicroPython with 32-bit words).
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools import tables
from tools.faults import kills
from tools.firmware_folder import FIRMWARE
from tools.hotel.trial import TrialDoor
from tools.virtual import firmware
from tools.virtual.image import SIZE, make_image

if TYPE_CHECKING:
    from tools.faults.tally import Tally

ROUNDS = 0  # 0: every operation; else about so many cuts
ON_BOARD = Path(__file__).parent / "on_board_flash"
_STORE = 24 * 4096  # on_board_flash/board.py
_HEAP = "4M"  # of the firmware, and of what is known of a whole day
_PROCESSES = 2
_LIFE = 6 * 3600  # s
_KILLS = 45
_DAMAGES = 300
_WALKS = 140
Step = dict[str, Any]


@dataclass
class Day:
    """A script: boots, each a list of steps; and what of it the checks ask for."""

    trial: TrialDoor
    boots: list[list[Step]] = field(default_factory=list)
    asked: list[list[Any]] = field(default_factory=list)  # [code, generation, once, denied from policy version]
    generation: int = 1
    version: int = 0
    epoch: int = 0
    denied: bytes = b""

    def __post_init__(self) -> None:
        self.version = self.trial.made_at * 1000
        self._asked_keys: list[bytes] = []
        self._only_asked()

    def _only_asked(self) -> None:
        """A good code of the room's generation that nobody shows at the door before the checks do."""
        self.asked.append([self.trial.token(generation=self.generation, lasts=_LIFE), self.generation, False, 0])
        self._asked_keys.append(b"")

    def boot(self) -> None:
        """Power comes back; it went without warning."""
        self.boots.append([])

    def does(self, **step: Any) -> None:
        """One more step of this boot."""
        self.boots[-1].append(step)

    def opens(self, *, once: bool = False, later: int = 0, wait: int = 400) -> None:
        """A good code of the room's generation; later: how many seconds after the door's making it was issued."""
        key_id = os.urandom(8)
        text = self.trial.token(generation=self.generation, key_id=key_id, once=once, lasts=_LIFE,
                                begins=self.trial.made_at + later)
        self.asked.append([text, self.generation, once, 0])
        self._asked_keys.append(key_id)
        self.does(scan=text, want="open", n=len(self.asked) - 1, wait=wait)

    def refused(self) -> None:
        """A former guest's key: one line for each."""
        self.does(scan=self.trial.token(generation=self.generation - 1, lasts=_LIFE), want="superseded", wait=20)

    def next_guest(self) -> None:
        """The next generation comes with its first code."""
        self.generation += 1
        self.opens()

    def policy(self, *, deny: int | None = None, back: bool = False, trust: bool = False, guest: bool = False) -> None:
        """A policy comes. deny: a code that ends; back: the clock is set back; trust: another list of keys;
        guest: the next generation comes with it."""
        self.version += 1
        self.generation += guest
        if guest:
            self._only_asked()
        if deny is not None:
            self.asked[deny][3] = self.version
            self.denied += self._asked_keys[deny] + (self.trial.made_at + _LIFE).to_bytes(4, "big")
        self.epoch += back
        changes: Step = {"clock_epoch": self.epoch, "generation": self.generation}
        changes["issued_at"] = self.trial.made_at - 50 if back else self.trial.made_at
        listed = sorted(self.denied[at : at + 12] for at in range(0, len(self.denied), 12))
        changes["deny"] = base64.b64encode(b"".join(listed)).decode()
        if trust:
            changes["settings"] = {"bolt_ms": 500 + self.version % 7}
        self.does(policy=self.trial.policy(version=self.version, **changes).hex(), wait=3_000)

    def acked(self, behind: int = 0) -> None:
        """The cloud has all, but for the newest so many."""
        self.does(ack=behind, wait=3_000)


def whole_day(trial: TrialDoor) -> Day:
    """Boots, opens, once-keys, refusals, policies, acknowledgements, a journal that goes round and one that is full."""
    day = Day(trial)
    for turn in range(14):
        day.boot()
        day.next_guest()
        for n in range(18):
            day.opens(once=n % 6 == 5, later=60 * turn + 3 * n if n % 3 == 0 else 0)
        for _ in range(6):
            day.refused()
        day.policy(deny=len(day.asked) - 3, back=turn % 5 == 4, trust=turn % 4 == 2, guest=turn % 3 == 1)
        if turn % 4 != 3:
            day.acked(behind=turn % 3)
    day.boot()
    for n in range(620):  # a week without a cloud
        day.opens(wait=2_300 if n % 5 == 0 else 50)
        if n % 3:
            day.refused()
    day.acked()
    day.boot()
    for n in range(130):
        day.opens(later=2_000 + n, wait=2_300 if n % 4 == 0 else 50)
        if n % 9 == 8:
            day.acked(behind=n % 2)
    return day


def short_day(trial: TrialDoor) -> Day:
    """The same in little."""
    day = Day(trial)
    for turn in range(3):
        day.boot()
        day.next_guest()
        day.opens(once=True)
        day.opens(later=60)
        day.refused()
        day.policy(deny=len(day.asked) - 2, back=turn == 1, guest=turn == 2)
        day.acked()
    return day


@dataclass(frozen=True, slots=True)
class Played:
    """A day that was played: its first image and its log."""

    image: Path
    log: Path
    asked: Path


def play(folder: Path, day: Day) -> Played:
    """Play the day. Raises CalledProcessError if the firmware did not do what the script wants."""
    files = day.trial.files()
    keys = [day.trial.public(slot) for slot in (0, 4, 8)]
    files |= {f"/tables/{name}": content for name, content in tables.files(keys).items()}
    image = make_image(folder / "day.img", files)
    content = image.read_bytes()[:SIZE] + b"\xff" * _STORE
    image.write_bytes(content)
    played = Played(image, folder / "day.log", folder / "asked.json")
    script = folder / "script.json"
    script.write_text(json.dumps(day.boots))
    played.asked.write_text(json.dumps(day.asked))
    subprocess.run([*_micropython("day"), image, script, played.log], env=_environment(), check=True, timeout=900)
    return played


def cut(played: Played, tally: Tally, cuts: int = 0) -> int:
    """Cut at every operation, or at about so many cuts in all; how many operations the day had."""
    operations = sum(not line.startswith('["fact"') for line in played.log.read_text().splitlines())
    each = max(1, 2 * operations // cuts) if cuts else 1
    _try(played, tally, "cuts", [(n * each, _PROCESSES * each, n) for n in range(_PROCESSES)])
    return operations


def damage(played: Played, tally: Tally, many: int) -> None:
    """Start the firmware on what the day left with something of it damaged, in so many ways."""
    _try(played, tally, "damage", [(n, _PROCESSES, many) for n in range(_PROCESSES)])


def journals(tally: Tally, many: int) -> Counter[str]:
    """So many random journals on flash whose operations fail, with effect or without; what was done to them."""
    return _run(tally, "walks", [[str(n), str(_PROCESSES), str(many)] for n in range(_PROCESSES)])


def _try(played: Played, tally: Tally, name: str, numbers: list[tuple[int, int, int]]) -> None:
    files = [str(path) for path in (played.image, played.log, played.asked)]
    _run(tally, name, [[*files, *map(str, words)] for words in numbers])


def _run(tally: Tally, name: str, calls: list[list[str]]) -> Counter[str]:
    """Several processes of one program beside each other; what they say goes to the tally. All their counts."""
    running = [
        subprocess.Popen([*_micropython(name), *words], env=_environment(), stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True)
        for words in calls
    ]  # fmt: skip
    counted: Counter[str] = Counter()
    for process in running:
        said, _ = process.communicate(timeout=3_600)
        lines = said.splitlines()
        for line in lines:
            if line.startswith("WRONG "):
                tally.check(False, line.removeprefix("WRONG "))
        tally.check(process.returncode == 0, f"{name} ended early: " + " / ".join(lines[-4:]))
        if process.returncode == 0:
            counts = json.loads(lines[-1])
            tally.tried += counts["tried"]
            tally.checks += counts["tried"] - counts["wrong"]
            counted.update(counts)
    return counted


def _micropython(name: str) -> list[str]:
    return [str(firmware.binary(32)), "-X", f"heapsize={_HEAP}", str(ON_BOARD / f"{name}.py")]


def _environment() -> dict[str, str]:
    path = (ON_BOARD, firmware.build(32), FIRMWARE / "tests", ".frozen")
    return {"MICROPYPATH": ":".join(map(str, path)), "PATH": "/usr/bin:/bin"}


def run(tally: Tally, rounds: int = ROUNDS) -> None:
    """Every cut of the day, random journals, 45 cuts of a door in full swing; or about `rounds`, without the last."""
    with tempfile.TemporaryDirectory(prefix="lockmate-faults-") as folder:
        played = play(Path(folder), whole_day(TrialDoor()))
        operations = cut(played, tally, rounds)
        cuts = tally.tried
        damage(played, tally, _DAMAGES)
    print(f"  {cuts} cuts at {operations} flash operations of a day, {tally.tried - cuts} damages", flush=True)
    counted = journals(tally, rounds or _WALKS)
    print(f"  {counted['tried']} random journals, {counted['failed']} failures, {counted['cuts']} cuts", flush=True)
    if not rounds:
        kills.run(tally, _KILLS)
