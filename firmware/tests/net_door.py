"""A door's network half on its own, driven by lines: the client alone, or the whole uplink on a real journal.

    micropython net_door.py SETUP.json

Not a test: pytest starts it (tools/tests/test_door_mqtt.py). It prints one JSON line for whatever happens and takes
JSON lines on stdin.
"""

import asyncio
import errno
import gc
import json
import os
import socket
import sys
import time

import check  # noqa: F401 - puts firmware/ on the path
import tls

from companion.core.clock import Clock
from companion.net.dialler import Dialler
from companion.net.flight import Lost
from companion.net.mqtt import Client
from companion.net.uplink import Uplink
from companion.net.wifi import Wifi
from companion.store.beliefs import Beliefs
from companion.store.config import Config
from companion.store.journal import Journal


_SO_SNDBUF = 7  # Linux


def say(**facts):
    print(json.dumps(facts))


def read(path):
    with open(path, "rb") as source:
        return source.read()


class _Network:
    connected = True

    async def up(self):
        pass

    def resolve(self, host):
        say(resolved=host)
        return host


class _TlsStream(asyncio.StreamReader):
    """A stream that closes its socket itself: after a failed handshake MicroPython's TLS wrapper no longer does."""

    def __init__(self, wrapped, plain):
        super().__init__(wrapped)
        self._plain = plain

    async def wait_closed(self):
        try:
            await super().wait_closed()
        finally:
            self._plain.close()


def dial(host, port, server_name, ca, cert, key):
    """TLS with both certificates required; whatever goes wrong, no socket stays open. The first write shakes hands."""
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = tls.CERT_REQUIRED
    context.load_verify_locations(ca)
    context.load_cert_chain(cert, key)
    plain = connected(host, port)
    try:
        wrapped = context.wrap_socket(plain, server_hostname=server_name, do_handshake_on_connect=False)
    except (OSError, ValueError):
        plain.close()
        raise
    stream = _TlsStream(wrapped, plain)
    return stream, stream


def connected(host, port, send_buffer=0):
    """A socket that is being connected."""
    address = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0]
    plain = socket.socket(address[0], address[1], address[2])
    if send_buffer:
        plain.setsockopt(socket.SOL_SOCKET, _SO_SNDBUF, send_buffer)
    try:
        plain.setblocking(False)
        plain.connect(address[-1])
    except OSError as error:
        if error.errno != errno.EINPROGRESS:
            plain.close()
            raise
    return plain


class _Board:
    """What the uplink needs of a board: the real dial, real chance, and a clock that a line can move."""

    def __init__(self, plain, send_buffer):
        self.network = _Network()
        self._plain = plain  # without TLS, for servers that say anything at all
        self._send_buffer = send_buffer
        self._start = time.ticks_ms()
        self.moved = 0

    async def dial(self, host, port, *certificates):
        if self._plain:
            stream = asyncio.StreamReader(connected(host, port, self._send_buffer))
            return stream, stream
        return dial(host, port, *certificates)

    def monotonic_ms(self):
        return time.ticks_diff(time.ticks_ms(), self._start) + self.moved

    def random(self, n):
        return os.urandom(n)

    def tls_date(self, seconds):
        say(tls_date=seconds)


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
            await client.publish(b"flood", (b"%04d" % n * 400,))
        say(flooded=worker)

    async def tell_ups():
        number = 0
        while True:
            if await client.up() != number:
                number = client.connection
                say(up=number, ms=board.monotonic_ms())
            await asyncio.sleep_ms(10)

    await asyncio.gather(client.run(), tell_ups(), commands(obey))


async def whole_uplink(setup, board, dialler, clock, config):
    beliefs = Beliefs.load(setup["folder"] + "/beliefs", config, read(setup["policy"]) if setup.get("policy") else None)
    journal = Journal(
        setup["folder"] + "/journal", config.link_key, lambda: clock.interval(board.monotonic_ms()), board.random
    )

    async def present(text, road):
        say(present=text.decode(), road=road)

    uplink = Uplink(
        dialler,
        companion_id=config.companion_id,
        link_key=config.link_key,
        clock=clock,
        beliefs=beliefs,
        journal=journal,
        present=present,
        now_ms=board.monotonic_ms,
        random=board.random,
        facts=lambda: {"firmware": "test"},
        trace=say,
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
                ignored=uplink.ignored,
            )

    journal.write("boot")
    await asyncio.gather(uplink.run(), commands(obey))


def main():
    setup = json.loads(read(sys.argv[1]))
    board = _Board(setup["plain"], setup.get("send_buffer", 0))
    clock = Clock(setup.get("floor", 0), now_ms=board.monotonic_ms())
    wifi = Wifi(board.network, [], board.random)
    broker = (setup["host"], setup["port"], setup["name"])
    dialler = Dialler(board, wifi, broker, read(setup["ca"]), read(setup["cert"]), read(setup["key"]), clock)
    if setup["mode"] == "client":
        asyncio.run(client_alone(setup, board, dialler))
    else:
        config = Config(json.dumps(setup["config"]))
        asyncio.run(whole_uplink(setup, board, dialler, clock, config))


main()
