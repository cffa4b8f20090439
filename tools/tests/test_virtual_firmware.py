"""The simulated board's firmware and flash image, as the harness makes them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tools.virtual import firmware
from tools.virtual.image import STORE, ImageError, make_image, read_image
from tools.virtual.lean import common, lean


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.mpy")}


@pytest.mark.parametrize("word", [32, 64])
def test_two_builds_are_the_same_to_the_byte(tmp_path: Path, word: int) -> None:
    first = firmware.build(word, out=tmp_path / "first")
    second = firmware.build(word, out=tmp_path / "second")
    assert tree(first) == tree(second)
    assert {"board.mpy", "companion/main.mpy", "companion/core/gate.mpy"} <= set(tree(first))


def test_nothing_is_compiled_again_without_need(tmp_path: Path) -> None:
    folder = firmware.build(32, out=tmp_path)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.mpy")}
    firmware.build(32, out=tmp_path)
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*.mpy")}
    lost = folder / "companion" / "main.mpy"
    lost.unlink()
    firmware.build(32, out=tmp_path)
    assert lost.exists()


def test_no_path_of_the_machine_gets_into_the_firmware(tmp_path: Path) -> None:
    for name, content in tree(firmware.build(32, out=tmp_path)).items():
        assert str(firmware.ROOT).encode() not in content, name


SOURCE = """TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any
_WAIT_MS = 2 * 1_000  # a while
_LONG = (
    _WAIT_MS << 3
)
_changed = 0
_BIG = 1 << 40
SHOWN = 7


def work(n: "Any") -> int:
    global _changed
    _changed += n
    return _changed + _WAIT_MS + _LONG + _BIG + SHOWN


print(work(5))
"""


def test_what_no_board_needs_is_left_out_and_every_line_keeps_its_number() -> None:
    lines = lean(SOURCE).splitlines()
    assert lines[:3] == ["", "", ""]
    assert lines[3] == "_WAIT_MS = const(2 * 1_000)  # a while"
    assert lines[7:10] == ["_changed = 0", "_BIG = 1 << 40", "SHOWN = 7"]
    assert len(lines) == len(SOURCE.splitlines())


USES = """
from a import (
    SHOWN,
    work as works,
)
from b import LEAST, Lock


class Door:
    _at = LEAST

    def opens(self, lock: Lock, most: int = 3, *, now: int) -> int:
        return works(lock.turn(most=most)) + SHOWN + self._at + now + lock.ASKED
"""


def test_numbers_stand_where_other_modules_named_them_and_private_names_and_parameters_are_short() -> None:
    known = common({"a": SOURCE, "b": "LEAST = -4\nASKED = 5\n_in = LEAST\n", "c": USES})
    assert known.numbers == {"a": {"SHOWN": 7}, "b": {"LEAST": -4, "ASKED": 5}}
    lines = lean(USES, known).splitlines()
    assert lines[1:6] == ["from a import work as works", "", "", "", "from b import Lock"]
    assert lines[9] == "    _0 = -4"
    assert lines[11] == "    def opens(self, a1: Lock, most: int = 3, *, now: int) -> int:"
    assert lines[12] == "        return works(a1.turn(most=most)) + 7 + self._0 + now + a1.ASKED"
    assert lean("LEAST = -4\nASKED = 5\n_in = LEAST\n", known) == "_0 = const(-4)\nASKED = 5\n_1 = const(_0)\n"
    assert "_changed" not in lean(SOURCE, known) and len(lean(SOURCE, known).splitlines()) == len(SOURCE.splitlines())


def test_code_runs_from_a_rom_image_as_it_does_from_source(tmp_path: Path) -> None:
    (tmp_path / "work.py").write_text(SOURCE)
    firmware.compile_file("x86", "work.py", tmp_path / "work.py", tmp_path / "work.mpy", common({"work": SOURCE}))
    (tmp_path / "companion").mkdir()
    (tmp_path / "work.mpy").rename(tmp_path / "companion" / "main.mpy")
    (tmp_path / "rom").write_bytes(firmware.pack(firmware.compiled(tmp_path)))
    command = [firmware.binary(), "-m", "on_board_rom", "--rom", tmp_path / "rom"]
    environment = {"MICROPYPATH": str(firmware.loader())}
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert said.stdout == f"{5 + 2_000 + 16_000 + (1 << 40) + 7}\n"


def test_an_image_holds_what_was_put_in(tmp_path: Path) -> None:
    files = {"/config.json": b"{}", "/policy": bytes(range(256)) * 16, "/beliefs/learned.a": b"", "/a/b/c": b"deep"}
    image = make_image(tmp_path / "flash.img", files)
    assert image.stat().st_size == 256 * 1024 + STORE
    assert image.stat().st_mode & 0o777 == 0o600
    assert read_image(image) == files


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "noise").write_bytes(b"\x5a" * (256 * 1024 + STORE))
    (tmp_path / "short").write_bytes(b"abc")
    for name in ("noise", "short"):
        with pytest.raises(ImageError):
            read_image(tmp_path / name)
    with pytest.raises(ImageError):
        make_image(tmp_path / "full", {"/big": bytes(300_000)})
