"""Remembers when each event of this boot was first handed to the network: t0 of a fresh ack (protocol section 5)."""

_BATCHES = 12  # more than may be unacknowledged at once


class Handed:
    """First hand-overs, in order. An event sent again keeps its first time, even when that was forgotten."""

    def __init__(self, boot_seq: int) -> None:
        """boot_seq: the first event of this boot; older ones give no time."""
        self._batches: list[tuple[int, int, int]] = []
        self.forget(boot_seq)

    def forget(self, first: int) -> None:
        """Know nothing of events before `first`: they give no time any more."""
        self._next = first
        self._batches.clear()

    def note(self, last: int, now_ms: int) -> None:
        """Events up to `last` are handed over at `now_ms`, some of them perhaps again."""
        if last < self._next:
            return
        if len(self._batches) == _BATCHES:
            self._batches.pop(0)
        self._batches.append((self._next, last, now_ms))
        self._next = last + 1

    def first(self, seq: int) -> int | None:
        """When event `seq` was first handed over, monotonic ms; None if that isn't known."""
        for start, last, at in self._batches:
            if start <= seq <= last:
                return at
        return None
