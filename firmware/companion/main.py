"""The companion: configuration, board, tasks."""

import asyncio
import gc
import sys

from board import Board

import companion.early  # noqa: F401 - takes the largest buffers while the heap is whole
from companion.core import ed25519
from companion.core.clock import Clock
from companion.core.names import MALFORMED, ROAD_QR
from companion.door.bolt import Bolt
from companion.door.entry import Entry, describe
from companion.door.feedback import Feedback
from companion.door.module import Module
from companion.door.scanner import Scanner
from companion.door.senses import POLL_MS, Senses
from companion.door.supply import Supply
from companion.net.dialler import Dialler
from companion.net.uplink import Uplink
from companion.net.wifi import Wifi
from companion.store import files
from companion.store.beliefs import Beliefs
from companion.store.config import Config, ConfigError
from companion.store.journal import Journal
from companion.store.shelf import Shelf, Stock
from companion.store.tally import Tally
from companion.supervisor import Supervisor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VERSION = "0.1.0"
_KEEPER_MS = 250
_FLOOR_MS = 3_000_000  # the floor goes to flash every 50 minutes
_SETTLE_MS = 2_000
_SCAN_WAIT_S = 10
_OFFLINE_MS = 600_000  # a machine that is younger does without its line, should that have died


class Companion:
    """Everything that runs on one door."""

    def __init__(self, board: Board) -> None:
        """Raises ConfigError (a code), or OSError if the flash can't be used."""
        folder = board.files
        text = files.read(folder + "/config.json")
        if text is None:
            raise ConfigError("config_missing")
        config = Config(text)
        self._board = board
        self._now = board.monotonic_ms
        self._supervisor = Supervisor(board)
        provisioned = files.read(folder + "/policy")
        shelf = Shelf(folder + "/tables")
        ed25519.prepare(shelf)
        self.beliefs = Beliefs.load(folder + "/beliefs", config, provisioned, shelf)
        self._stock = Stock(shelf, self.beliefs)
        if provisioned is not None:
            files.remove(folder + "/policy")  # it is believed now, or never will be; an old one must not come back
        provisioned = None
        self.clock = Clock(self.beliefs.floor, self.beliefs.drift_ppm, self._now())
        link = self.beliefs.link
        self.journal = Journal(folder + "/journal", link.key, self._interval, board.random, former=link.former)
        self._report_boot()
        self.tally = Tally(self.journal)
        self.bolt = Bolt(board.bolt, self._now)
        self.feedback = Feedback(board)
        self.entry = Entry(
            self.beliefs, self.clock, self.journal, self.tally, self.bolt, self.feedback, self._now, board.trace
        )
        self.module = Module(board.scanner_module, board.scanner, self.journal, self._now())
        self.scanner = Scanner(board.scanner, self.module.pause_ms)
        self.supply = Supply(board, self.journal)
        self.senses = Senses(board, self.beliefs, self.journal, self.bolt, self.entry, config.privacy_button)
        self.senses.poll(self._now())  # the privacy switch counts from the first scan on
        self.uplink = self._make_uplink(config)
        self._config = config

    def _interval(self) -> tuple[int, int | None]:
        return self.clock.interval(self._now())

    def _report_boot(self) -> None:
        """Every boot and every loss is an event, before any state tells of it."""
        self.journal.write("boot", firmware=VERSION, board=self._board.name, engine=ed25519.engine())
        if self.beliefs.lost:
            self.journal.write("fault", code="beliefs_lost")
        if self.beliefs.damaged:
            self.journal.write("fault", code="beliefs_damaged", count=self.beliefs.damaged)
        if ed25519.engine() == "plain":
            self.journal.write("fault", code="engine_plain")

    def _make_uplink(self, config: Config) -> Uplink | None:
        """The line to the cloud, None where the door has none."""
        if not config.broker_host:
            return None
        board = self._board
        ca, cert, key = [files.read(board.files + name) for name in ("/ca.der", "/cert.der", "/key.der")]
        try:
            if ca is None or cert is None or key is None:
                raise ValueError("certificate missing")
            dialler = Dialler(
                board,
                Wifi(board.network, config.wifi, board.random),
                (config.broker_host, config.broker_port, config.broker_name),
                ca,
                cert,
                key,
                self.clock,
            )
        except ValueError:
            self.journal.write("fault", code="certificate")
            return None
        return Uplink(
            dialler,
            companion_id=config.companion_id,
            link_key=self.beliefs.link.key,
            clock=self.clock,
            beliefs=self.beliefs,
            journal=self.journal,
            present=self.entry.present,
            now_ms=self._now,
            random=board.random,
            facts=self._facts,
            trace=board.trace,
        )

    def _facts(self) -> "dict[str, Any]":
        """The state's optional members."""
        gc.collect()
        return {
            "firmware": VERSION,
            "engine": ed25519.engine(),
            "heap": gc.mem_free(),
            "supply_mv": self._board.supply_mv(),
            "uptime": self._now() // 1000,
            "senses": self._board.inputs,
            "throws": self.senses.throws,
            "rssi": self._board.rssi(),
        }

    # tasks

    async def run(self) -> None:
        """Start every task and look after them, for ever."""
        supervisor = self._supervisor
        supervisor.start("scanner", self._scan(), 60_000)
        supervisor.start("senses", self._sense(), 30_000)
        supervisor.start("keeper", self._keep(), 30_000)
        for name, work in self._board.tasks():
            supervisor.start(name, work)
        if self.uplink is not None:
            supervisor.start("uplink", self.uplink.run(), bearable_ms=_OFFLINE_MS)
        gc.collect()
        self._board.trace(
            ready=self._config.companion_id,
            door=self.beliefs.door,
            policy=self.beliefs.held_version,
            log=self.journal.log,
            seq=self.journal.seq,
            engine=ed25519.engine(),
            heap=gc.mem_alloc(),
        )
        name, why = await supervisor.watch()
        self._died(name, why)
        await supervisor.linger()
        while self.bolt.active:  # somebody may just be opening
            await asyncio.sleep_ms(_KEEPER_MS)
            self.bolt.tick()
        self._keep_all()

    def _died(self, name: str, why: str) -> None:
        """A task is gone: say so; the machine starts again soon."""
        self.feedback.trouble()
        self._board.trace(fault="task", task=name, error=why)
        try:
            self.journal.write("fault", code="task", task=name, error=why)
        except OSError:
            pass  # the flash may be what it died of

    def _keep_all(self) -> None:
        """Before the machine goes down: the floor, and what was counted."""
        try:
            self.beliefs.save_floor(self.clock.floor(self._now()))
            self.tally.flush()
        except OSError:
            pass  # as above

    async def _scan(self) -> None:
        while True:
            self._supervisor.moved("scanner")
            if self.module.due(self._now()):
                await self.module.look(self._now())
            try:
                line: bytes = await asyncio.wait_for(self.scanner.line(), _SCAN_WAIT_S)
            except asyncio.TimeoutError:
                continue
            if await self.entry.present(line, ROAD_QR) == MALFORMED:
                self.module.junk(self._now())

    async def _sense(self) -> None:
        while True:
            self._supervisor.moved("senses")
            self.senses.poll(self._now())
            await asyncio.sleep_ms(POLL_MS)

    async def _keep(self) -> None:
        """What has time: counted refusals, the floor, second copies, tables of new keys, the light."""
        floor_ms = self._now()
        while True:
            self._supervisor.moved("keeper")
            await asyncio.sleep_ms(_KEEPER_MS)
            now_ms = self._now()
            self.bolt.tick()
            self.feedback.tick(now_ms)
            self.tally.tick(now_ms)
            self.supply.tick(now_ms)
            if not self.bolt.active and now_ms - self.entry.opened_ms >= _SETTLE_MS:
                self.beliefs.settle()
            self._stock.tick()
            if now_ms - floor_ms >= _FLOOR_MS:
                floor_ms = now_ms
                self.beliefs.save_floor(self.clock.floor(now_ms))


def stop(board: Board, code: str) -> None:
    """Nothing can be opened safely: say so and stay so. A restart would change nothing."""
    board.bolt.off()
    board.light("red", "pulse")
    board.trace(halted=code)
    print("halted:", code)
    board.halt()


def main() -> None:
    """Run the companion on this board."""
    board = Board()
    try:
        board.mount()
    except (OSError, ValueError):
        stop(board, "flash_unreadable")
    try:
        companion = Companion(board)
    except ConfigError as wrong:
        stop(board, wrong.code)
    except Exception as failed:  # noqa: BLE001 - whatever is on the flash, the door must not boot for ever
        sys.print_exception(failed)
        board.trace(fault="boot", error=describe(failed))
        stop(board, "boot_failed")
    else:
        try:
            asyncio.run(companion.run())
        except Exception as failed:  # noqa: BLE001 - nobody watches any more: start again, sooner than the watchdog
            sys.print_exception(failed)
        board.restart()


main()
