"""Runs the virtual doors of a folder and their page: `python -m tools.virtual_door --data data --port 8081`."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from werkzeug.serving import BaseWSGIServer, make_server

from tools.hotel.cable import Cable
from tools.hotel.fitting import config_of, set_broker
from tools.processes import LOOPBACK
from tools.virtual.companion import CompanionError, VirtualCompanion
from tools.virtual_door.app import create_app
from tools.virtual_door.doors import VirtualDoor, VirtualDoors, log_tail

if TYPE_CHECKING:
    from collections.abc import Iterable

_WATCH = 1.0  # s between two looks whether a companion ended by itself


def open_doors(data: Path, broker_port: int) -> list[VirtualDoor]:
    """The doors that `doors.json` in the folder lists, without power; each has a cable of its own to the broker."""
    listed = json.loads((data / "doors.json").read_text("utf-8"))
    doors = []
    for entry in listed:
        flash = data / entry["flash"]
        cable = _cable(flash, broker_port)
        log = data / "logs" / f"{entry['companion_id']}.log"
        doors.append(VirtualDoor(entry["companion_id"], entry["name"], entry["number"], entry["class"],
                                 VirtualCompanion(flash, log=log), cable))
    return doors


def _cable(flash: Path, broker_port: int) -> Cable:
    """A cable on the port that the image knows already, or, if that is taken, on a free one that it is told."""
    known = config_of(flash)["broker"]["port"]
    if known != broker_port:
        try:
            return Cable(broker_port, known)
        except OSError:
            pass  # somebody else has that port now
    cable = Cable(broker_port)
    set_broker(flash, LOOPBACK, cable.port)
    return cable


def _power_all(doors: Iterable[VirtualDoor]) -> list[str]:
    """Give power to all doors at the same time; what went wrong, by door."""
    wrong: list[str] = []

    def power(door: VirtualDoor) -> None:
        try:
            door.power_on()
        except CompanionError as error:
            wrong.append(f"{door.name}: {error}")

    threads = [threading.Thread(target=power, args=(door,)) for door in doors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


def main(argv: list[str] | None = None) -> int:
    """Runs until SIGTERM or SIGINT; 1 if a companion did not start or ended by itself."""
    parser = argparse.ArgumentParser(prog="python -m tools.virtual_door", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with doors.json and the flash images")
    parser.add_argument("--port", type=int, required=True, help="port of the page, on 127.0.0.1")
    parser.add_argument("--broker-port", type=int, required=True, help="port where the broker listens")
    parser.add_argument("--desk-url", default="", help="address of the front desk, shown as a link")
    words = parser.parse_args(argv)

    ends = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ends.set())
    doors = VirtualDoors(open_doors(words.data, words.broker_port))
    server: BaseWSGIServer | None = None
    try:
        wrong = _power_all(doors)
        if wrong:
            print("A virtual companion did not start.\n" + "\n".join(wrong), file=sys.stderr)
            return 1
        logging.getLogger("werkzeug").setLevel(logging.WARNING)
        server = make_server(LOOPBACK, words.port, create_app(doors, desk_url=words.desk_url), threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"virtual doors ready on http://{LOOPBACK}:{words.port}/", flush=True)
        return _watch(doors, ends, words.data)
    finally:
        if server is not None:
            server.shutdown()
        doors.stop()


def _watch(doors: VirtualDoors, ends: threading.Event, data: Path) -> int:
    while not ends.wait(_WATCH):
        for door in doors:
            if door.ended_by_itself():
                tail = log_tail(data / "logs" / f"{door.companion_id}.log")
                print(f"The companion of {door.name} ({door.companion_id}) ended by itself.\n{tail}", file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
