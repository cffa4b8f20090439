"""Tables that the installer's command makes are those that a door makes, and a door with them makes none."""

from __future__ import annotations

import json
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from companion.core import ed25519_curve as curve
from tools import tables
from tools.virtual import firmware

# On the board: loads every table, says whether all were taken from the folder, and verifies with each.
PROGRAM = """
import json, sys
from companion.core import ed25519
from companion.store.shelf import Shelf
class Asked(Shelf):
    loaded = kept = 0
    def load(self, *words):
        found = super().load(*words)
        self.loaded += found
        return found
    def keep(self, *words):
        self.kept += 1
        return super().keep(*words)
folder, facts = sys.argv[1:]
shelf = Asked(folder)
engine = ed25519.prepare(shelf)
good = 0
with open(facts) as file:
    signed = json.load(file)
for key, signature in signed:
    verifier = ed25519.Verifier(bytes.fromhex(key), shelf)
    good += verifier.verify(b"table", bytes.fromhex(signature))
    good -= verifier.verify(b"tablE", bytes.fromhex(signature))
print(engine, good, shelf.loaded, shelf.kept)
"""


@pytest.mark.parametrize(("word", "engine"), [(32, "viper"), (64, "plain")])
def test_a_door_takes_them_as_its_own(tmp_path, tmp_path_factory, word, engine):
    beside = tmp_path_factory.mktemp("beside")
    keys = [Ed25519PrivateKey.generate() for _ in range(3)]
    public = [key.public_key().public_bytes_raw() for key in keys]
    for name, content in tables.files(public, engine).items():
        (tmp_path / name).write_bytes(content)
    facts = json.dumps([[key.hex(), private.sign(b"table").hex()] for key, private in zip(public, keys, strict=True)])
    (beside / "facts.json").write_text(facts)
    program = beside / "board.py"
    program.write_text(PROGRAM)
    command = [firmware.binary(word), "-X", "heapsize=160K", program, tmp_path, beside / "facts.json"]
    environment = {"MICROPYPATH": firmware.search_path(word)}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert done.stdout.split() == [engine, "3", {"viper": "3", "plain": "4"}[engine], "0"], done.stdout + done.stderr


def test_a_key_that_no_door_takes_gets_no_table():
    for key in (bytes(32), b"\x02" + bytes(31), (curve.P + 1).to_bytes(32, "little"), b"short"):
        with pytest.raises(ValueError, match="point"):
            tables.files([key])
