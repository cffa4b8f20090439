"""Files that are either wholly old or wholly new after a power cut: write new, flush, rename."""

import os

_NEW = ".new"
_ENOENT = 2


def read(path: str) -> bytes | None:
    """The file's bytes, None if it is not there or can't be read."""
    try:
        with open(path, "rb") as source:
            return source.read(os.stat(path)[6])  # in one piece of memory: without a size it grows from piece to piece
    except OSError:
        return None


def exists(path: str) -> bool:
    """Whether there is such a file."""
    try:
        os.stat(path)
    except OSError:
        return False
    return True


def absent(path: str) -> bool:
    """Whether there surely is no such file; a file system that is broken does not know."""
    try:
        os.stat(path)
    except OSError as why:
        return why.errno == _ENOENT
    return False


def write(path: str, *parts: bytes) -> None:
    """Put a file in place durably; on return it is on flash. Raises OSError (28: no space)."""
    fresh = path + _NEW
    with open(fresh, "wb") as target:
        for part in parts:
            target.write(part)
        target.flush()
    os.rename(fresh, path)


def append(path: str, data: bytes) -> None:
    """Add to a file durably; on return it is on flash. Raises OSError."""
    with open(path, "ab") as target:
        target.write(data)
        target.flush()


def remove(path: str) -> None:
    """Remove a file; no matter if it is not there."""
    try:
        os.remove(path)
    except OSError:
        pass


def names(folder: str) -> list[str]:
    """Names in a folder, sorted, what a cut left half-written swept away; the folder is made if it is not there."""
    try:
        found = os.listdir(folder)
    except OSError:
        os.mkdir(folder)
        return []
    for name in found:
        if name.endswith(_NEW):
            remove(folder + "/" + name)
    return sorted([name for name in found if not name.endswith(_NEW)])
