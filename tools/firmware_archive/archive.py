"""Builds and reads firmware images: every source through mpy-cross, a manifest of hashes, one reproducible archive.

Nothing of the machine gets in: source names are relative, entries are sorted, times, owners and modes are constant.
The archive is a plain tar (ustar) whose first entry is `manifest.json`.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tools.firmware_folder import FIRMWARE
from tools.virtual.firmware import BuildError, compile_file, in_common, pack, sources

# MicroPython's names of native code, in the order of its own numbering (py/persistentcode.h): bits 10.. of
# `sys.implementation._mpy`. A board runs an image of its own only.
ARCHES = {1: "x86", 2: "x64", 10: "xtensawin", 11: "rv32imc"}
START = "main.py"
_MANIFEST = "manifest.json"
_VERSION = re.compile(r'^VERSION = "([^"]+)"', re.MULTILINE)
_NAME = re.compile(r"[a-z0-9_][\w.-]*(/[a-z0-9_][\w.-]*)*", re.ASCII)
_FILE_MAX = 256 * 1024


@dataclass(frozen=True, slots=True)
class FirmwareImage:
    """files: by their path inside a slot folder; start: the text of the board's `/main.py`."""

    version: str
    board: str  # "esp32" | "sim"
    arch: str
    start: bytes
    files: dict[str, bytes]

    @property
    def manifest(self) -> dict[str, object]:
        """What the archive says of itself."""
        hashes = {name: hashlib.sha256(body).hexdigest() for name, body in sorted(self.files.items())}
        return {
            "version": self.version, "board": self.board, "arch": self.arch,
            "start": hashlib.sha256(self.start).hexdigest(), "files": hashes,
        }  # fmt: skip

    @property
    def rom(self) -> bytes:
        """The files as one ROMFS image, for a board whose MicroPython runs code from there."""
        return pack(self.files)

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the manifest: the name of exactly these bytes."""
        return hashlib.sha256(_json(self.manifest)).hexdigest()


def build(arch: str, board: str = "esp32") -> FirmwareImage:
    """Compile the firmware of this tree for a chip's code (`ARCHES`) and a kind of board. Raises BuildError."""
    files: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        found = sources(board)
        known = in_common(found)
        for name, path in found.items():
            if name == START:
                continue  # `/main.py` is ours: it picks the slot
            if path.suffix == ".py":
                target = Path(folder) / "one.mpy"
                compile_file(arch, name, path, target, known)
                files[str(Path(name).with_suffix(".mpy"))] = target.read_bytes()
    if not any("/" not in name for name in files):
        raise BuildError(f"there is no firmware for the board {board}")
    said = _VERSION.search((FIRMWARE / "companion" / "main.py").read_text("utf-8"))
    if said is None:
        raise BuildError("companion/main.py names no VERSION")
    return FirmwareImage(said[1], board, arch, (FIRMWARE / "start.py").read_bytes(), files)


def to_tar(image: FirmwareImage) -> bytes:
    """The archive."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        parts = {_MANIFEST: _json(image.manifest), START: image.start}
        parts |= {f"slot/{name}": body for name, body in sorted(image.files.items())}
        for name, body in parts.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(body), 0o644
            tar.addfile(entry, io.BytesIO(body))
    return packed.getvalue()


def from_tar(packed: bytes) -> FirmwareImage:
    """Read an archive and check it against its manifest; raises ValueError."""
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:") as tar:
            parts = {entry.name: _body(tar, entry) for entry in tar}
        manifest = json.loads(parts.pop(_MANIFEST))
        start = parts.pop(START)
        files = {name.removeprefix("slot/"): body for name, body in parts.items()}
        image = FirmwareImage(str(manifest["version"]), str(manifest["board"]), str(manifest["arch"]), start, files)
    except (tarfile.TarError, KeyError, TypeError, EOFError) as broken:
        raise ValueError(f"not a firmware archive: {broken}") from broken
    if image.manifest != manifest or not all(_NAME.fullmatch(name) for name in files):
        raise ValueError("the archive is not what its manifest says")
    return image


def _body(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    opened = tar.extractfile(entry) if entry.isfile() and entry.size <= _FILE_MAX else None
    if opened is None:
        raise ValueError(f"{entry.name} has no place in a firmware archive")
    return opened.read()


def _json(document: dict[str, object]) -> bytes:
    return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"
