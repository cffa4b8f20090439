"""A record kept twice, in two places with an age and a checksum each, so that neither a cut nor a bad block loses it.

A write goes to the first place and is durable on return; `settle` brings the second one up to it, later, when nobody
waits. Either may then be lost without losing the record.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Place(Protocol):
        """See store/places.py."""

        age: int
        damaged: bool

        def read(self) -> bytes | None:
            """The body, None if it is not right any more."""

        def put(self, age: int, body: bytes) -> None:
            """Replace the record; OSError if it can't be."""

        def erase(self) -> None:
            """Forget it."""

        def tend(self) -> bool:
            """Do a little of what can be done ahead; False if there was nothing."""


class Slots:
    """One record in two places. `damaged` counts places that were not right, or behind, at first."""

    def __init__(self, first: "Place", second: "Place") -> None:
        self._places = (first, second)
        self._behind = False  # the second place could not be written: it is left alone until the next boot
        # the first place is always written first: one that is older has lost something
        self.damaged = int(first.damaged or first.age < second.age) + second.damaged

    @property
    def untouched(self) -> bool:
        """Whether there was never anything here, good or not."""
        return self.damaged == 0 and self._age() == 0

    def read(self) -> bytes | None:
        """The newest record, None if there is no good one."""
        first, second = self._places
        places = (first, second) if first.age >= second.age else (second, first)
        for place in places:
            body = place.read() if place.age else None
            if body is not None:
                return body
        return None

    def write(self, body: bytes) -> None:
        """Keep a new record, durable on return. Raises OSError if no place takes it; the former one then stands."""
        age = self._age() + 1
        try:
            self._places[0].put(age, body)
        except OSError:
            self._places[1].put(age, body)

    def settle(self) -> bool:
        """Bring the older place up to the newest record, or do a little ahead; False if nothing was to do.

        Where the heap has no room for the record just now, that waits for the next call.
        """
        first, second = self._places
        if first.age != second.age and not self._behind:
            try:
                body = self.read()
            except MemoryError:
                return False
            if body is not None:
                behind = first if first.age < second.age else second
                try:
                    behind.put(self._age(), body)
                    return True
                except OSError:
                    self._behind = True
        return first.tend() or second.tend()

    def erase(self) -> None:
        """Forget the record."""
        for place in self._places:
            place.erase()

    def _age(self) -> int:
        return max(self._places[0].age, self._places[1].age)
