"""The companion: configuration, board, tasks."""

import asyncio
import gc
import sys

from board import Board

import companion.early  # noqa: F401 - takes the largest buffers while the heap is whole
from companion.attention import Attention
from companion.core import ed25519
from companion.core.clock import Clock
from companion.core.lazy import unload
from companion.core.names import LOCKED_OUT, MALFORMED, ROAD_QR
from companion.door.bolt import Bolt
from companion.door.entry import FAULT, Entry
from companion.door.feedback import Feedback
from companion.door.module import Module
from companion.door.scanner import Repeats, Scanner
from companion.door.senses import POLL_MS, Senses
from companion.door.supply import Supply
from companion.net.dialler import Dialler
from companion.net.renewal import Renewals
from companion.net.uplink import Uplink
from companion.net.wifi import Wifi
from companion.restarts import Restarts
from companion.store import files
from companion.store.beliefs import Beliefs
from companion.store.faults import describe
from companion.store.journal import Journal
from companion.store.shelf import Shelf, Stock
from companion.store.tally import Tally
from companion.supervisor import NEVER, Supervisor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from companion.store.config import Config
    from companion.store.layout import Store
    from companion.store.rescue import Rescue

VERSION = "0.1.0"
_KEEPER_MS = 250
_FLOOR_MS = 3_000_000  # the floor goes to flash every 50 minutes
_SETTLE_MS = 2_000
_SETTLE_STEPS = 24  # of one turn of the keeper's
_UNSETTLED_MAX = 32  # events; a door that is never quiet for so long has its flash seen to between two guests
_SCAN_WAIT_MS = 10_000
_SILENT_MS = 120_000
_UNASKED_MAX = 20
_OFFLINE_MS = 600_000  # a machine that is younger does without its line, should that have died


class Companion:
    """Everything that runs on one door."""

    def __init__(self, board: Board, store: "Store", rescue: "Rescue", config: "Config", trouble: str) -> None:
        """store: the raw flash; rescue: its copy of the installer's files; trouble: a code, if files were lost.

        Raises OSError if the flash can't be used.
        """
        folder = board.files
        self._rescue: "Rescue | None" = rescue
        self._trouble = trouble
        self._board = board
        self._now = board.monotonic_ms
        self.attention = Attention(self._now)
        self._supervisor = Supervisor(board)
        self._restarts = Restarts(board)
        self._settled = 0  # the journal's seq when nothing was left to do for the flash
        self._unasked = 0  # exceptions that nobody waited for, told since the boot
        self._reader: "asyncio.Task[None] | None" = None  # the scanner's task
        self._reads_ms: int | None = None  # since when it waits for bytes
        provisioned = files.read(folder + "/policy")
        shelf = Shelf(folder + "/tables")
        ed25519.prepare(shelf)
        self.beliefs = Beliefs.load(folder + "/beliefs", config, provisioned, shelf, store)
        self._stock = Stock(shelf, self.beliefs)
        if provisioned is not None:
            files.remove(folder + "/policy")  # it is believed now, or never will be; an old one must not come back
        provisioned = None
        self.clock = Clock(self.beliefs.floor, self.beliefs.drift_ppm, self._now())
        self._battery = self._make_battery()
        link = self.beliefs.link
        self.journal = Journal(store.journal, link.key, self._interval, board.random, former=link.former)
        self._report_boot()
        self.tally = Tally(self.journal)
        self.bolt = Bolt(board.bolt, self._now)
        self.feedback = Feedback(board)
        if self._trouble:
            self.feedback.trouble()
        self.entry = Entry(
            self.beliefs, self.clock, self.journal, self.tally, self.bolt, self.feedback, self._now, board.trace
        )
        self.module = Module(board.scanner_module, board.scanner, self.journal, self._now())
        self.scanner = Scanner(board.scanner, self.module.pause_ms, self.attention.comes)
        self.repeats = Repeats(board.rereads)
        self.supply = Supply(board, self.journal)
        self.senses = Senses(board, self.beliefs, self.journal, self.bolt, self.entry, config.privacy_button)
        self.senses.poll(self._now())  # the privacy switch counts from the first scan on
        self.uplink = None if self._restarts.safe else self._make_uplink(config, rescue)
        self._companion_id = config.companion_id

    def _make_battery(self) -> "Any":
        """The board's battery clock, None where it has none: the module takes room only with one."""
        if not self._board.battery_ppm:
            return None
        from companion.store.battery import BatteryClock

        battery = BatteryClock(self._board, self._board.files + "/battery", self._board.battery_ppm)
        self._battery_sound = battery.lend(self.clock, self.beliefs.clock_epoch, self._now())
        return battery

    def _tend_battery(self, now_ms: int) -> None:
        """Set the battery clock, watch it; a jump is an event."""
        if self._battery is None:
            return
        told_ms = None if self.uplink is None else self.uplink.downlink.synchronised_ms
        sound = self._battery.tick(self.clock, self.beliefs.clock_epoch, told_ms, now_ms) and self._battery_sound
        self._battery_sound = True
        if not sound:
            self.journal.write("fault", code="battery_clock")

    def _interval(self) -> tuple[int, int | None]:
        return self.clock.interval(self._now())

    def _report_boot(self) -> None:
        """Every boot and every loss is an event, before any state tells of it."""
        self.journal.write("boot", firmware=VERSION, board=self._board.name, engine=ed25519.engine())
        if self._trouble:
            self.journal.write("fault", code=self._trouble)
        if self.beliefs.lost:
            self.journal.write("fault", code="beliefs_lost")
        if self.beliefs.damaged:
            self.journal.write("fault", code="beliefs_damaged", count=self.beliefs.damaged)
        if self._restarts.safe:
            self.journal.write("fault", code="safe_mode", count=self._restarts.count)
        if ed25519.engine() == "plain":
            self.journal.write("fault", code="engine_plain")

    def _make_uplink(self, config: "Config", rescue: "Rescue") -> Uplink | None:
        """The line to the cloud, None where the door has none."""
        if not config.broker_host:
            return None
        board = self._board
        try:
            renewals = Renewals(board.files, rescue.read, self.journal, self._now)
            if not renewals.provisioned:
                raise ValueError("certificate missing")
            if renewals.identity is not None:  # it may just have put other networks there
                from companion.store.config import Config

                config = Config(rescue.read("/config.json") or b"")
            dialler = Dialler(
                board,
                Wifi(board.network, config.wifi, board.random),
                (config.broker_host, config.broker_port, config.broker_name),
                renewals,
                self.clock,
            )
        except (ValueError, OSError):
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
            renewals=renewals,
            quiet=self.attention.quiet,
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
        safe = self._restarts.safe
        if safe:
            self.feedback.trouble()  # gate and journal run; whatever else dies now is let lie
        supervisor.start("senses", self._sense(), 30_000, bearable_ms=NEVER if safe else 0)
        supervisor.start("keeper", self._keep(), 30_000)
        for name, work, silent_ms in self._board.tasks():
            supervisor.start(name, work, silent_ms, NEVER if safe else 0, steps=True)
        if self.uplink is not None:
            supervisor.start("uplink", self.uplink.run(), _SILENT_MS, _OFFLINE_MS, steps=True)
        asyncio.get_event_loop().set_exception_handler(self._unexpected)
        gc.collect()
        self.attention.over()
        self._board.trace(
            ready=self._companion_id,
            door=self.beliefs.door,
            policy=self.beliefs.held_version,
            log=self.journal.log,
            seq=self.journal.seq,
            engine=ed25519.engine(),
            heap=gc.mem_alloc(),
        )
        name, why = await supervisor.watch()
        if name != "keeper" or why != "ended":  # which ends by itself only when safe mode is over
            self._died(name, why)
        await supervisor.linger()
        while self.bolt.active:  # somebody may just be opening
            await asyncio.sleep_ms(_KEEPER_MS)
            self.bolt.tick()
        self._keep_all()

    def crashed(self, failed: Exception) -> None:
        """What looks after the tasks is gone itself."""
        self._died("main", describe(failed))
        self._keep_all()

    def _died(self, name: str, why: str) -> None:
        """A task is gone: say so; the machine starts again soon."""
        self.feedback.trouble()
        self._board.trace(fault="task", task=name, error=why)
        try:
            self.journal.write("fault", code="task", task=name, error=why)
        except OSError:
            pass  # the flash may be what it died of

    def _unexpected(self, _loop: "Any", context: "dict[str, Any]") -> None:
        """An exception in a task that nobody waits for: told, a few times; what it did is its own affair."""
        if self._supervisor.knows(context.get("future")):
            return
        self._unasked += 1
        error = describe(context["exception"])
        self._board.trace(fault="unexpected", error=error)
        if self._unasked <= _UNASKED_MAX:
            try:
                self.journal.write("fault", code="unexpected", error=error)
            except OSError:
                pass  # as in _died

    def _keep_all(self) -> None:
        """Before the machine goes down: the floor, and what was counted."""
        try:
            if not self._restarts.over(self._now()):
                self._restarts.note(self._now())
            self.beliefs.save_floor(self.clock.floor(self._now()))
            self.tally.flush()
        except OSError:
            pass  # as above

    async def _scan(self) -> None:
        self._reader = asyncio.current_task()
        while True:
            self._supervisor.moved("scanner")
            if self.module.due(self._now()):
                await self.module.look(self._now())
            self._reads_ms = self._now()
            try:
                line = await self.scanner.line()
            except asyncio.CancelledError:  # the keeper's: nothing came for a while
                continue
            finally:
                self._reads_ms = None
            if self.repeats.again(line, self._now()):
                self.attention.over()
                continue
            verdict = await self.entry.present(line, ROAD_QR)
            self.attention.over()
            if verdict == MALFORMED:
                self.module.junk(self._now())
            elif verdict in (LOCKED_OUT, FAULT):
                self.repeats.forget()

    def _wake_reader(self, now_ms: int) -> None:
        """See that the scanner's task comes round now and then; a time limit of its own would cost each scan a task."""
        if self._reader is not None and self._reads_ms is not None and now_ms - self._reads_ms >= _SCAN_WAIT_MS:
            self._reader.cancel()

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
            await self.attention.quiet()
            now_ms = self._now()
            self.bolt.tick()
            self.feedback.tick(now_ms)
            self.tally.tick(now_ms)
            self.supply.tick(now_ms)
            self._wake_reader(now_ms)
            self.attention.tick()
            quiet = not self.bolt.active and now_ms - self.entry.opened_ms >= _SETTLE_MS
            if quiet or self.journal.seq - self._settled >= _UNSETTLED_MAX:
                await self._settle()
            if self._restarts.safe:
                if self._restarts.over(now_ms) and not self.bolt.active:
                    return
            else:
                self._stock.tick()
            self._restarts.tick(now_ms)
            self._tend_battery(now_ms)
            if now_ms - floor_ms >= _FLOOR_MS:
                floor_ms = now_ms
                self.beliefs.save_floor(self.clock.floor(now_ms))

    async def _settle(self) -> None:
        """Some steps of what the flash is spared while somebody waits: second copies, room, blocks to erase."""
        for _ in range(_SETTLE_STEPS):
            if not self._settle_step() or self.bolt.active:
                return
            await self.attention.quiet()

    def _settle_step(self) -> bool:
        """One of them. False if there is none to be done now."""
        try:
            if self.beliefs.settle() or self.journal.settle():
                return True
            self._settled = self.journal.seq
            if self._rescue is not None:
                self._rescue.keep()
                self._rescue = None  # once a boot is enough: the files change seldom
        except MemoryError:
            pass  # at a moment when there is room
        except OSError:
            self._rescue = None
            self.feedback.trouble()  # whoever needs the flash to open is told; the gate goes on for whom it serves
        return False


def boot(board: Board) -> Companion:
    """This board's companion; one that can't open safely stops here for ever."""
    from companion.boot import bring_up, read_config, stop
    from companion.store.config import ConfigError

    try:
        store, rescue, trouble = bring_up(board)
    except (OSError, ValueError):
        stop(board, "flash_unreadable")
    try:
        config, spoilt = read_config(board.files, rescue)
        return Companion(board, store, rescue, config, trouble or spoilt)
    except ConfigError as wrong:
        stop(board, wrong.code)
    except Exception as failed:  # noqa: BLE001 - whatever is on the flash, the door must not boot for ever
        sys.print_exception(failed)
        board.trace(fault="boot", error=describe(failed))
        stop(board, "boot_failed")


def main() -> None:
    """Run the companion on this board."""
    try:
        board = Board()
    except (OSError, ValueError, KeyError) as wrong:
        print("halted: no pin-out,", describe(wrong))  # nothing is wired that anyone knows of: the cable is what helps
        return
    companion = boot(board)
    unload("companion.boot", "companion.store.config", "companion.store.layout")
    try:
        asyncio.run(companion.run())
    except Exception as failed:  # noqa: BLE001 - nobody watches any more: start again, sooner than the watchdog
        sys.print_exception(failed)
        companion.crashed(failed)
    board.restart()


main()
