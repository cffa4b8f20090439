"""Starts the demo hotel part by part, tells people what to try, watches, and ends everything it started."""

from __future__ import annotations

import signal
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tools.demo import folder, words
from tools.hotel.house import INGEST_READY, House
from tools.processes import LOOPBACK, Process, ProcessError, Processes, port_is_open

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# what listens: for people, the setting that moves it, the port unless set
PORTS = {
    "web": ("front desk and guests' pages", "LOCKMATE_PORT", 8000),
    "doors": ("virtual doors", "LOCKMATE_DEMO_DOORS_PORT", 8001),
    "broker": ("broker", "LOCKMATE_BROKER_PORT", 8883),
}
_WATCH = 0.5  # s between two looks at the children
_BUSY, _FAILED, _WRONG_USE = 1, 1, 2


class Asked(BaseException):
    """Somebody asked us to end (Ctrl-C or a signal)."""


class PortError(Exception):
    """A port setting is no port."""


def ports_from(env: Mapping[str, str]) -> dict[str, int]:
    """The ports of the demo, from the settings. Raises PortError."""
    found = {}
    for name, (_what, setting, default) in PORTS.items():
        text = env.get(setting) or str(default)
        if not text.isdecimal() or not 0 < int(text) < 65_536:
            raise PortError(f"{setting} must be a number from 1 to 65535, not {text}.")
        found[name] = int(text)
    if len(set(found.values())) < len(found):
        names = ", ".join(setting for _what, setting, _default in PORTS.values())
        raise PortError(f"Two of {names} are the same.")
    return found


def taken(ports: Mapping[str, int]) -> list[str]:
    """One sentence for each port that another program has, with what to do."""
    said = []
    for name, (what, setting, _default) in PORTS.items():
        port = ports[name]
        if port_is_open(port):
            other = next((near for near in range(port + 10, 65_536) if not port_is_open(near)), port)
            said.append(f"Port {port} ({what}) is taken by another program. "
                        f"End that program, or choose another port: {setting}={other} make run")
    return said


class Demo:
    """One run of the demo on a data folder; env: the settings around us."""

    def __init__(self, data: Path, env: Mapping[str, str]) -> None:
        self.data = data
        self._env = env
        self._lines = threading.Lock()

    def run(self, *, fresh: bool) -> int:
        """Until somebody asks it to end. 0: ended as asked; 1: something failed; 2: wrong settings."""
        try:
            ports = ports_from(self._env)
        except PortError as error:
            return self._sorry(str(error), _WRONG_USE)
        try:
            with folder.claimed(self.data):
                busy = taken(ports)
                if busy:
                    return self._sorry("\n".join(busy), _BUSY)
                kept = folder.begin(self.data, fresh=fresh)
                house = House(self.data, ports["web"], ports["broker"], ports["doors"])
                return self._run(house, kept)
        except folder.FolderError as error:
            return self._sorry(str(error), _FAILED)

    def _run(self, house: House, kept: bool) -> int:
        code = 0
        with _asking():
            processes = Processes()
            try:
                self._start(house, processes, kept)
                self._say(words.welcome(house, kept))
                code = self._watch(processes)
            except Asked:
                self._say("\nEnding …")
            except ProcessError as error:
                code = self._sorry(str(error), _FAILED)
            finally:
                with _deaf():
                    processes.stop()
            self._say("Everything has ended. The data are kept; `make run` goes on with them." if not code else
                      "Everything else has been ended.")
        return code

    def _start(self, house: House, processes: Processes, kept: bool) -> None:
        begun = time.monotonic()
        self._say(f"Lockmate demo on {self.data} " + ("(kept from before)" if kept else "(new)"))
        house.prepare(told=lambda step: self._say(f"  preparing: {step}"))
        folder.finish(self.data)
        broker, web = house.broker(), house.web()
        ingest, delivery, doors = house.worker("ingest"), house.worker("delivery"), house.virtual_doors()
        processes.start(broker)
        broker.wait_for_port(house.broker_port)
        self._started(broker, f"mqtts://{LOOPBACK}:{house.broker_port}, certificates on both sides")
        for process in (ingest, web, delivery):  # together: each takes a second or two to get going
            processes.start(process)
        ingest.wait_for_line(INGEST_READY)
        processes.start(doors)
        web.wait_for_port(house.web_port, 30)
        self._started(web, f"{house.web_url}/desk/")
        self._started(ingest, "doors' events come in")
        self._started(delivery, "policies go out")
        doors.wait_for_line("virtual doors ready", 60)
        self._started(doors, house.doors_url)
        self._say(f"Ready after {time.monotonic() - begun:.1f} s.")

    def _watch(self, processes: Processes) -> int:
        """Look after the children; 1 as soon as one has ended by itself."""
        while True:
            ended = processes.ended()
            if ended:
                self._say("")
                for process in ended:
                    self._died(process)
                return _FAILED
            time.sleep(_WATCH)

    def _died(self, process: Process) -> None:
        self._sorry(f"The process '{process.name}' ended with {process.returncode}. Its last lines"
                    f" ({process.log}):\n{process.tail()}", _FAILED)

    def _started(self, process: Process, where: str) -> None:
        self._say(f"  {process.name:<14}{where}  (process {process.pid})")

    def _say(self, text: str) -> None:
        with self._lines:
            print(text, flush=True)

    def _sorry(self, text: str, code: int) -> int:
        with self._lines:
            print(text, file=sys.stderr, flush=True)
        return code


@contextmanager
def _asking() -> Iterator[None]:
    """Ctrl-C, SIGTERM and a lost terminal raise Asked, once."""

    def ask(_number: int, _frame: object) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        raise Asked

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {each: signal.signal(each, ask) for each in numbers}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def _deaf() -> Iterator[None]:
    """While ending, nothing may interrupt us, or a child would be left behind."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    yield
