"""Records: the audit trail of the doors, exactly once, as they signed it."""

from __future__ import annotations

from lockmate.records.lines import BadLine, ParsedLine, parse, split
from lockmate.records.models import Disputed, Event
from lockmate.records.reading import last_refusal, of_door
from lockmate.records.refusals import Refusal, people, refusals
from lockmate.records.storing import StoreResult, dispute, store, store_batch

__all__ = [
    "BadLine",
    "Disputed",
    "Event",
    "ParsedLine",
    "Refusal",
    "StoreResult",
    "dispute",
    "last_refusal",
    "of_door",
    "parse",
    "people",
    "refusals",
    "split",
    "store",
    "store_batch",
]
