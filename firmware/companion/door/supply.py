"""Watches the supply's voltage: too low for a while, and right again, are events."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from companion.store.journal import Journal

    class Meter(Protocol):
        """What the board gives."""

        supply_low_mv: int  # below this the supply is too low; 0 where nothing is measured

        def supply_mv(self) -> int | None:
            """The supply's voltage, None where it is not measured."""


_LOOK_MS = 10_000
_LOOKS = 3  # in a row: a motor's start is no empty battery
_PARTS = 20  # right again when it is a twentieth above the limit


class Supply:
    """`tick` often; it looks every 10 s."""

    def __init__(self, board: "Meter", journal: "Journal") -> None:
        self._board = board
        self._journal = journal
        self._next_ms = 0
        self._low = 0  # looks in a row that were too low
        self._told = False

    def tick(self, now_ms: int) -> None:
        """Look if it is time. Raises OSError if an event can't be kept."""
        limit = self._board.supply_low_mv
        if not limit or now_ms < self._next_ms:
            return
        self._next_ms = now_ms + _LOOK_MS
        mv = self._board.supply_mv()
        if mv is None:
            return
        self._low = self._low + 1 if mv < limit else 0
        if self._low >= _LOOKS and not self._told:
            self._told = True
            self._journal.write("battery_low", mv=mv)
        elif self._told and mv >= limit + limit // _PARTS:
            self._told = False
            self._journal.write("power", mv=mv)
