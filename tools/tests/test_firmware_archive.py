"""Firmware archives: the same commit gives the same bytes, and what was changed on the way is refused."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.firmware_archive import build, from_tar, to_tar

ROOT = Path(__file__).parents[2]


def test_two_copies_of_the_tree_give_the_same_bytes(tmp_path):
    found = set()
    for name in ("one", "another place"):
        copy = tmp_path / name
        for part in ("firmware", "tools"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__", "tests"))
        words = ["-m", "tools.firmware_archive", "--board", "sim", "--arch", "x86", "--out", str(copy / "out")]
        done = subprocess.run([sys.executable, *words], cwd=copy, capture_output=True, text=True, check=False,
                              env={"PYTHONPATH": str(copy), "PATH": "/usr/bin:/bin"})  # fmt: skip
        assert done.returncode == 0, done.stderr
        archive = next((copy / "out").iterdir())
        found.add(hashlib.sha256(archive.read_bytes()).hexdigest())
        assert done.stdout.split()[0] in found
    assert len(found) == 1


@pytest.fixture(scope="module")
def packed():
    return to_tar(build("x86", "sim"))


def test_an_archive_is_read_as_it_was_made(packed):
    image = from_tar(packed)
    assert to_tar(image) == packed
    assert {"companion/main.mpy", "board.mpy"} <= set(image.files)
    assert image.start == (ROOT / "firmware" / "start.py").read_bytes()


@pytest.mark.parametrize("wrong", ["cut", "a changed byte", "empty", "another file"])
def test_what_was_changed_on_the_way_is_refused(packed, wrong):
    at = packed.index(b"slot/companion/main.mpy") + 700
    changed = {
        "cut": packed[: len(packed) // 2], "empty": b"", "another file": b"hello" * 1000,
        "a changed byte": packed[:at] + bytes([packed[at] ^ 1]) + packed[at + 1 :],
    }[wrong]  # fmt: skip
    with pytest.raises(ValueError):
        from_tar(changed)
