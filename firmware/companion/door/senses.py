"""What the door's contacts say: opens that were not ours, doors left open, force, the inside switch.

Inputs (1 = active; a board has some of them): `door` open, `bolt` thrown back, `motor` of the lock
driven in its opening direction, inside `handle` pressed, `privacy` set, `tamper`. Polled often and
debounced; the levels found at the start are taken as they are.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from companion.door.bolt import Bolt
    from companion.door.entry import Entry
    from companion.store.beliefs import Beliefs
    from companion.store.journal import Journal

    class Inputs(Protocol):
        """What the board gives."""

        inputs: tuple[str, ...]
        card: Any  # what tells the number of a card that the lock read, by `poll(now_ms)`; None if the lock tells none

        def read(self, name: str) -> int:
            """The level of an input, 1 = active."""


POLL_MS = 20
_STEADY_MS = 40
_FREE_MS = 10_000  # after a known open the door may be opened for this long
_CARD_BEFORE_MS = 3_000  # a card is read this long before its lock moves, at most
_CARD_AFTER_MS = 500  # or told of this long after
_PRIVACY_MAX_MS = 12 * 3_600_000


class _Input:
    """One contact: its debounced level, and the one that it seems to go to."""

    def __init__(self, level: int) -> None:
        self.level = level
        self.next = level
        self.since_ms = 0
        self.ours = False  # whether our own pulse ran when it began to move


class Senses:
    """Turns contacts into events. `poll` every 20 ms."""

    def __init__(
        self,
        board: "Inputs",
        beliefs: "Beliefs",
        journal: "Journal",
        bolt: "Bolt",
        entry: "Entry",
        privacy_button: bool = False,
    ) -> None:
        """privacy_button: the privacy input is a push-button and not a switch."""
        self._board = board
        self._beliefs = beliefs
        self._journal = journal
        self._bolt = bolt
        self._entry = entry
        self._button = privacy_button
        self._inputs: dict[str, _Input] = {}
        self._free_until_ms = 0
        self._open_since_ms: int | None = None  # the door stands open
        self._closing_counts = False  # something about this opening was told: its end is, too
        self._ajar_told = False
        self._latched_ms = 0
        self._cards: list[tuple[int, str]] = []  # read by the lock: when, and the number
        self._card_ms: int | None = None  # when an open began whose card is still waited for
        self.throws = 0  # how often the bolt was felt to move with our own pulse, since the start
        if not (privacy_button and "privacy" in board.inputs):
            beliefs.privacy = False  # what another board's button latched; a switch tells its level with the first poll

    def poll(self, now_ms: int) -> None:
        """Look at every contact; write what happened. Raises OSError if it can't be kept."""
        for name in self._board.inputs:
            raw = self._board.read(name)
            seen = self._inputs.get(name)
            if seen is None:
                self._inputs[name] = _Input(raw)
                self._found(name, raw, now_ms)
            elif raw != seen.next:
                seen.next, seen.since_ms = raw, now_ms
                seen.ours = not self._bolt.idle
            elif raw != seen.level and now_ms - seen.since_ms >= _STEADY_MS:
                seen.level = raw
                self._moved(name, raw, seen.ours, now_ms)
        self._read_cards(now_ms)
        self._tick(now_ms)

    def _found(self, name: str, level: int, now_ms: int) -> None:
        """The level of a contact at the start."""
        if name == "privacy" and not self._button:
            self._beliefs.privacy = bool(level)
        elif name == "privacy":
            self._latched_ms = now_ms  # when it was pressed is not known any more
        elif name == "door" and level:
            self._open_since_ms = now_ms

    def _moved(self, name: str, level: int, ours: bool, now_ms: int) -> None:
        if name == "door":
            if level:
                self._door_opened(now_ms)
            else:
                self._door_closed()
        elif name == "privacy":
            self._privacy_moved(level, now_ms)
        elif level and name == "motor" and not ours:
            self._card_opened(now_ms)
        elif level and name == "handle":
            self._known_open("inside_open", now_ms)
            if self._button and self._beliefs.privacy:
                self._set_privacy(False)
        elif level and name == "bolt" and ours:
            self.throws += 1
        elif level and name == "bolt" and not self._expected(now_ms):
            self._known_open("mechanical_open", now_ms)
        elif level and name == "tamper":
            self._journal.write("tamper")

    def _card_opened(self, now_ms: int) -> None:
        """The lock opened by itself. Which card it was is known if it read exactly one about then; else it is null."""
        if self._card_ms is not None:
            self._tell_card()
        self._free_until_ms = now_ms + _FREE_MS
        self._card_ms = now_ms
        if self._board.card is None or len(self._numbers()) == 1:
            self._tell_card()

    def _numbers(self) -> set[str]:
        """The cards that may have opened the lock, as far as is known by now."""
        began_ms = self._card_ms or 0
        return {number for read_ms, number in self._cards if began_ms - read_ms <= _CARD_BEFORE_MS}

    def _tell_card(self) -> None:
        numbers = self._numbers()
        self._card_ms = None
        self._cards.clear()
        self._journal.write("card_open", card=numbers.pop() if len(numbers) == 1 else None)

    def _read_cards(self, now_ms: int) -> None:
        if self._board.card is None:
            return
        number = self._board.card.poll(now_ms)
        if number is not None:
            self._cards = [read for read in self._cards if now_ms - read[0] <= _CARD_BEFORE_MS][-3:]
            self._cards.append((now_ms, number))
        if self._card_ms is not None and (self._numbers() or now_ms - self._card_ms >= _CARD_AFTER_MS):
            self._tell_card()

    def _known_open(self, kind: str, now_ms: int, **fields: object) -> None:
        self._free_until_ms = now_ms + _FREE_MS
        self._journal.write(kind, **fields)

    def _expected(self, now_ms: int) -> bool:
        """Whether somebody opened in a way we know, just now."""
        return now_ms < self._free_until_ms or now_ms - self._entry.opened_ms < _FREE_MS

    def _door_opened(self, now_ms: int) -> None:
        self._open_since_ms = now_ms
        self._ajar_told = False
        self._closing_counts = False
        if self._expected(now_ms):
            return
        thrown = self._inputs.get("bolt")
        self._closing_counts = True
        # Open although the bolt is still out: force. Else it was let go in a way that nothing here sees.
        self._journal.write("forced" if thrown is not None and not thrown.level else "unknown_open")

    def _door_closed(self) -> None:
        self._open_since_ms = None
        if self._closing_counts:
            self._closing_counts = False
            self._journal.write("closed")

    def _privacy_moved(self, level: int, now_ms: int) -> None:
        if not self._button:
            self._set_privacy(bool(level))
        elif level:
            self._latched_ms = now_ms
            self._set_privacy(not self._beliefs.privacy)

    def _set_privacy(self, on: bool) -> None:
        """In force at once; the event follows."""
        if on != self._beliefs.privacy:
            if self._button:
                self._beliefs.latch(on)
            else:
                self._beliefs.privacy = on
            self._journal.write("privacy_on" if on else "privacy_off")

    def _tick(self, now_ms: int) -> None:
        """What only time brings: a door that stays open, a latch nobody released."""
        since_ms = self._open_since_ms
        if since_ms is not None and not self._ajar_told and now_ms - since_ms >= 1_000 * self._beliefs.ajar_s:
            self._ajar_told = True
            self._closing_counts = True
            self._journal.write("ajar")
        if (
            self._button
            and self._beliefs.privacy
            and "handle" not in self._board.inputs
            and now_ms - self._latched_ms >= _PRIVACY_MAX_MS
        ):
            self._set_privacy(False)
