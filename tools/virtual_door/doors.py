"""Virtual doors: a companion (real firmware), its flash image and its network cable, and what a person would see."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tools.virtual.companion import CompanionError, VirtualCompanion

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tools.hotel.cable import Cable

_SIGHTS_KEPT = 12
_SHOWN = ("verdict", "road", "bolt", "ready", "process", "halted")
_CARD_PULSE = 0.4  # s that a lock's own motor runs after its card
_HANDLE_PULSE = 0.6
TOGGLES = ("door", "privacy", "tamper")
GESTURES = {"card": ("motor", _CARD_PULSE), "handle": ("handle", _HANDLE_PULSE)}


class DoorError(Exception):
    """Something can't be done at this door; `code` says why (catalogue `error.<code>`)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Face:
    """What can be seen of the door at this moment."""

    light: str = "off"
    pattern: str = "off"
    bolt: int = 0
    verdict: str = ""
    road: str = ""
    verdict_at: float = 0
    opens: int = 0
    sound: str = ""
    link: str = "down"
    sights: list[dict[str, Any]] = field(default_factory=list)


class VirtualDoor:
    """One door with the companion beside its lock."""

    def __init__(self, companion_id: str, name: str, number: int, door_class: str, companion: VirtualCompanion,
                 cable: Cable | None) -> None:
        self.companion_id = companion_id
        self.name = name
        self.number = number
        self.door_class = door_class
        self.companion = companion
        self.cable = cable
        self._levels = dict.fromkeys(TOGGLES, 0)
        self._lock = threading.Lock()
        self._face = Face()
        self._read = 0
        self._powered = False

    # --- power and network

    @property
    def powered(self) -> bool:
        """Whether it has power by our doing (its process may still have ended by itself)."""
        return self._powered

    def power_on(self) -> None:
        """Give power and wait until the firmware says it is ready."""
        with self._lock:
            if not self._powered:
                self._face.light, self._face.pattern = "off", "off"
                mark = self.companion.mark()
                self.companion.start()
                halted = [sight for sight in self.companion.observed[mark:] if "halted" in sight]
                if halted:
                    raise CompanionError(f"the firmware halted at its start: {halted[0]['halted']}")
                self._powered = True

    def power_cut(self) -> None:
        """Take the power away at once (SIGKILL): what is not on flash is gone."""
        with self._lock:
            self._powered = False
            self.companion.kill()
            self._face.light, self._face.pattern, self._face.bolt = "off", "off", 0

    def stop(self) -> None:
        """End it for good."""
        with self._lock:
            self._powered = False
            self.companion.stop()
        if self.cable is not None:
            self.cable.close()

    def network(self, plugged: bool) -> None:
        """Plug or pull its network cable."""
        if self.cable is None:
            raise DoorError("no_cable")
        if plugged:
            self.cable.plug()
        else:
            self.cable.pull()

    # --- hands

    def scan(self, raw: bytes) -> None:
        """Hold a code before the scanner: these bytes and the module's CR."""
        self._need_power()
        self.companion.scan(raw)

    def gesture(self, name: str) -> None:
        """`card`: the lock's own card runs its motor; `handle`: the inside handle is pressed and let go."""
        if name not in GESTURES:
            raise DoorError("unknown_sense")
        self._need_power()
        sense, pulse = GESTURES[name]
        self.companion.sense(sense, 1)
        timer = threading.Timer(pulse, self._let_go, (sense,))
        timer.daemon = True
        timer.start()

    def toggle(self, name: str, value: bool) -> None:
        """Open or shut the door, set the inside privacy switch, open the companion's housing."""
        if name not in TOGGLES:
            raise DoorError("unknown_sense")
        self._levels[name] = int(value)
        self._need_power()
        self.companion.sense(name, int(value))

    # --- eyes

    def facts(self) -> dict[str, Any]:
        """Everything the page shows, as JSON."""
        with self._lock:
            self._look()
            face = self._face
            return {
                "id": self.companion_id, "name": self.name, "number": self.number, "class": self.door_class,
                "powered": self._powered, "plugged": self.cable is None or self.cable.plugged,
                "light": face.light, "pattern": face.pattern, "bolt": face.bolt, "opens": face.opens,
                "verdict": face.verdict, "road": face.road, "verdict_at": face.verdict_at, "sound": face.sound,
                "link": face.link if self._powered and (self.cable is None or self.cable.plugged) else "down",
                "levels": dict(self._levels), "sights": list(reversed(face.sights)),
            }

    def ended_by_itself(self) -> bool:
        """Whether its process ended although it has power and nobody gives it power again."""
        if not self._dark():
            return False
        time.sleep(0.5)  # a restart that the firmware asked for takes a moment
        return self._dark()

    # --- inside

    def _dark(self) -> bool:
        with self._lock:
            return self._powered and not self.companion.alive

    def _need_power(self) -> None:
        if not self._powered:
            raise DoorError("no_power")

    def _let_go(self, sense: str) -> None:
        if self._powered:
            try:
                self.companion.sense(sense, 0)
            except CompanionError:
                return  # the power was cut meanwhile; its level is kept by nobody

    def _look(self) -> None:
        """Fold what was observed since the last look into the face."""
        seen = self.companion.observed
        while self._read < len(seen):
            self._take(seen[self._read])
            self._read += 1

    def _take(self, sight: dict[str, Any]) -> None:
        face = self._face
        if "light" in sight:
            face.light, face.pattern = str(sight["light"]), str(sight.get("pattern", "steady"))
        still = "bolt" in sight and int(sight["bolt"]) == face.bolt == 0  # the driver's first word after a boot
        if "bolt" in sight:
            face.bolt = int(sight["bolt"])
            face.opens += face.bolt
        if "link" in sight:
            face.link = str(sight["link"])
        if "sound" in sight:
            face.sound = str(sight["sound"])
        if "verdict" in sight:
            face.verdict, face.road = str(sight["verdict"]), str(sight.get("road", ""))
            face.verdict_at = time.time()
        shown: dict[str, Any] = {name: sight[name] for name in _SHOWN if name in sight}
        if shown and not still:
            face.sights.append({**shown, "t": time.time()})
            del face.sights[:-_SIGHTS_KEPT]


class VirtualDoors:
    """All virtual doors of a run, by companion id."""

    def __init__(self, doors: Iterable[VirtualDoor]) -> None:
        self._doors = {door.companion_id: door for door in doors}

    def __iter__(self) -> Iterator[VirtualDoor]:
        return iter(self._doors.values())

    def the(self, companion_id: str) -> VirtualDoor:
        """The door of this companion; DoorError `unknown_door`."""
        door = self._doors.get(companion_id)
        if door is None:
            raise DoorError("unknown_door")
        return door

    def stop(self) -> None:
        """End all of them."""
        for door in self._doors.values():
            door.stop()


def log_tail(path: Path, lines: int = 15) -> str:
    """The last lines of a companion's console."""
    if not path.exists():
        return ""
    return "\n".join(path.read_bytes()[-8192:].decode("utf-8", "replace").splitlines()[-lines:])
