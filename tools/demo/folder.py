"""The demo's data folder: what the demo made in it, who uses it now, and wiping nothing else."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MARKER = "demo.json"
_LOCK = "demo.lock"
# Everything that a run leaves here, by name: what has another name was put here by somebody and stays.
_MADE = (
    "lockmate.db", "lockmate.db-wal", "lockmate.db-shm", "master.key", "secret.key", "pki", "broker", "flash", "logs",
    "doors.json", MARKER,
)  # fmt: skip


class FolderError(Exception):
    """The folder can't be used for the demo; the sentence says why and what to do."""


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Use the folder alone. Raises FolderError if another demo uses it."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise FolderError(f"The data folder {folder} can't be used: {error.strerror}. "
                          "Choose another with LOCKMATE_DATA.") from None
    with os.fdopen(descriptor, "r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = lock.read().strip() or "unknown"
            raise FolderError(f"A demo runs already on {folder} (process {pid}). End it with Ctrl-C in its terminal, "
                              "or choose another folder with LOCKMATE_DATA.") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
        lock.seek(0)
        lock.truncate(0)


def wipe(folder: Path) -> None:
    """Remove what a demo made here, and nothing else."""
    for name in _MADE:
        place = folder / name
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)


def begin(folder: Path, *, fresh: bool) -> bool:
    """Make the folder ready; whether it holds a finished demo already. Raises FolderError if it is somebody else's."""
    marker = folder / MARKER
    strange = not marker.exists() and any((folder / name).exists() for name in _MADE)
    if strange:
        raise FolderError(f"{folder} holds data that the demo did not make, so it stays untouched. "
                          "Choose another folder with LOCKMATE_DATA.")
    made = marker.exists() and _state(marker) == "made"
    if fresh or not made:  # half made means that the first start was cut short: nothing in it is worth keeping
        wipe(folder)
        marker.write_text(json.dumps({"state": "making"}) + "\n", "utf-8")
        return False
    shutil.rmtree(folder / "logs", ignore_errors=True)
    return True


def finish(folder: Path) -> None:
    """From now on the data are worth keeping."""
    (folder / MARKER).write_text(json.dumps({"state": "made"}) + "\n", "utf-8")


def _state(marker: Path) -> str:
    try:
        return str(json.loads(marker.read_text("utf-8"))["state"])
    except (OSError, ValueError, KeyError, TypeError):
        return "unknown"
