"""The tool lays the tables of the trusted keys on a board: its first scan makes none, and a spoilt one is made good."""

from __future__ import annotations

import pytest

from tools.hotel.trial import TrialDoor
from tools.installer import combs, flashing, looking, partitions, sources
from tools.installer.board import open_board
from tools.installer.provisioning import Made, provision
from tools.installer.trouble import Trouble
from tools.virtual_board.board import FLASH, HEAP, VirtualBoard
from tools.virtual_board.door import hung

# On the board: what a companion does with its tables at its first start and at the first scan for each key.
FIRST_SCAN = """
import sys
start = {"__name__": "test"}
with open("/main.py") as file:
    exec(file.read(), start)
sys.path.insert(0, start["firmware"]())
from companion.core import ed25519
from companion.store.beliefs import Beliefs
from companion.store.config import Config
from companion.store.shelf import Shelf, Stock
class Watched(Shelf):
    made = 0
    def keep(self, *words):
        Watched.made += 1
        return Shelf.keep(self, *words)
shelf = Watched("/tables")
ed25519.prepare(shelf)
with open("/config.json", "rb") as file:
    config = Config(file.read())
with open("/policy", "rb") as file:
    beliefs = Beliefs.load("/look", config, file.read(), shelf)
good = 0
for trusted in beliefs.trust:
    verifier = ed25519.Verifier(trusted.key, shelf)
    good += verifier.verify(b"", bytes(64))
stock = Stock(shelf, beliefs)
while stock.tick():
    pass
print(repr((ed25519.engine(), beliefs.held_version > 0, len(beliefs.trust), good, Watched.made)))
"""


class Desk:
    """A source of companions without a cloud: one door on trial."""

    asks_profile = True

    def __init__(self):
        self.door = TrialDoor()
        self.files = self.door.files() | {"/ca.der": b"ca", "/cert.der": b"certificate", "/key.der": b"key"}

    def known(self, _companion_id):
        return None

    def provision(self, _report, _door, _profile, _wifi, _beside):
        return Made(self.door.companion_id, self.files)


@pytest.fixture(scope="module", params=[True, False], ids=["romfs", "files"])
def board(tmp_path_factory, request):
    """A board with MicroPython and the firmware on it: in the flash's ROMFS, or in files."""
    memory = HEAP if request.param else "512K"  # files are loaded into memory: a board with PSRAM
    with VirtualBoard(tmp_path_factory.mktemp("board"), memory=memory) as made:
        table = partitions.table(partitions.layout(FLASH, romfs=request.param))
        with made.flash.open("r+b") as chip:
            for place, body in ((partitions.LOADER_AT["ESP32"], b"\xe9"), (partitions.APP_AT, b"\xe9"),
                                (partitions.TABLE_AT, table)):  # fmt: skip
                chip.seek(place)
                chip.write(body)
        flashing.flash(made.port, sources.firmware(None, tmp_path_factory.getbasetemp() / "firmware"), None)
        yield made


def first_scan(board):
    """(engine, policy taken, keys trusted, verified, tables made) of a board that was just powered."""
    with open_board(board.port) as line:
        line.remove("/look")
        line.freshen()
        told = line.run(FIRST_SCAN)
        line.freshen()
        return told


def test_the_first_scan_after_provisioning_makes_no_table(board, tmp_path):
    desk = Desk()
    with open_board(board.port) as line:
        done = provision(line, desk, desk.door.door)
        assert (done.laid.engine, done.laid.tables) == ("viper", 3)
        assert set(line.report().tables.values()) == {True}
    assert first_scan(board) == ("viper", True, 3, 0, 0)
    with open_board(board.port) as line:
        line.remove(f"{combs.FOLDER}/{min(line.report().tables)}")
    assert first_scan(board)[-1] == 1  # so it would show
    with hung(board, tmp_path) as companion:
        companion.scan(desk.door.token())
        assert companion.wait(lambda sight: "verdict" in sight, 10)["verdict"] == "open"


def test_tables_of_former_keys_go_and_a_torn_one_is_made_good(board):
    desk = Desk()
    with open_board(board.port) as line:
        provision(line, desk, desk.door.door, anew=True)
        report = line.report()
        torn = f"{combs.FOLDER}/{next(iter(report.tables))}"
        line.put(torn, line.read(torn)[:-9])
        assert list(line.report().tables.values()).count(False) == 1
        line.put(f"{combs.FOLDER}/v0123456789abcdef", b"of a key that nobody trusts any more")
        laid = combs.lay(line, line.report(), combs.trusted(desk.files), "it")
        assert laid.tables == 3
        assert line.report().tables == dict.fromkeys(report.tables, True)


def test_a_board_tells_its_engine_and_keeps_all_it_has(board):
    with open_board(board.port) as line:
        before = line.report()
    told = looking.at(board.port)
    assert (told["engine"], told["romfs"]) == ("viper", before.rom > 0)
    with open_board(board.port) as line:
        assert line.report() == before


def test_a_key_that_no_door_takes_changes_nothing_on_the_board(board):
    with open_board(board.port) as line:
        before = line.report()
        with pytest.raises(Trouble) as trouble:
            combs.lay(line, before, [bytes(32)], "it")
        assert trouble.value.code == "bad_key"
        assert line.report().tables == before.tables


def test_a_spare_gets_tables_of_the_keys_that_it_is_configured_with():
    desk = Desk()
    spare = {name: body for name, body in desk.files.items() if name != "/policy"}
    assert combs.trusted(spare) == sorted(desk.door.public(slot) for slot in (4, 8))
    assert combs.trusted(desk.files) == sorted(desk.door.public(slot) for slot in (0, 4, 8))


def test_what_a_board_lost_while_it_started_anew_is_said_again(board, monkeypatch):
    heard, lost = board._type, []

    def starting(data):
        if b"\x01" in b"".join(lost):
            heard(data)
        else:
            lost.append(data)

    monkeypatch.setattr(board, "_type", starting)
    with open_board(board.port) as line:
        assert line.report().serial
    assert lost
