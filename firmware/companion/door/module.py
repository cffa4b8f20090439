"""Keeps the barcode module as we want it: set up at the start, looked at again now and then and after junk.

A code on somebody's phone may be one that sets a module up. Where the module can be told not to obey such codes it is;
whatever it is, it is looked at again, so that nothing that was scanned lasts.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from companion.door.exchange import Port
    from companion.store.journal import Journal

_OFTEN_MS = 600_000
_AFTER_JUNK_MS = 10_000
_SILENT_MS = 60_000


class Module:
    """One module. `pause_ms`: a silence that ends a line, 0 where a character does."""

    def __init__(self, name: str, port: "Port", journal: "Journal", now_ms: int) -> None:
        """name: gm65, gm67, m5, or "" or "plain" for one that nobody here sets up."""
        self._driver = None
        self.pause_ms = 0
        if name and name != "plain":
            path = "companion.door." + name
            __import__(path)  # only the one that is there, so that the others take no memory
            self._driver = sys.modules[path]
            self.pause_ms = self._driver.PAUSE_MS
        self._port = port
        self._journal = journal
        self._due_ms = now_ms
        self._silent = False
        self._known = False

    def due(self, now_ms: int) -> bool:
        """Whether it is time for a look."""
        return self._driver is not None and now_ms >= self._due_ms

    def junk(self, now_ms: int) -> None:
        """Something came that was no key: look soon."""
        self._due_ms = min(self._due_ms, now_ms + _AFTER_JUNK_MS)

    async def look(self, now_ms: int) -> None:
        """Set it up; one that fell silent or was changed is an event, once. Raises OSError if that can't be kept."""
        if self._driver is None:
            return
        changed = await self._driver.setup(self._port)
        self._due_ms = now_ms + (_SILENT_MS if changed is None else _OFTEN_MS)
        if changed is None and not self._silent:
            self._journal.write("fault", code="scanner_silent")
        elif changed and self._known:
            self._journal.write("fault", code="scanner_changed", count=changed)
        self._silent = changed is None
        self._known = self._known or changed is not None
