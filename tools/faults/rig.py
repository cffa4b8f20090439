"""A hotel for faults: broker, workers and one door on its own cable; its tokens are minted here, so that no page is
between the fault and what it may break."""

from __future__ import annotations

import json
import os
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lockmate import db, keys, settings
from lockmate.properties.models import Property
from lockmate.protocol import GUEST
from tools.hotel.house import INGEST_READY, House
from tools.hotel.opening import NAME
from tools.processes import Process, Processes, free_port
from tools.smoke.books import Books, trail_faults
from tools.smoke.door import SmokeDoor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tools.faults.tally import Tally

ROOM = 801
_LIFE = 6 * 3600  # s


class Rig:
    """Broker, ingest, delivery and a door; tokens for the door."""

    def __init__(self, house: House, processes: Processes, options: Sequence[str], path: Sequence[Path],
                 built: Path | None = None) -> None:
        self.house = house
        self.broker: Process = house.broker()
        self.ingest: Process = house.worker("ingest")
        self.delivery: Process = house.worker("delivery")
        for process in (self.broker, self.ingest, self.delivery):
            processes.add(process)
        self.books = Books(house.database)
        entries = json.loads((house.data / "doors.json").read_text("utf-8"))
        entry = next(entry for entry in entries if entry["number"] == ROOM)
        self.door = SmokeDoor(entry, house.data, house.broker_port, self.books, options=options, path=path,
                              built=built)
        # this process asks the cloud's own code to sign: the same settings as the workers have
        chosen = settings.use(settings.load(house.env()))
        db.connect(chosen)
        self.property: Property = Property.get(Property.name == NAME)
        self._signer = keys.issuer.signer(self.property, "guest")

    def start(self) -> None:
        """Everything runs, and the door is in step."""
        self.broker.start()
        self.broker.wait_for_port(self.house.broker_port)
        self.ingest.start()
        self.delivery.start()
        self.ingest.wait_for_line(INGEST_READY)
        self.door.start()
        self.door.comes_in_step(25)

    def broker_returns(self) -> None:
        """Start the broker again and wait until it listens."""
        self.broker.start()
        self.broker.wait_for_port(self.house.broker_port)

    def token(self, room: int = ROOM) -> str:
        """A good token for a door, of a key of its own."""
        now = int(time.time())
        return keys.token.mint(self._signer, kind=GUEST, key_id=os.urandom(8), generation=1, nbf=now - 60,
                               exp=now + _LIFE, iat=now - 60, door=room)

    def scan_many(self, count: int) -> None:
        """Good codes, one after the other as fast as the door answers."""
        for _ in range(count):
            self.door.scan(self.token())

    def settle(self, tally: Tally, seconds: float, door: SmokeDoor | None = None) -> None:
        """Everything comes home: each open of the bolt is one event, nothing is missing, doubled or altered."""
        door = door or self.door
        end = time.monotonic() + seconds
        waiting: list[bytes] = [b""]
        while waiting and time.monotonic() < end:
            lines = {bytes(event["line"]) for event in door.events()}
            waiting = [line for line in door.journal_lines() if line not in lines]
            if waiting:
                time.sleep(0.2)
        tally.check(not waiting, f"{len(waiting)} events of door {door.name} did not come home in {seconds:g} s; "
                    f"link {door.link()}")
        stored = door.events()
        for wrong in trail_faults(stored, door.link_key)[:5]:
            tally.check(False, wrong)
        opened = sum(event["kind"] == "opened" for event in stored)
        said = door.companion.verdicts.count("open")  # an open during a pulse prolongs it
        tally.check(opened == said, f"door {door.name} opened {said} times, {opened} are stored")
        tally.check(self.books.disputed() == 0, f"{self.books.disputed()} lines were set apart")


@contextmanager
def rig(options: Sequence[str] = (), path: Sequence[Path] = (), built: Path | None = None) -> Iterator[Rig]:
    """A rig on data and ports of its own, running; ended and wiped afterwards. The rest is the door's board's."""
    with tempfile.TemporaryDirectory(prefix="lockmate-faults-") as folder, Processes() as processes:
        house = House(Path(folder), free_port(), free_port())
        house.prepare(arrivals=False)
        made = Rig(house, processes, options, path, built)
        try:
            made.start()
            yield made
        finally:
            made.door.stop()
            db.database.close()
