"""Who the companion is, kept beside the file system too: a door whose littlefs is gone opens for its guests yet.

The files are those that an installer writes. The copy is brought up to them when nobody waits.
"""

from companion.store import files
from companion.store.places import Cell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from companion.store.raw import Area

NAMES = ("/config.json", "/ca.der", "/cert.der", "/key.der")
_SIZE = 2  # bytes of a length


class Rescue:
    """The copy. `lost`: the file system can't be used, so that it counts."""

    def __init__(self, area: "Area", folder: str) -> None:
        """folder: where the files are."""
        self._cell = Cell(area)
        self._folder = folder
        self.lost = False

    @property
    def held(self) -> bool:
        """Whether there is a copy."""
        return self._cell.age > 0

    def read(self, name: str) -> bytes | None:
        """A file, or its copy if the file system is lost; None if there is none."""
        found = files.read(self._folder + name)
        return self._copy(name) if found is None and self.lost else found

    def keep(self) -> bool:
        """Bring the copy up to the files; True if it was not. Raises OSError."""
        if self.lost:
            return False
        body = bytearray()
        for name in NAMES:
            part = files.read(self._folder + name) or b""
            body.extend(len(part).to_bytes(_SIZE, "big"))
            body.extend(part)
        if self._cell.holds(body):
            return False
        self._cell.put(self._cell.age + 1, body)
        return True

    def restore(self) -> None:
        """Write the files anew. Raises OSError."""
        for name in NAMES:
            part = self._copy(name)
            if part is not None:
                files.write(self._folder + name, part)

    def _copy(self, name: str) -> bytes | None:
        body = self._cell.read() or b""
        at = 0
        for each in NAMES:
            end = at + _SIZE + int.from_bytes(body[at : at + _SIZE], "big")
            if each == name:
                return body[at + _SIZE : end] or None
            at = end
        return None
