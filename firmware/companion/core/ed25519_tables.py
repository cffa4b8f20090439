"""The comb tables in RAM: the base point's and that of the key used last, in buffers taken once and for all.

A table is made on the board itself, or taken from a shelf, where tables outlive a reboot (store/shelf.py).
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Protocol

    # (offset, piece) in order; empty ones where only time passed
    Pieces = Generator[tuple[int, bytes | bytearray | memoryview], None, None]

    class Shelf(Protocol):
        """A place where tables outlive a reboot. Only tables of checked keys are ever kept there."""

        def has(self, engine: str, public_key: bytes) -> bool:
            """Whether there is a table of this key; whether it is whole, `load` tells."""

        def load(self, engine: str, public_key: bytes, table: bytearray) -> bool:
            """Fills `table`; False if there is none, or none that is whole."""

        def keep(self, engine: str, public_key: bytes, pieces: Pieces) -> Pieces:
            """Passes the pieces on while it keeps them."""

    class Maker(Protocol):
        """What makes an engine's tables."""

        def decode(self, public_key: bytes) -> tuple[int, int] | None: ...

        def is_of_order_l(self, point: tuple[int, int]) -> bool: ...

        def build(self, point: tuple[int, int], table: bytearray | None = None) -> Pieces:
            """Makes a table in slices, in place where one is given."""

    class Engine(Protocol):
        """What an engine module offers."""

        NAME: str
        TABLE: int  # bytes of a table, below 8 KB in one piece

        def base(self) -> bytes | bytearray | None:
            """The base point's table where the engine brings it, else None."""

        def maker(self) -> Maker:
            """What makes its tables."""

        def holds(
            self,
            base: bytes | bytearray,
            key: bytes | bytearray,
            public_key: bytes,
            message: bytes,
            signature: bytes,
            rest: bytes | memoryview = b"",
        ) -> bool: ...

BASE_ENCODED = b"Xfffffffffffffffffffffffffffffff"  # of the base point: y = 4/5, little-endian 0x58 and then 0x66
TEETH = 7
COLUMNS = 37
ENTRIES = 64  # of the comb (ed25519_plain tells the method)


class Tables:
    """The tables of one engine: `base`, and one key's at a time."""

    def __init__(self, engine: "Engine") -> None:
        """Takes the buffers, so that they are there whatever becomes of the heap."""
        self.engine = engine
        brought = engine.base()
        self._has_base = brought is not None
        self.base: bytes | bytearray = bytearray(engine.TABLE) if brought is None else brought
        self._table = bytearray(engine.TABLE)
        self._key: bytes | None = None

    def bring_base(self, shelf: "Shelf | None") -> None:
        """Fills `base`, unless the engine brought it."""
        if not self._has_base and isinstance(self.base, bytearray):
            self._fill(BASE_ENCODED, self.base, shelf)

    def of(self, public_key: bytes, shelf: "Shelf | None") -> bytearray:
        """The table of this key, loaded or made if it is not the one in RAM. ValueError for a key that is not good."""
        if self._key != public_key:
            self._key = None  # a fill that fails leaves the buffer empty
            self._fill(public_key, self._table, shelf)
            self._key = public_key
        return self._table

    def check(self, public_key: bytes) -> tuple[int, int]:
        """The point of a key that is a canonical encoding and of order L; else ValueError."""
        from companion.core import ed25519_curve as curve  # it takes room on the heap only meanwhile

        maker = self.engine.maker()
        point = maker.decode(public_key)
        if point is None:
            raise ValueError("not a canonical encoding of a point")
        if curve.is_small(public_key):
            raise ValueError("a point of small order")
        if not maker.is_of_order_l(point):
            raise ValueError("a point of mixed order")
        return point

    def make(self, public_key: bytes, shelf: "Shelf | None", table: bytearray | None = None) -> "Pieces":
        """Checks a key and makes its table in slices, in place where one is given; a shelf keeps it.

        ValueError for a key that is not good.
        """
        pieces = self.engine.maker().build(self.check(public_key), table)
        return pieces if shelf is None else shelf.keep(self.engine.NAME, public_key, pieces)

    def _fill(self, public_key: bytes, table: bytearray, shelf: "Shelf | None") -> None:
        if shelf is not None and shelf.load(self.engine.NAME, public_key, table):
            return
        for _ in self.make(public_key, shelf, table):
            pass
