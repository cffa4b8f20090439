"""A door's network half on its own, driven by lines: the client alone, or the whole uplink on a real journal.

    micropython net_door.py SETUP.json

Not a test: pytest starts it (tools/tests/test_door_mqtt.py). It prints one JSON line for whatever happens and takes
JSON lines on stdin.
"""

import asyncio
import gc
import json
import os
import sys
import time

import check

import companion.early  # noqa: F401 - the deepest imports first, as in main.py: each one in another takes of the stack
from companion.core.clock import Clock
from companion.net.dialler import Dialler
from companion.net.flight import Lost
from companion.net.mqtt import Client
from companion.net.renewal import Renewals
from companion.net.uplink import Uplink
from companion.net.wifi import Wifi
from companion.store import files
from companion.store.beliefs import Beliefs
from companion.store.config import Config
from companion.store.journal import Journal
from companion.store.raw import Area

sys.path.append(check.FIRMWARE + "/boards/sim")
sys.path.append(check.FIRMWARE + "/boards/both")

import flash_file  # the simulated board's own
import tls_dial


def say(**facts):
    print(json.dumps(facts))


def read(path):
    with open(path, "rb") as source:
        return source.read()


class _Network:
    connected = True

    async def up(self):
        pass

    def datagrams(self):
        raise OSError("no name server")


class _Board:
    """What the uplink needs of a board: the real dial, real chance, and a clock that a line can move."""

    def __init__(self, plain, send_buffer):
        self.network = _Network()
        self._plain = plain  # without TLS, for servers that say anything at all
        self._send_buffer = send_buffer
        self._start = time.ticks_ms()
        self.moved = 0

    def dial(self, host, port, *certificates):
        if self._plain:
            stream = asyncio.StreamReader(tls_dial.connecting(host, port, self._send_buffer))
            return stream, stream
        return tls_dial.dial(host, port, *certificates)

    def monotonic_ms(self):
        return time.ticks_diff(time.ticks_ms(), self._start) + self.moved

    def random(self, n):
        return os.urandom(n)

    def tls_date(self, seconds):
        say(tls_date=seconds)


class _Given:
    """One certificate for ever."""

    due = False

    def __init__(self, ca, *pair):
        self.ca = ca
        self._pair = pair

    def pair(self, trying):
        return self._pair

    def networks(self):
        return []


async def commands(obey):
    stdin = asyncio.StreamReader(sys.stdin.buffer)
    while True:
        line = await stdin.readline()
        if not line:
            sys.exit(0)
        await obey(json.loads(line))


async def client_alone(setup, board, dialler):
    started = []

    def on_message(topic, payload):
        say(
            message=topic.decode(),
            size=-1 if payload is None else len(payload),
            text=None if payload is None else bytes(payload[:64]).decode("utf-8"),
        )

    def on_trouble(error):
        dialler.failed(error)
        gc.collect()
        say(trouble=str(error), kind=type(error).__name__, ms=board.monotonic_ms(), heap=gc.mem_alloc())

    client = Client(
        dialler.dial,
        setup["companion_id"],
        ready=dialler.ready,
        random=board.random,
        on_message=on_message,
        room=lambda topic, size: bytearray(size) if size <= 4352 - 4 - len(topic) else None,
        on_trouble=on_trouble,
        subscribe="lm/1/%s/down/+" % setup["companion_id"],
        will=(("lm/1/%s/up/state" % setup["companion_id"]).encode(), b'{"online":false}'),
        **setup["timing"],
    )

    async def publish(number, topic, text, retain):
        try:
            await client.publish(topic.encode(), (text.encode(),), retain)
            say(published=number)
        except Lost:
            say(lost=number)

    async def obey(command):
        if "publish" in command:
            number = len(started)
            started.append(asyncio.create_task(publish(number, *command["publish"])))
        if "flood" in command:
            for worker in range(4):
                started.append(asyncio.create_task(flood(worker, command["flood"])))
        if "cancel" in command:
            started[command["cancel"]].cancel()

    async def flood(worker, many):
        for n in range(worker, many, 4):
            await client.publish(b"flood", (b"%04d" % n * 250,))
        say(flooded=worker)

    async def tell_ups():
        number = 0
        while True:
            if await client.up() != number:
                number = client.connection
                say(up=number, ms=board.monotonic_ms())
            await asyncio.sleep_ms(10)

    await asyncio.gather(client.run(), tell_ups(), commands(obey))


def raw_flash(path):
    """The raw half of a simulated board's flash, kept in a file."""
    if not check.exists(path):
        with open(path, "wb") as made:
            for _ in range(flash_file.STORE + 1):
                made.write(b"\xff" * 4096)
    return Area(flash_file.Store(flash_file.Device(path)))


async def whole_uplink(setup, board, wifi, broker, clock, config):
    beliefs = Beliefs.load(setup["folder"] + "/beliefs", config, read(setup["policy"]) if setup.get("policy") else None)
    journal = Journal(
        raw_flash(setup["folder"] + "/journal"),
        beliefs.link.key,
        lambda: clock.interval(board.monotonic_ms()),
        board.random,
        former=beliefs.link.former,
    )

    renewals = Renewals(setup["folder"], lambda name: files.read(setup["folder"] + name), journal, board.monotonic_ms)
    dialler = Dialler(board, wifi, broker, renewals, clock)

    async def present(text, road):
        say(present=text.decode(), road=road)

    uplink = Uplink(
        dialler,
        companion_id=config.companion_id,
        link_key=beliefs.link.key,
        clock=clock,
        beliefs=beliefs,
        journal=journal,
        present=present,
        now_ms=board.monotonic_ms,
        random=board.random,
        facts=lambda: {"firmware": "test"},
        trace=say,
        renewals=renewals,
        timing=setup["timing"],
    )

    async def obey(command):
        if "write" in command:
            say(wrote=journal.write(command["write"], **command.get("fields", {})))
        if "advance_ms" in command:
            board.moved += command["advance_ms"]
            say(advanced=board.monotonic_ms())
        if "ask" in command:
            gc.collect()
            say(
                asked=command["ask"],
                seq=journal.seq,
                acked=journal.acked,
                boot_seq=journal.boot_seq,
                clock=list(clock.interval(board.monotonic_ms())),
                version=beliefs.held_version,
                hash=beliefs.held_hash,
                guests=beliefs.guests_trusted,
                heap=gc.mem_alloc(),
                door=beliefs.door,
                renewing=renewals.identity and renewals.identity.next and renewals.identity.next.version,
                ignored=uplink.downlink.ignored,
            )

    journal.write("boot")
    await asyncio.gather(uplink.run(), commands(obey))


def main():
    setup = json.loads(read(sys.argv[1]))
    board = _Board(setup["plain"], setup.get("send_buffer", 0))
    clock = Clock(setup.get("floor", 0), now_ms=board.monotonic_ms())
    wifi = Wifi(board.network, [], board.random)
    broker = (setup["host"], setup["port"], setup["name"])
    if setup["mode"] == "client":
        given = _Given(*[read(setup[name]) for name in ("ca", "cert", "key")])
        asyncio.run(client_alone(setup, board, Dialler(board, wifi, broker, given, clock)))
    else:
        config = Config(json.dumps(setup["config"]))
        asyncio.run(whole_uplink(setup, board, wifi, broker, clock, config))


main()
