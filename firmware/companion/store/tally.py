"""Counts repeated refusals, so that a machine that scans all night neither fills the journal nor wears out the flash.

The first refusal of a kind is written at once. Its repeats are counted in RAM and written as one
line when none came for a minute, or after a minute of them. A written line never changes.
"""

import binascii

from companion.core.names import FORGED, ROADS, name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from companion.core.token import Token
    from companion.store.journal import Journal

_RUN_MS = 60_000
_RUNS_MAX = 24  # more than there are sorts that prove nothing, on both roads: nobody can push runs out with those


class Tally:
    """The refusals of the last minute, by what they say. Those that prove nothing carry no key_id."""

    def __init__(self, journal: "Journal") -> None:
        self._journal = journal
        self._runs: dict[tuple, list[int]] = {}  # what was refused -> [began, ms; repeats]

    def refused(self, verdict: int, road: int, token: "Token | None", now_ms: int) -> None:
        """Note a refusal. Raises OSError if it has to be written and can't be."""
        if verdict <= FORGED or token is None:
            sort: tuple = (verdict, road)
        else:
            sort = (verdict, road, token.key_id, token.generation)
        run = self._runs.get(sort)
        if run is not None and now_ms - run[0] < _RUN_MS:
            run[1] += 1
            return
        if run is not None:
            self._end(sort)
        elif len(self._runs) >= _RUNS_MAX:
            self._end(min(self._runs, key=lambda held: self._runs[held][0]))
        self._runs[sort] = [now_ms, 0]
        self._write(sort, 1)

    def tick(self, now_ms: int) -> None:
        """Write the repeats of every run that is a minute old; one that had repeats goes on."""
        for sort in list(self._runs):
            run = self._runs[sort]
            if now_ms - run[0] < _RUN_MS:
                continue
            if run[1]:
                count, run[0], run[1] = run[1], now_ms, 0
                self._write(sort, count)
            else:
                del self._runs[sort]

    def flush(self) -> None:
        """Write all that was counted, before the machine goes down."""
        for sort in list(self._runs):
            self._end(sort)

    def _end(self, sort: tuple) -> None:
        count = self._runs.pop(sort)[1]
        if count:
            self._write(sort, count)

    def _write(self, sort: tuple, count: int) -> None:
        fields: dict = {"road": ROADS[sort[1]], "verdict": name_of(sort[0])}
        if len(sort) > 2:
            fields["key_id"] = binascii.hexlify(sort[2]).decode()
            fields["generation"] = sort[3]
        if count > 1:
            fields["count"] = count
        self._journal.write("refused", **fields)
