"""Records: the audit trail of the doors, exactly once, as they signed it."""

from __future__ import annotations

from lockmate.records.alarms import KINDS as ALARM_KINDS
from lockmate.records.alarms import acknowledge, alarm_of, raise_alarm, settled, waiting
from lockmate.records.lines import BadLine, ParsedLine, parse, split
from lockmate.records.models import Alarm, Disputed, Event, Mark
from lockmate.records.reading import last_refusal, of_door, privacy_at
from lockmate.records.reconciling import matched, reconcile
from lockmate.records.refusals import Refusal, people, refusals
from lockmate.records.storing import StoreResult, dispute, store, store_batch
from lockmate.records.trail import Entry, entries, export

__all__ = [
    "ALARM_KINDS",
    "Alarm",
    "BadLine",
    "Disputed",
    "Entry",
    "Event",
    "Mark",
    "ParsedLine",
    "Refusal",
    "StoreResult",
    "acknowledge",
    "alarm_of",
    "dispute",
    "entries",
    "export",
    "last_refusal",
    "matched",
    "of_door",
    "parse",
    "people",
    "privacy_at",
    "raise_alarm",
    "reconcile",
    "refusals",
    "settled",
    "split",
    "store",
    "store_batch",
    "waiting",
]
