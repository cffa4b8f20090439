"""How the raw flash beside the file system is shared out: what was learned, the keys, the policy, the journal.

What is in it belongs to one companion: an installer's tool erases it whole when the board becomes another one.
"""

from companion.store.raw import Area

TYPE_CHECKING = False
if TYPE_CHECKING:
    from companion.store.raw import Flash

BLOCKS_LEAST = 24
_JOURNAL_MOST = 28  # blocks; more would hold more days without a network, and more of the heap


class Store:
    """The areas of a board's raw flash. `journal` is what the others leave, up to 28 blocks."""

    def __init__(self, flash: "Flash") -> None:
        """Raises ValueError if the flash is too small."""
        whole = Area(flash)
        if whole.count < BLOCKS_LEAST:
            raise ValueError("store too small")
        self.learned = (whole.part(0, 2), whole.part(2, 2))
        self.trust = whole.part(4, 2)
        self.policy = whole.part(6, 4)
        self.rescue = whole.part(10, 4)
        self.journal = whole.part(14, min(whole.count - 14, _JOURNAL_MOST))
