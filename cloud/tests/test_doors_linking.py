"""Link keys change door by door, made before broken; the firmware's own beliefs and journal follow them."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from companion.core.clock import Clock
from companion.store.beliefs import Beliefs
from companion.store.config import Config
from companion.store.journal import Journal
from companion.store.raw import Area
from lockmate import cli, db, doors
from lockmate.doors import Companion, DoorRules, JournalLog, companions, link, linking, policies, renewals, rotating
from lockmate.ingest import batch
from lockmate.keys import vault
from lockmate.outbox import Outbox
from lockmate.protocol import TOPIC_ACK, TOPIC_RENEW
from lockmate.records import Disputed, Event
from lockmate.staff import Audit


class Flash:
    """Eight blocks of raw flash: ones become zeros, until a block is erased."""

    def __init__(self):
        self.blocks = [bytearray(b"\xff" * 4_096) for _ in range(8)]

    def readblocks(self, block, buffer, offset=0):
        buffer[:] = self.blocks[block][offset : offset + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        for n, byte in enumerate(bytes(buffer), offset):
            self.blocks[block][n] &= byte

    def ioctl(self, operation, argument):
        if operation == 6:
            self.blocks[argument][:] = b"\xff" * 4_096
        return {4: len(self.blocks), 5: 4_096}.get(operation, 0)


class Board:
    """The firmware's beliefs and journal, and its messages as they travel."""

    def __init__(self, hotel, folder, door="801", name="c-801-test"):
        self.name, self.folder = name, folder
        made = companions.enrol(hotel.property, hotel.door(door), name, pki_request(name))
        self.files, self.provisioned = made.files, made.files["/policy"]
        folder.mkdir()
        self.flash = Flash()
        self.hotel, self.door = hotel, door
        self.boots()

    def boots(self):
        self.beliefs = Beliefs.load(str(self.folder / "beliefs"), Config(self.files["/config.json"]), self.provisioned)
        self.provisioned = None
        self.clock = Clock(self.beliefs.floor, 100, 0)
        self.journal = Journal(
            Area(self.flash), self.beliefs.link.key, lambda: (1, 2), bytes,
            former=self.beliefs.link.former,
        )  # fmt: skip
        self.journal.write("boot")

    def hears(self, policy=None):
        self.beliefs.accept(policies.wire(policy or policies.newest(self.hotel.door(self.door))), self.clock, 0)
        self.journal.write("policy")

    def state(self):
        beliefs = self.beliefs
        report = {"log": self.journal.log, "seq": self.journal.seq, "policy_version": beliefs.held_version,
                  "policy_hash": beliefs.held_hash, "generation": beliefs.generation, "clock": [1, 2]}  # fmt: skip
        if beliefs.link.n:
            report["link"] = beliefs.link.n
        return seal(self.beliefs.link.key, self.topic("state"), report)

    def topic(self, leaf):
        return f"lm/1/{self.name}/up/{leaf}"

    def says(self, *, lines=True, state=True):
        """Tell everything; whether the cloud answered so that the door believes it."""
        pending = self.journal.pending(self.journal.acked, 4_000)
        sent = [arrival(self.topic("events"), b"\n".join(line for _, line in pending))] if lines and pending else []
        kept = batch.keep([*sent, *([arrival(self.topic("state"), self.state())] if state else [])])
        answered = False
        for ack in kept.acks:
            topic = TOPIC_ACK % self.name
            if link.is_right(bytes(self.beliefs.link.key), topic, ack.payload(topic)):
                self.journal.stored(ack.seq, ack.tag)
                answered = True
        return answered

    @property
    def row(self):
        return companions.by_id(self.name)


def seal(key, topic, report):
    text = link.compact(report)[:-1]
    return text + b',"mac":"' + link._mac(bytes(key), topic, text) + b'"}'


def arrival(topic, payload):
    return SimpleNamespace(connection=None, mid=0, qos=1, topic=topic, payload=payload, retained=False)


def pki_request(name):
    from lockmate import pki

    return pki.device_key(name).request


@pytest.fixture
def board(hotel, tmp_path):
    made = Board(hotel, tmp_path / "flash")
    made.says()
    return made


def held(board):
    return link.key_of(board.row)


def test_a_change_waits_for_the_door_and_names_it(hotel, board):
    first = held(board)
    assert linking.begin(hotel.property, by=hotel.desk) == (board.name,)
    assert linking.begin(hotel.property, by=hotel.desk) == (board.name,)  # gone on with, not begun anew
    assert held(board) == first
    assert board.says()  # it did not hear yet: all is as before
    board.hears()
    assert bytes(board.beliefs.link.key) != first
    board.says(state=False)  # lines under the new key come before the report
    assert not Disputed.select().exists()
    board.says()
    assert held(board) == bytes(board.beliefs.link.key)
    assert board.says()
    assert linking.behind(hotel.property) == ()
    assert board.row.link_other is None
    assert "link" not in json.loads(bytes(policies.newest(hotel.door("801")).body))  # the salt is told no longer
    board.hears()
    assert board.says()
    assert [line.details for line in Audit.select().where(Audit.verb == "key:rotate")] == ['{"purpose":"link"}']
    linking.begin(hotel.property, by=hotel.desk)
    board.hears()
    board.says()
    assert (board.beliefs.link.n, board.row.link_n) == (2, 2)


def test_lines_under_the_former_key_are_stored_and_then_it_is_gone(hotel, board):
    linking.begin(hotel.property, by=hotel.desk)
    board.journal.write("ajar")
    board.hears()
    board.says(lines=False)
    assert linking.behind(hotel.property) == (board.name,)
    former = link.keys_of(board.row)[1]
    assert board.says()
    assert linking.behind(hotel.property) == ()
    assert [row.kind for row in Event.select().order_by(Event.seq)] == ["boot", "ajar", "policy"]
    forged = link.compact({"log": board.journal.log, "seq": 9, "at": 1, "unsure": 0, "kind": "opened"})
    line = link.tag(former, forged).encode() + b" " + forged
    batch.keep([arrival(board.topic("events"), line), arrival(board.topic("state"), seal(
        former, board.topic("state"), {"log": board.journal.log, "seq": 9, "link": 0}))])  # fmt: skip
    assert [row.reason for row in Disputed.select()] == ["bad_tag", "bad_tag"]


def test_power_cuts_lose_neither_key_nor_line(hotel, board):
    board.journal.write("ajar")
    linking.begin(hotel.property, by=hotel.desk)
    board.beliefs.accept(policies.wire(policies.newest(hotel.door("801"))), board.clock, 0)  # cut before its event
    key = bytes(board.beliefs.link.key)
    board.boots()
    assert (bytes(board.beliefs.link.key), board.journal.seq) == (key, 3)
    board.says()
    assert board.says()
    assert [row.kind for row in Event.select().order_by(Event.seq)] == ["boot", "ajar", "boot"]
    for file in board.folder.glob("beliefs/*"):  # what it believed is gone; what it speaks under is not
        file.write_bytes(b"\xff" * 40)
    board.boots()
    assert bytes(board.beliefs.link.key) == key
    next(board.folder.glob("beliefs-link.a")).write_bytes(b"")
    board.boots()
    assert bytes(board.beliefs.link.key) == key


def test_a_board_that_is_provisioned_anew_begins_anew(hotel, board):
    linking.begin(hotel.property, by=hotel.desk)
    board.hears()
    board.says()
    made = companions.replace(board.row, board.name, pki_request(board.name), by=hotel.desk)
    assert (board.row.link_n, board.row.link_other is None) == (0, False)  # its policy asks: it takes the step at once
    board.files, board.provisioned = made.files, made.files["/policy"]
    board.flash = Flash()
    for file in board.folder.glob("beliefs/*"):
        file.unlink()
    board.boots()
    board.says()
    assert board.says()
    assert held(board) == bytes(board.beliefs.link.key) != bytes.fromhex(made.config["link_key"])
    assert linking.behind(hotel.property) == ()


def test_a_spare_that_is_assigned_meanwhile_follows(hotel, board):
    spare = companions.enrol(hotel.property, None, "spare-0001", pki_request("spare-0001")).companion
    linking.begin(hotel.property, by=hotel.desk)
    companions.assign(spare, hotel.door("801"), by=hotel.desk)
    assert linking.behind(hotel.property) == (board.name, "spare-0001")
    companions.retire(spare, by=hotel.desk)
    board.hears()
    board.says()
    board.says()
    assert linking.behind(hotel.property) == ()


def test_books_restored_from_before_a_change_find_the_way(hotel, board):
    before = {row.id: row.__data__ | {} for row in Companion.select()}, {
        row.id: (row.link_n, row.link_asked) for row in DoorRules.select()
    }
    for _ in range(2):
        linking.begin(hotel.property, by=hotel.desk)
        board.hears()
        board.says()
        board.says()
        assert linking.behind(hotel.property) == ()
    for row_id, facts in before[0].items():
        Companion.update(link_key=facts["link_key"], link_n=0, link_other=None).where(Companion.id == row_id).execute()
    for row_id, (n, asked) in before[1].items():
        DoorRules.update(link_n=n, link_asked=asked).where(DoorRules.id == row_id).execute()
    board.journal.write("ajar")
    board.says(lines=False)
    assert (held(board), board.row.link_n) == (bytes(board.beliefs.link.key), 2)
    assert board.says()
    report = json.loads(board.state()) | {"link": 3}
    del report["mac"]
    forged = seal(b"k" * 32, board.topic("state"), report)
    with pytest.raises(doors.BadMac):
        linking.heard(board.row, board.topic("state"), forged)
    linking.begin(hotel.property, by=hotel.desk)
    assert DoorRules.get(DoorRules.door == hotel.door("801")).link_n >= 2


def test_the_master_key_waits_for_a_change(hotel, board, tmp_path):
    vault.make(tmp_path / "other.key")
    linking.begin(hotel.property, by=hotel.desk)
    with pytest.raises(doors.LinksChanging):
        rotating.reseal(tmp_path / "other.key")
    board.hears()
    board.says()
    board.says()
    linking.behind(hotel.property)
    assert rotating.reseal(tmp_path / "other.key")[1] == Companion.select().count()


def test_time_ends_a_change_that_nobody_waits_for(hotel, board):
    linking.begin(hotel.property, by=hotel.desk)
    assert linking.tend() == 0
    board.hears()
    board.says()
    board.says()
    assert linking.tend() == 1
    assert not DoorRules.select().where(DoorRules.link_asked).exists()
    assert JournalLog.get().stored_seq == board.journal.seq


def test_the_command_lists_who_holds_it_back(hotel, board, house, monkeypatch):
    monkeypatch.setenv("LOCKMATE_DATA", str(house.data))
    monkeypatch.setenv("LOCKMATE_TESTING", "1")
    monkeypatch.setenv("LOCKMATE_TEST_CLOCK", str(house.test_clock))
    words = ["keys", "rotate-links", "--property", hotel.property.property_id]
    assert CliRunner().invoke(cli.main, words).output == f"coming: waits for {board.name}\n"
    db.database.close()
    board.hears()
    board.says()
    board.says()
    assert CliRunner().invoke(cli.main, [*words, "--wait", "--every", "0.1"]).output == "done\n"


def test_a_renewal_under_way_is_said_under_the_new_key(hotel, board):
    renewals.renew_networks(board.row, [("Hotel", "secret word")], by=hotel.desk)
    linking.begin(hotel.property, by=hotel.desk)
    board.hears()
    board.says()
    topic = TOPIC_RENEW % board.name
    newest = Outbox.select().where(Outbox.address == topic).order_by(Outbox.id.desc()).get()
    key = bytes(board.beliefs.link.key)
    assert link.is_right(key, topic, bytes(newest.payload))
    document = link.open_sealed(board.row, topic, bytes(newest.payload))
    assert json.loads(renewals.unseal(key, document["sealed"])) == [{"ssid": "Hotel", "password": "secret word"}]
    assert renewals.under_way(board.row).version == document["version"]
