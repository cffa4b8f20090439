"""Where firmware and MicroPython come from: files that the user gives, this tree, or the list of pins."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path

from tools.firmware_archive import BuildError, FirmwareImage, build, from_tar, to_tar
from tools.installer import partitions, pins
from tools.installer.cloud import home, write_private
from tools.installer.trouble import Trouble
from tools.virtual.firmware import fingerprint, locked

_USUAL = 90_000  # bytes of firmware, for a bar before it is known


def firmware(archive: Path | None, kept: Path | None = None) -> Callable[[str, str], FirmwareImage]:
    """What gives the firmware for a board's code and kind: an archive, else this tree's, built and `kept` in a folder
    (the tool's own unless told). Raises Trouble.
    """
    if archive is None:
        return lambda arch, board: _built(arch, board, kept or home() / "firmware")
    try:
        image = from_tar(archive.read_bytes())
    except OSError as error:
        raise Trouble("file_open", file=archive, why=error.strerror) from error
    except ValueError as error:
        raise Trouble("file_wrong", file=archive, why=error) from error
    return lambda _arch, _board: image


def _built(arch: str, board: str, kept: Path) -> FirmwareImage:
    """This tree's firmware; compiled once for all boards on a hub, and not again before a source changes."""
    try:
        name, version = f"{board}-{arch}", fingerprint(arch, board)
        place = kept / f"{name}-{version[:16]}.tar"
        with locked(kept):
            if place.exists():
                with contextlib.suppress(ValueError):  # spoilt: made anew
                    return from_tar(place.read_bytes())
            image = build(arch, board)
            for former in kept.glob(f"{name}-*.tar"):
                former.unlink()
            write_private(place, to_tar(image))
            return image
    except BuildError as error:
        raise Trouble("no_firmware_image", why=error) from error


def micropython(image: Path | None, sha256: str, version: str, listed: Path | None,
                kept: Path) -> Callable[[str], bytes]:
    """What gives MicroPython for a chip: the user's file, else by the pins. Raises Trouble.

    sha256: what the file's must be, in hex; "" for any: then a pin says whether it is known.
    """
    if image is not None:
        try:
            content = image.read_bytes()
        except OSError as error:
            raise Trouble("file_open", file=image, why=error.strerror) from error
        found = hashlib.sha256(content).hexdigest()
        if sha256 and found != sha256.strip().lower():
            raise Trouble("image_wrong", why=f"SHA-256 {found[:16]}… ≠ {sha256.strip().lower()[:16]}…")
        partitions.read_image(content)
        return lambda _chip: content
    named = None if listed is None else pins.read(listed)
    return lambda chip: pins.fetch(named if named is not None else pins.known(kept), chip, version, kept)


def size(archive: Path | None) -> int:
    """About how many bytes will be written."""
    return archive.stat().st_size if archive is not None and archive.exists() else _USUAL


def pin(image: Path, kept: Path) -> str:
    """Pin an image that the user trusts, so that `flash` takes it by itself; the pin's lines. Raises Trouble."""
    try:
        content = image.read_bytes()
    except OSError as error:
        raise Trouble("file_open", file=image, why=error.strerror) from error
    return pins.add(content, image, kept)
