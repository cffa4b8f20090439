"""The checks of the tree find what they are for, and this tree passes them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path, PurePath

import pytest

from tools.checks import firmware, packages, tree
from tools.checks.layers import layer_of
from tools.checks.tree import ROOT


def test_setup_cfg_lists_exactly_the_packages_of_the_tree() -> None:
    assert packages.faults() == []


def test_the_firmware_keeps_its_arrows() -> None:
    assert firmware.faults() == []


@pytest.mark.parametrize(
    ("package", "module"),
    [
        ("core", "os.path"),
        ("core", "time"),
        ("core", "machine.Pin"),
        ("core", "companion.store.beliefs"),
        ("net", "companion.door.entry"),
        ("store", "boards.sim.board"),
        ("net", "board.Board"),
        ("net", "socket"),
        ("door", "machine"),
        ("", "boards.sim"),
        ("core", "companion.main"),
    ],
)
def test_a_forbidden_import_of_the_firmware_is_found(package: str, module: str) -> None:
    assert firmware.complaint(package, module)


@pytest.mark.parametrize(
    ("package", "module"),
    [
        ("core", "micropython.const"),
        ("core", "companion.core.names"),
        ("store", "companion.core.mac"),
        ("net", "asyncio"),
        ("main", "board.Board"),
        ("door", "companion.store.beliefs"),
    ],
)
def test_an_allowed_import_of_the_firmware_is_left_alone(package: str, module: str) -> None:
    assert firmware.complaint(package, module) is None


def test_a_class_that_derives_from_another_modules_is_found(tmp_path: Path) -> None:
    file = tmp_path / "odd.py"
    file.write_text("import asyncio\nfrom companion.door.bolt import Bolt\n\n\nclass Twice(Bolt):\n    pass\n\n\n"
                    "class Stream(asyncio.StreamReader):\n    pass\n\n\nclass Ours(Stream):\n    pass\n")
    assert list(firmware.heirs(file)) == [(5, "Twice")]


def test_names_that_shortening_would_not_see_are_found(tmp_path: Path) -> None:
    file = tmp_path / "odd.py"
    file.write_text('def f(n, a0):\n    def g():\n        nonlocal n\n    hasattr(f, "_x")\n    try:\n        g()\n'
                    '    except OSError as n:\n        return f"{n}"\n')
    assert sorted(line for line, _ in firmware.hidden(file)) == [1, 3, 4, 7, 8]


@pytest.mark.parametrize(
    "line",
    [
        "cd " + "/wor" + "k/main && make",
        "see '" + "/ro" + "ot/.pyenv'",
        '"resolved": "https://registry.' + 'npmjs.org/x"',
        "-i https://py" + "pi.org/simple",
    ],
)
def test_a_machine_or_registry_is_found_in_a_line(line: str) -> None:
    assert list(tree.machine_names(Path("page.md"), line))


@pytest.mark.parametrize("line", ["/desk/work", "$HOME/work/x", "a/root/b", "/workers", "at work, at home"])
def test_ordinary_words_and_our_own_paths_are_left_alone(line: str) -> None:
    assert list(tree.machine_names(Path("page.md"), line)) == []


def test_a_file_without_a_first_line_or_with_too_many_is_found() -> None:
    assert list(tree.first_line(Path("a.py"), "x = 1\n"))
    assert list(tree.first_line(Path("a.py"), '"""Says so."""\n')) == []
    assert list(tree.length(Path("a.py"), "x\n" * 451))
    assert list(tree.length(Path("a.lock"), "x\n" * 4510)) == []


def test_a_test_belongs_to_the_layer_of_its_folder_and_pages_to_their_own() -> None:
    assert layer_of(PurePath("firmware/tests/test_gate.py"), set()) == "firmware"
    assert layer_of(PurePath("cloud/tests/web/test_desk.py"), set()) == "cloud"
    assert layer_of(PurePath("cloud/tests/web/test_desk.py"), {"browser"}) == "pages"
    assert layer_of(PurePath("elsewhere/test_x.py"), set()) == "other"


def test_the_seconds_of_a_test_count_for_its_layer_whichever_process_ran_it(tmp_path) -> None:
    (tmp_path / "firmware/tests").mkdir(parents=True)
    (tmp_path / "firmware/tests/test_one.py").write_text("def test_one(): pass\ndef test_two(): pass\n")
    (tmp_path / "test_other.py").write_text("def test_other(): pass\n")
    words = [sys.executable, "-m", "pytest", "-n", "2", "-p", "tools.checks.layers", "-p", "no:cacheprovider", "."]
    ran = subprocess.run(words, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True,
                         text=True, check=True)
    counts = re.findall(r"^(\w[\w ]+?) +(\d+) tests", ran.stdout, re.MULTILINE)
    assert counts == [("firmware", "2"), ("other", "1"), ("by the clock", "3")]
