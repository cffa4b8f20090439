"""From a bare board to one that holds our firmware: MicroPython by esptool where it is missing, then the files."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from tools.firmware_archive import FirmwareImage
from tools.installer import chips, on_board
from tools.installer.board import Board, Report, open_board
from tools.installer.trouble import Trouble

_BLOCK = 4096
_ROM = ".romfs"
# bytes for Python without a ROMFS: 160 KB for the firmware in memory (docs/decisions/0016) and TLS beside it
_FILES_NEED = 240 * 1024
_BOOT_S = 10.0  # MicroPython makes its file system at the first boot
Told = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Flashed:
    """What a board holds now; `did`: "micropython", "firmware", both, or nothing where all was right already."""

    serial: str
    chip: str
    firmware: str
    digest: str
    did: tuple[str, ...]
    seconds: float


def flash(port: str, image_for: Callable[[str, str], FirmwareImage], micropython_for: Callable[[str], bytes] | None,
          *, anew: bool = False, told: Told = lambda _n: None) -> Flashed:
    """Bring the board on a port to the newest firmware. Safe to repeat: what is right is left as it is.

    image_for(arch, board): the firmware for what was found. micropython_for(chip): an image of MicroPython, asked for
    only where the board has none, or `anew`; None: there is none to be had. Raises Trouble.
    """
    begun = time.monotonic()
    did: list[str] = []
    if anew or not _answers(port):
        if micropython_for is None:
            raise Trouble("board_silent", port=port)
        chip = chips.look(port)
        chips.write_micropython(port, chip, micropython_for(chip.name))
        did.append("micropython")
        _await(port)
    with open_board(port) as board:
        board.quiet()
        report = board.report()
        image = image_for(report.arch, report.board)
        if image.arch != report.arch or image.board != report.board:
            raise Trouble(
                "wrong_firmware", firmware=f"{image.board}/{image.arch}", board=f"{report.board}/{report.arch}"
            )
        if not report.rom and report.memory < _FILES_NEED:
            raise Trouble("no_romfs", memory=report.memory // 1024, least=_FILES_NEED // 1024)
        if not is_right(report, image):
            _write(board, report, image, told)
            did.append("firmware")
    return Flashed(report.serial, report.chip, image.version, image.digest, tuple(did), time.monotonic() - begun)


def is_right(report: Report, image: FirmwareImage) -> bool:
    """Whether the slot that starts holds exactly this firmware."""
    files = {_ROM: image.rom} if report.rom else image.files
    wanted = {name: hashlib.sha256(body).hexdigest() for name, body in files.items()}
    return report.firmware == wanted and report.start == hashlib.sha256(image.start).hexdigest()


def _write(board: Board, report: Report, image: FirmwareImage, told: Told) -> None:
    """Into the slot that does not start, read back, and only then named: a pulled cable leaves the old one whole."""
    slot = report.slot if not report.firmware else next(name for name in on_board.SLOTS if name != report.slot)
    if report.rom:
        if len(image.rom) > report.rom:
            raise Trouble("firmware_large", size=len(image.rom) // 1024, most=report.rom // 1024)
        board.put_rom(on_board.SLOTS.index(slot) * report.rom, image.rom, told)
    else:
        slot = _write_files(board, report, slot, image, told)
    board.replace_all({"/main.py": image.start})
    board.replace_all({"/slot": slot.encode()})
    after = board.report()
    if after.slot != slot or not is_right(after, image):
        raise Trouble("read_back", file="/slot")


def _write_files(board: Board, report: Report, slot: str, image: FirmwareImage, told: Told) -> str:
    """Into a folder of the file system, where MicroPython has no ROMFS; which one it was."""
    if report.firmware and not report.slots.get(slot) and report.free < _room(image):
        slot = report.slot  # 4 MB hold one firmware: in place, file by file, and a second call mends what a cut left
    stale = sorted(set(report.slots.get(slot, {})) - set(image.files))
    if stale:
        board.remove(*(f"/{slot}/{name}" for name in stale))
    board.put_all({f"/{slot}/{name}": body for name, body in image.files.items()}, told)
    return slot


def _room(image: FirmwareImage) -> int:
    """Bytes that a slot takes on littlefs: whole blocks, and two of them for each folder."""
    folders = {str(PurePosixPath(name).parent) for name in image.files}
    return sum(-(-len(body) // _BLOCK) * _BLOCK for body in image.files.values()) + (len(folders) + 1) * 2 * _BLOCK


def _answers(port: str) -> bool:
    """Whether MicroPython is there. Trouble with the cable itself is raised."""
    try:
        with open_board(port):
            return True
    except Trouble as trouble:
        if trouble.code != "board_silent":
            raise
        return False


def _await(port: str) -> None:
    """Until MicroPython answers after its first boot."""
    until = time.monotonic() + _BOOT_S
    while not _answers(port):
        if time.monotonic() >= until:
            raise Trouble("board_silent", port=port)
