# runs on: micropython32 micropython
"""What the uplink does when the heap has no room for a policy: the rest of it is tested against a real broker."""

import asyncio
import binascii
import hashlib
import json
import os

import check

from companion.core import mac
from companion.core.clock import Clock
from companion.core.policy import Refused
from companion.net.uplink import Uplink


class Journal:
    boot_seq = 1
    acked = 0
    seq = 0
    oldest = 1
    log = "0" * 16

    def __init__(self):
        self.lines = []
        self.written = asyncio.Event()

    def write(self, kind, **fields):
        self.lines.append((kind, fields))


class Beliefs:
    """Beliefs that run out of memory, before or after the policy is held."""

    held_version = 1
    held_hash = "0" * 16
    generation = 0
    door = 801
    clock_epoch = 0
    drift_ppm = 100

    class link:
        n = 0

    def __init__(self, keeps):
        self.keeps = keeps

    def accept(self, wire, clock, now_ms):
        if self.keeps:
            self.held_hash = binascii.hexlify(hashlib.sha256(wire[65:]).digest()[:8]).decode()
        raise MemoryError


class Renewals:
    """None ever."""

    due = False

    def news(self):
        return ()

    def tell(self, state):
        pass


class Line:
    def dial(self):
        raise OSError

    ready = dial


def uplink(keeps):
    journal = Journal()
    made = Uplink(Line(), companion_id="c-801-test", link_key=bytes(32), clock=Clock(0), beliefs=Beliefs(keeps),
                  journal=journal, present=None, now_ms=lambda: 0, random=os.urandom, facts=dict,
                  trace=lambda **_: None, renewals=Renewals())  # fmt: skip
    return made, journal


POLICY = b"lm/1/c-801-test/down/policy"


def test_a_policy_that_finds_no_room_is_tried_again_and_the_door_lives_on():
    made, journal = uplink(keeps=False)
    made.downlink.on_message(POLICY, memoryview(b"x" * 100))
    made.downlink._take_policy()
    assert journal.lines == [("fault", {"fault": "policy", "code": "no_memory"})]
    made.downlink._take_policy()
    assert len(journal.lines) == 1, "the repeats of a run are counted"
    taken = Taken(0)
    made.downlink._beliefs.accept = lambda wire, clock, now_ms: taken
    made.downlink._take_policy()
    assert journal.lines[-1] == ("policy", {"policy_version": taken.version})


class TooWide:
    """A policy in the client's buffer, of which no copy can be had."""

    def __len__(self):
        return 100

    def __iter__(self):
        raise MemoryError


def test_a_policy_that_could_not_even_be_taken_in_is_asked_for_again_once_in_a_rest():
    made, journal = uplink(keeps=False)
    told = []

    async def publish(topic, parts, retain=False):
        told.append(made._now_ms())
        made.downlink.on_message(POLICY, TooWide())  # the cloud answers a state that is behind with the policy

    made.client.publish = publish

    async def hears():
        await made._send_state()
        hearing = asyncio.create_task(made.downlink._hear())
        for n in range(60):
            made._now_ms = made.downlink._now_ms = lambda n=n: 100 * n
            made.downlink._mail.set()  # as `_tend` does while something waits
            for _ in range(3):
                await asyncio.sleep(0)
            await made._send_state()
        hearing.cancel()

    asyncio.run(hears())
    assert journal.lines == [("fault", {"fault": "policy", "code": "no_memory"})]
    assert told == [0, 0, 2000, 4000], told


def test_one_that_broke_off_while_it_was_kept_needs_a_new_start():
    made, _ = uplink(keeps=True)
    made.downlink.on_message(POLICY, memoryview(b"x" * 100))
    check.raises(MemoryError, made.downlink._take_policy)


def test_the_newest_message_counts():
    made, journal = uplink(keeps=False)
    made.downlink.on_message(POLICY, memoryview(b"x" * 100))
    made.downlink.on_message(POLICY, None)
    made.downlink._take_policy()
    assert journal.lines == [("fault", {"fault": "policy", "code": "too_long"})]


class Taken:
    """A policy that was taken."""

    version = 2

    def __init__(self, clock_epoch):
        self.clock_epoch = clock_epoch


class Floored(Beliefs):
    """Beliefs with a floor, and a flash that counts."""

    def __init__(self, floor):
        self.floor = floor
        self.saved = []
        self.guests_trusted = True

    def save_floor(self, lo):
        self.saved.append(lo)
        self.floor = lo

    def take_door(self, door):
        return False

    def policy_named(self, version):
        pass


def told_the_time(floor, at):
    """An uplink that was just told the time by a fresh ack."""
    made, journal = uplink(keeps=True)
    made.downlink._beliefs = Floored(floor)
    made.downlink._clock = Clock(floor)
    made._handed.note(1, 0)
    tag = journal.tag = lambda seq: "a" * 16
    journal.boot_seq = 1
    journal.stored = lambda seq, told: None
    ack = b'{"log":"%s","seq":1,"tag":"%s","at":%d,"door":801,"policy_version":1}' % (
        journal.log.encode(), tag(1).encode(), at)  # fmt: skip
    made.downlink._take_ack(mac.seal(bytes(32), "lm/1/c-801-test/down/ack", ack), 0)
    return made.downlink._beliefs.saved


def test_a_time_far_above_the_floor_is_kept_at_once_since_a_power_cut_would_take_it_back():
    assert told_the_time(1_000_000, 1_100_000) == [1_100_000]
    assert told_the_time(1_000_000, 1_003_600) == [], "the keeper's next turn is soon enough"


def test_once_a_policy_set_the_clock_back_only_later_events_give_time():
    for epoch, known in ((0, 5), (1, None)):
        made, journal = uplink(keeps=False)
        made._handed.note(3, 5)
        journal.seq = 3
        made.downlink._beliefs.accept = lambda wire, clock, now_ms, epoch=epoch: Taken(epoch)
        made.downlink.on_message(POLICY, memoryview(b"x" * 100))
        made.downlink._take_policy()
        assert made._handed.first(3) == known
        made._handed.note(4, 6)
        assert made._handed.first(4) == 6


def test_an_old_policy_sent_again_and_again_costs_one_check_in_two_seconds():
    made, journal = uplink(keeps=False)
    checked = []

    def old(wire, clock, now_ms):
        checked.append(now_ms)
        raise Refused("old_version")

    made.downlink._beliefs.accept = old

    async def flood():
        hearing = asyncio.create_task(made.downlink._hear())
        for n in range(40):
            made.downlink._now_ms = lambda n=n: 100 * n
            made.downlink.on_message(POLICY, memoryview(b"x" * 100))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        hearing.cancel()

    asyncio.run(flood())
    assert checked == [0, 2000] and journal.lines == []


def test_refused_policies_of_all_sorts_fill_no_journal():
    made, journal = uplink(keeps=False)
    for n in range(50):
        made.downlink._refuse(("forged", "too_long")[n % 2])
    made.downlink._end_of_run()
    assert [(told["code"], told.get("count")) for _, told in journal.lines] == [("forged", None), ("too_long", 49)]


def test_a_spare_that_learns_its_door_tells_it_at_once():
    made, _ = uplink(keeps=False)
    before = made._news()
    made._beliefs.door = 802
    assert made._news() != before


def test_the_state_has_what_the_protocol_requires():
    made, _ = uplink(keeps=False)
    state = json.loads(made._state(0))
    assert sorted(state) == [
        "clock", "generation", "ignored", "log", "mac", "oldest", "policy_hash", "policy_version", "seq"
    ]  # fmt: skip
    assert state["clock"] == [0, None]


if __name__ == "__main__":
    check.run(globals())
