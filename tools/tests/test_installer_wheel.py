"""What `pip install 'lockmate[installer]'` puts on a laptop is the whole tool: firmware to compile, pin-outs."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile

import pytest

from tools import pinout
from tools.firmware_folder import FIRMWARE
from tools.virtual.firmware import compile_file, fingerprint, sources

ROOT = FIRMWARE.parent
PARTS = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "cloud", "firmware", "tools")
LEFT = shutil.ignore_patterns("__pycache__", "tests", "vendor", "*.egg-info")
GATE = "companion/core/gate.py"
PROGRAM = f"""
import hashlib, json, pathlib
from tools import firmware_folder, pinout
from tools.virtual.firmware import compile_file, fingerprint, sources
one = pathlib.Path("one.mpy")
compile_file("xtensawin", "{GATE}", sources("esp32")["{GATE}"], one)
prints = [fingerprint("xtensawin", board) for board in ("esp32", "sim")]
print(json.dumps([str(firmware_folder.FIRMWARE), prints, hashlib.sha256(one.read_bytes()).hexdigest(), pinout.names()]))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A wheel of this tree, unpacked: what pip would put beside the other packages."""
    tree, made, place = (tmp_path_factory.mktemp(name) for name in ("tree", "made", "place"))
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, tree / part, ignore=LEFT)
        else:
            shutil.copy(source, tree / part)
    words = ["wheel", "--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(made), str(tree)]
    done = subprocess.run([sys.executable, "-m", "pip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(made.glob("*.whl"))) as wheel:
        wheel.extractall(place)
    return place


def typed(installed, tmp_path, *words):
    """A program beside the unpacked packages, away from the tree."""
    around = {**os.environ, "PYTHONPATH": str(installed), "LOCKMATE_INSTALLER_HOME": str(tmp_path / "home")}
    words = (sys.executable, *words)
    return subprocess.run(words, cwd=tmp_path, env=around, capture_output=True, text=True, check=False)


def test_an_installed_tool_makes_the_trees_firmware_and_knows_every_pin_out(installed, tmp_path):
    done = typed(installed, tmp_path, "-c", PROGRAM)
    assert done.returncode == 0, done.stderr
    place, prints, compiled, names = json.loads(done.stdout)
    assert place == str(installed / "lockmate_firmware")
    assert prints == [fingerprint("xtensawin", board) for board in ("esp32", "sim")]
    compile_file("xtensawin", GATE, sources("esp32")[GATE], tmp_path / "ours.mpy")
    assert compiled == hashlib.sha256((tmp_path / "ours.mpy").read_bytes()).hexdigest()
    assert names == pinout.names() != []


def test_an_installed_tool_needs_no_web_server_and_speaks(installed, tmp_path):
    looked = "import sys; sys.modules.update(dict.fromkeys(('flask', 'peewee'))); import tools.installer.cli"
    assert typed(installed, tmp_path, "-c", looked).returncode == 0
    done = typed(installed, tmp_path, "-m", "tools.installer", "--json", "provision", "801", "--profile", "wroom-1")
    assert json.loads(done.stdout)["code"] == "signed_out"  # the pin-out was found, the catalogue too
