"""What is done once, before the companion is there: the flash in both its parts, the configuration, or a stop for ever.

Its room on the heap is free when that is done.
"""

from companion.store import files
from companion.store.config import Config, ConfigError
from companion.store.layout import Store
from companion.store.rescue import Rescue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn


def read_config(folder: str, rescue: Rescue) -> "tuple[Config, str]":
    """The configuration, and a code if it is the copy's. Raises ConfigError.

    A file that is not there was taken away; one that can't be used went bad, and its copy counts.
    """
    path = folder + "/config.json"
    try:
        text = rescue.read("/config.json")
        if text is None:
            raise ConfigError("config_missing")
        return Config(text), ""
    except ConfigError:
        if not rescue.held or rescue.lost or files.absent(path):
            raise
    rescue.lost = True
    files.remove(path)
    text = rescue.read("/config.json") or b""
    found = Config(text)
    try:
        files.write(path, text)
        rescue.lost = False
    except OSError:
        pass  # from the copy at each boot, then
    return found, "config_restored"


def bring_up(board: "Any") -> "tuple[Store, Rescue, str]":
    """The flash in both its parts, and a code if the file system was lost. Raises OSError or ValueError."""
    store = Store(board.store())
    rescue = Rescue(store.rescue, board.files)
    try:
        board.mount()
        return store, rescue, ""
    except (OSError, ValueError):
        if not rescue.held:  # nobody's yet, or nothing is left of it: there is nothing to be put back
            raise
    try:
        board.format()
        rescue.restore()
        return store, rescue, "files_restored"
    except OSError:
        rescue.lost = True
        return store, rescue, "files_lost"


def stop(board: "Any", code: str) -> "NoReturn":
    """Nothing can be opened safely: say so and stay so. A restart would change nothing."""
    board.bolt.off()
    board.light("red", "pulse")
    board.trace(halted=code)
    print("halted:", code)
    board.halt()
    raise SystemExit
