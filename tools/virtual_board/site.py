"""A hotel to fit: its cloud with broker and workers running, an installer's laptop, and boards with injected faults."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from lockmate import db, fitting, settings
from lockmate.properties.models import Property
from lockmate.staff import Actor
from tools.hotel.house import INGEST_READY, House
from tools.hotel.opening import NAME
from tools.installer import accepting
from tools.installer.cli import main
from tools.installer.cloud import Cloud, Session
from tools.processes import Processes, free_port
from tools.virtual_board.board import VirtualBoard
from tools.virtual_board.door import Hands, hung
from tools.virtual_board.image import image

AIR = {"Hotel": {"password": "open sesame", "rssi": -58}, "Cellar": {"password": "dark and damp", "rssi": -83}}


class Site:
    """One hotel and one laptop. Commands run as a person types them, with --json."""

    def __init__(self, folder: Path, house: House) -> None:
        self.folder = folder
        self.house = house
        self.boards: dict[str, VirtualBoard] = {}
        self.home = folder / "laptop"
        chosen = settings.use(settings.load(house.env()))
        db.connect(chosen)
        self.property: Property = Property.get(Property.name == NAME)
        self.by = Actor.system(self.property, "site")
        self.image = folder / "micropython.bin"
        self.image.write_bytes(image("esp32"))
        self.wifi = folder / "wifi.toml"
        self.wifi.touch(0o600)
        self.wifi.write_text('[[network]]\nssid = "Hotel"\npassword = "open sesame"\n', "utf-8")

    def board(self, name: str, **how: Any) -> VirtualBoard:
        """A board on a cable, new unless its flash is there."""
        number = len(self.boards) + 1
        made = VirtualBoard(self.folder, name, mac=f"240ac400{number:04x}", air=AIR, **how)
        self.boards[name] = made
        return made

    def run(self, *words: object, stdin: str = "") -> tuple[int, dict[str, Any]]:
        """A command of the tool: its exit code, and the last object that it printed."""
        around = {"LOCKMATE_INSTALLER_HOME": str(self.home), "LOCKMATE_LANGUAGE": "en",
                  "LOCKMATE_BUNDLE_PASSPHRASE": "correct horse battery"}  # fmt: skip
        done = CliRunner().invoke(main, ["--json", *map(str, words)], env=around, input=stdin)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        return done.exit_code, json.loads(lines[-1]) if lines else {"said": done.output}

    def sign_in(self) -> None:
        """With a code from the desk's page."""
        code = fitting.codes.make(self.property, by=self.by)
        exit_code, said = self.run("sign-in", self.house.web_url, code)
        assert exit_code == 0, said

    def cloud(self) -> Cloud:
        """What the tool asks of the cloud, by its session."""
        before = os.environ.get("LOCKMATE_INSTALLER_HOME")
        os.environ["LOCKMATE_INSTALLER_HOME"] = str(self.home)
        try:
            session = Session.load()
        finally:
            if before is None:
                del os.environ["LOCKMATE_INSTALLER_HOME"]
            else:
                os.environ["LOCKMATE_INSTALLER_HOME"] = before
        return Cloud(session.url, session.secret)

    def accept(self, board: VirtualBoard, door: int) -> tuple[accepting.Accepted, Hands]:
        """Hang the board at a door and walk through its acceptance."""
        with hung(board, self.folder / f"door-{door}") as companion:
            hands = Hands(companion)
            return accepting.accept(self.cloud(), door, hands, patience_s=40, pause=_look_again), hands

    def close(self) -> None:
        """Put the boards away."""
        for board in self.boards.values():
            board.close()
        db.database.close()


def _look_again(_s: float) -> None:
    """Between two looks: the door's report is on its way."""


    time.sleep(0.1)


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """A site on data and ports of its own, running; ended afterwards."""
    with Processes() as processes:
        house = House(folder / "cloud", free_port(), free_port())
        house.prepare(arrivals=False)
        broker, web = house.broker(), house.web()
        ingest, delivery = house.worker("ingest"), house.worker("delivery")
        processes.start(broker)
        broker.wait_for_port(house.broker_port)
        for process in (ingest, delivery, web):
            processes.start(process)
        ingest.wait_for_line(INGEST_READY)
        web.wait_for_port(house.web_port, 30)
        made = Site(folder, house)
        try:
            made.sign_in()
            yield made
        finally:
            made.close()
