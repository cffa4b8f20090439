"""Makes and reads flash images: littlefs version 2, as the companion's own VfsLfs2 mounts it, and the raw store."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from littlefs import LittleFS, LittleFSError, UserContext

BLOCK = 4096
SIZE = 256 * 1024  # of the file system
STORE = 40 * BLOCK  # firmware/boards/sim/flash_file.py
_IO = 32  # read and program size: MicroPython's own defaults for VfsLfs2


class ImageError(Exception):
    """The image does not hold a file system that can be read, or the files do not fit."""


def _file_system(content: bytes | None, size: int) -> tuple[LittleFS, UserContext]:
    memory = UserContext(size)
    if content is not None:
        memory.buffer[:] = content
    try:
        flash = LittleFS(
            context=memory, mount=False, block_size=BLOCK, block_count=size // BLOCK, read_size=_IO, prog_size=_IO,
            cache_size=4 * _IO, lookahead_size=_IO,
        )  # fmt: skip
        if content is None:
            flash.format()
        flash.mount()
    except LittleFSError as broken:
        raise ImageError(f"not a littlefs image: {broken}") from broken
    return flash, memory


def make_image(path: Path, files: dict[str, bytes], *, size: int = SIZE, store: bytes = b"\xff" * STORE) -> Path:
    """Write a fresh image that holds `files`, by absolute path; parent folders are made.

    size: of its file system, bytes. store: the raw flash behind it, else erased.
    """
    flash, memory = _file_system(None, size)
    try:
        for name in sorted(files):
            place = PurePosixPath("/") / name
            if place.parent != PurePosixPath("/"):
                flash.makedirs(str(place.parent), exist_ok=True)
            with flash.open(str(place), "wb") as target:
                target.write(files[name])
    except LittleFSError as full:
        raise ImageError(f"the files do not fit into {size} bytes: {full}") from full
    flash.unmount()
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # it holds a link key and a private key
    with os.fdopen(descriptor, "wb") as target_file:
        target_file.write(bytes(memory.buffer) + store)
    fresh.replace(path)
    return path


def replace_files(path: Path, files: dict[str, bytes]) -> None:
    """Put other files on an image; its store stays."""
    content = path.read_bytes()
    make_image(path, files, size=len(content) - STORE, store=content[-STORE:])


def read_image(path: Path) -> dict[str, bytes]:
    """Every file of an image by its absolute path. Raises ImageError."""
    content = path.read_bytes()
    if len(content) <= STORE or len(content) % BLOCK:
        raise ImageError(f"{path.name} is no whole number of {BLOCK}-byte blocks")
    content = content[:-STORE]
    flash, _memory = _file_system(content, len(content))
    found: dict[str, bytes] = {}
    try:
        for folder, _folders, names in flash.walk("/"):
            for name in names:
                place = str(PurePosixPath(folder) / name)
                with flash.open(place, "rb") as source:
                    found[place] = source.read()
    except LittleFSError as broken:
        raise ImageError(f"{path.name} can't be read: {broken}") from broken
    flash.unmount()
    return found
