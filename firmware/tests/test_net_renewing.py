# runs on: micropython32 micropython
"""Renewals: the vectors, and new networks that are tried, proved, or gone back from."""

import asyncio
import binascii
import json
import os

import check
import flash_ram

import companion.early  # noqa: F401 - the deepest imports first, as in main.py
from companion.core import mac, p256
from companion.core.clock import Clock
from companion.net.dialler import Dialler
from companion.net.renewal import Renewals
from companion.net.renewing import Renewing, unseal
from companion.net.wifi import Wifi
from companion.store import files
from companion.store.identity import KEY, NETWORKS, Next
from test_identity import CONFIG, NEW, provisioned, wifi
from test_net_dialler import certificate

with open("docs/vectors/hk1.json") as f:
    LINK = json.load(f)["link"]
VECTOR = LINK["renewal"]
LINK_KEY = binascii.unhexlify(LINK["link_key"])
TOPIC = "lm/1/%s/down/renew" % LINK["companion_id"]


class Journal:
    def __init__(self):
        self.lines = []

    def write(self, kind, **fields):
        self.lines.append((kind, fields))


class Air:
    """A board's network: names and passwords that can be joined now."""

    def __init__(self, **known):
        self.known = known
        self.on = None
        self.tried = []

    @property
    def connected(self):
        return self.on is not None and self.on in self.known

    async def up(self, ssid="", password=""):
        self.tried.append(ssid)
        self.on = None
        if self.known.get(ssid) != password:
            raise OSError(5)
        self.on = ssid


class Board:
    """No board's: what a dialler asks of one."""

    def __init__(self):
        self.ms = 0

    def monotonic_ms(self):
        return self.ms


class Door:
    """Everything between a document and the network, on a fresh flash."""

    def __init__(self, air, root=None):
        self.root = root or provisioned()
        files.write(self.root + "/ca.der", certificate())
        self.board = Board()
        self.journal = Journal()
        self.renewals = Renewals(
            self.root, lambda name: files.read(self.root + name), self.journal, self.board.monotonic_ms
        )
        self.identity = self.renewals.load()
        self.renewing = Renewing(self.renewals, LINK["companion_id"], LINK_KEY, os.urandom)
        self.air = air
        self.wifi = Wifi(air, json.loads(flash_ram.get(self.root + "/config.json"))["wifi"], os.urandom)
        broker = ("10.0.0.2", 8883, "broker.test")
        self.dialler = Dialler(self.board, self.wifi, broker, self.renewals, Clock(0))

    def connects(self, comes_about):
        """One attempt of the client; whether it was made with what is new."""
        asyncio.run(asyncio.wait_for(self.dialler.ready(), 5))
        trying = self.dialler.trying
        if comes_about:
            self.dialler.worked()
        else:
            self.dialler.failed(OSError(104))
        return trying


def document(**members):
    return mac.seal(LINK_KEY, TOPIC, json.dumps(members).encode())


def test_the_vectors():
    assert binascii.hexlify(mac.hmac_sha256(LINK_KEY, b"HW1")).decode() == VECTOR["seal_key"]
    plain = unseal(LINK_KEY, binascii.a2b_base64(VECTOR["sealed"]))
    assert plain.decode() == VECTOR["networks"]
    secret = binascii.unhexlify(VECTOR["secret"])
    point = [found for found in p256.public(secret) if found][0]
    assert binascii.hexlify(point).decode() == VECTOR["point"]
    assert binascii.hexlify(p256.der(secret, point)).decode() == VECTOR["key_der"]


def test_the_vectors_documents_are_taken():
    door = Door(Air(Old="old password"))
    door.renewing.take(VECTOR["key"].encode())
    steps = 0
    while door.renewing.step():
        steps += 1
    assert steps == 257 and door.identity.next.what == KEY
    state = {}
    door.renewals.tell(state)
    key = door.identity.next.key
    assert state["renewal"] == {"version": 1795453300000, "key": binascii.hexlify(key[57:]).decode()}
    door.renewing.take(VECTOR["key"].encode())
    assert not door.renewing.step() and door.identity.next.key == key, "told again, it makes no other key"
    door.renewing.take(VECTOR["document"].encode())
    assert door.identity.next.what == NETWORKS and door.renewals.networks() == json.loads(VECTOR["networks"])
    door.renewing.take(VECTOR["key"].encode())
    assert door.identity.next.what == NETWORKS, "an older one is overtaken"


def test_what_is_not_sealed_right_is_refused():
    sealed = binascii.a2b_base64(VECTOR["sealed"])
    for wrong in (b"", sealed[:16], sealed[:-1], sealed + b"x"):
        check.raises(ValueError, unseal, LINK_KEY, wrong)
    good = json.loads(VECTOR["document"])
    for changed in ({"version": "5"}, {"what": None}, {"what": 5}, {"sealed": None}, {"sealed": ""}):
        door = Door(Air())
        check.raises(ValueError, door.renewing.take, document(**dict(good, **changed)))
        assert door.identity.next is None


def expecting(air):
    """A door on its old network that was just given NEW."""
    door = Door(air)
    assert not door.connects(True)
    door.renewals.expect(Next(7, NETWORKS, networks=json.dumps(NEW).encode()))
    return door


def test_new_networks_are_tried_at_once_and_proved_by_a_connection():
    door = expecting(Air(Old="old password", New="new password"))
    assert door.renewals.due
    assert door.connects(True)
    assert (door.air.on, wifi(door.root), door.identity.done) == ("New", NEW, 7)
    assert door.wifi.networks == NEW
    assert door.journal.lines == [("update", {"renewed": "networks"})]
    assert not door.renewals.due


def test_networks_that_are_not_there_yet_leave_the_old_and_serve_when_the_old_goes():
    air = Air(Old="old password")
    door = expecting(air)
    assert not door.connects(True), "the old one carries it"
    assert (air.on, wifi(door.root), door.renewals.due) == ("Old", CONFIG["wifi"], False)
    air.known = {"New": "new password"}
    assert door.connects(True), "long before it would be tried again by itself"
    assert (air.on, wifi(door.root)) == ("New", NEW)


def test_a_new_network_without_a_way_to_the_broker_is_left_again():
    air = Air(Old="old password", New="new password")
    door = expecting(air)
    assert door.connects(False)
    assert not door.connects(True)
    assert (air.on, wifi(door.root), door.identity.next.version) == ("Old", CONFIG["wifi"], 7)
    door.board.ms += 60_000
    assert door.renewals.due
    assert door.connects(True)
    assert (air.on, wifi(door.root)) == ("New", NEW)


def test_tries_in_vain_grow_rarer_and_the_third_is_told():
    air = Air(Old="old password")
    door = expecting(air)
    waits = []
    for _ in range(13):
        assert not door.connects(True)
        waited = 0
        while not door.renewals.due:
            door.board.ms += 30_000
            waited += 30
        waits.append(waited)
    assert waits[:4] == [60, 120, 240, 480] and max(waits) == waits[-1] == 21_600, waits
    assert door.journal.lines == [("fault", {"fault": "renewal", "code": "networks"})]


if __name__ == "__main__":
    check.run(globals())
