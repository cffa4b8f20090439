"""The simulated board's firmware and flash image, as the harness makes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.virtual import firmware
from tools.virtual.image import STORE, ImageError, make_image, read_image


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
