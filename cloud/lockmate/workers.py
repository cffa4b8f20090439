"""The workers' process roots: ground laid, signals caught, one worker run to its end."""

from __future__ import annotations

import gc
import logging
import os
import sys
import time
from typing import TYPE_CHECKING

from lockmate import clock, db, doors, ground, properties, records, staff, stays
from lockmate.delivery.beside import Beside
from lockmate.delivery.broker import DELIVERY, ingest_user
from lockmate.delivery.revoking import Revocations
from lockmate.delivery.smtp import Letters
from lockmate.delivery.worker import Delivery
from lockmate.ingest.worker import Ingest
from lockmate.mqtt import Backoff, Broker, Stop, Watchdog
from lockmate.settings import Settings, SettingsError
from lockmate.web import letters as words

if TYPE_CHECKING:
    from collections.abc import Callable

_TEND_SECONDS = 2.0
_DOORS_SECONDS = 15.0
_ALARM_SECONDS = 5.0
_CHECKPOINT_SECONDS = 2.0
_FORGET_SECONDS = 3_600.0
_COLLECT_AT = 50_000  # objects
_LETTER_SECONDS = 2.0
_MONTHS_SECONDS = 3_600.0
_LAST_WORK_SECONDS = 12.0
_LOG = logging.getLogger("lockmate.workers")


class _Line(logging.Formatter):
    """`time=… level=… from=… event=…`; what follows an exception is one indented line each."""

    def __init__(self) -> None:
        super().__init__("time=%(asctime)s.%(msecs)03dZ level=%(levelname)s from=%(name)s %(message)s",
                         "%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\n", "\n  ")


def configure_logging() -> None:
    """Plain lines on the standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def ingest(settings: Settings, *, batch_max: int = 4_000, buffer_max: int = 8_000, number: int = 1,
           property_id: str | None = None, leave: bool = False) -> int:
    """Take in what the doors say, until SIGTERM or SIGINT, or (leave) what is left; the exit code."""
    user = ingest_user(number)

    def work(broker: Broker, stop: Stop) -> None:
        hotel = properties.the(property_id) if property_id is not None else None
        watchdog = Watchdog()
        watchdog.start()
        db.hold_batches()
        gc.freeze()  # what is loaded stays; and a batch is thrown away as a whole, with nothing circular in it
        gc.set_threshold(_COLLECT_AT)
        Ingest(broker, stop, client_id=user, batch_max=batch_max, buffer_max=max(batch_max, buffer_max),
               only=hotel.id if hotel is not None else None, leave=leave, beat=watchdog.beat).run()

    return _run("ingest", settings, user, work)


def delivery(settings: Settings, *, poll: float = 0.1) -> int:
    """Deliver the outbox, until SIGTERM or SIGINT; the exit code."""
    return _run("delivery", settings, DELIVERY, lambda broker, stop: _deliver(settings, broker, stop, poll))


def _deliver(settings: Settings, broker: Broker, stop: Stop, poll: float) -> None:
    """The doors' channel in this thread, letters and what time brings in threads beside it."""
    beside = [
        Beside("tend", stays.tend, stop, every=_TEND_SECONDS),
        Beside("months", lambda: len(db.months.prepare()), stop, every=_MONTHS_SECONDS),
        Beside("doors", doors.tend, stop, every=_DOORS_SECONDS),
        Beside("alarms", records.reconcile, stop, every=_ALARM_SECONDS),
        Beside("checkpoint", db.checkpoint, stop, every=_CHECKPOINT_SECONDS),
        Beside("requests", lambda: staff.requests.forget(clock.now_ms()), stop, every=_FORGET_SECONDS),
        Beside("crl", Revocations(settings).deliver, stop, every=_TEND_SECONDS),
    ]
    if settings.smtp_host:
        letters = Letters(settings, words.letter, stop)
        beside.append(Beside("letters", letters.deliver, stop, every=_LETTER_SECONDS, backoff=Backoff(2.0, 300.0)))
    for work in beside:
        work.start()
    watchdog = Watchdog()
    watchdog.start()
    Delivery(broker, stop, poll=poll, beat=watchdog.beat).run()
    for work in beside:
        if not work.join(_LAST_WORK_SECONDS):
            _LOG.warning("event=not_awaited work=%s", work.name)
        if work.failure is not None:
            raise work.failure


def _run(name: str, settings: Settings, user: str, work: Callable[[Broker, Stop], None]) -> int:
    configure_logging()
    ground.lay(settings)
    files = settings.broker_files(user)
    for file in files:
        if not file.is_file():
            raise SettingsError("broker_files_missing", f"{file} does not exist. Run `lockmate broker config`.")
    stop = Stop()
    stop.install()
    _LOG.info("event=started worker=%s pid=%d", name, os.getpid())
    work(Broker(settings.broker_host, settings.broker_port, settings.broker_name, *files), stop)
    _LOG.info("event=ended worker=%s", name)
    return 0
