"""The door's MQTT client against servers that say anything at all: garbage, silence, too much, too slowly."""

from __future__ import annotations

import json
import os
import random
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tools.processes import LOOPBACK
from tools.tests.net_parts import HURRY, NAME, Authority, Door

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOOR = "c-801-test"
DOWN = b"lm/1/c-801-test/down/ack"
UP = "lm/1/c-801-test/up/events"
CONNACK = b"\x20\x02\x00\x00"
SUBACK = b"\x90\x03\x00\x01\x01"


def publish(payload: bytes, packet_id: int = 7, topic: bytes = DOWN, head: int = 0x32) -> bytes:
    """A PUBLISH as a broker sends it."""
    body = len(topic).to_bytes(2, "big") + topic + (packet_id.to_bytes(2, "big") if head & 6 else b"") + payload
    length, size = b"", len(body)
    while True:
        size, low = divmod(size, 128)
        length += bytes([low | (128 if size else 0)])
        if not size:
            return bytes([head]) + length + body


class Peer:
    """One connection of the door, from the server's side."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.packets: list[bytes] = []

    def packet(self) -> bytes:
        """The next packet whole; EOFError if the door has gone."""
        head = self._exactly(2)
        size, shift, last = head[1] & 127, 7, head[1]
        while last & 128:
            last = self._exactly(1)[0]
            size |= (last & 127) << shift
            shift += 7
        self.packets.append(head[:1] + self._exactly(size))
        return self.packets[-1]

    def greet(self) -> None:
        """Answer CONNECT and SUBSCRIBE."""
        assert self.packet()[0] == 0x10
        self.send(CONNACK)
        assert self.packet()[0] == 0x82
        self.send(SUBACK)

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self.connection.sendall(data)

    def wait_for_end(self) -> None:
        """Read until the door has gone."""
        while self.connection.recv(4096):
            pass

    def _exactly(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            more = self.connection.recv(size - len(found))
            if not more:
                raise EOFError
            found += more
        return found


class Server:
    """Runs a script for each connection, one after the other."""

    def __init__(self, script: Callable[[Peer, int], None], receive_buffer: int = 0) -> None:
        self._script = script
        self._listener = socket.create_server((LOOPBACK, 0))
        if receive_buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.port = int(self._listener.getsockname()[1])
        self.errors: list[BaseException] = []
        self._closed = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it; what failed in a script comes out here."""
        self._closed = True
        with socket.create_connection((LOOPBACK, self.port)):
            pass
        self._thread.join(20)
        self._listener.close()
        if self.errors:
            raise self.errors[0]

    def _serve(self) -> None:
        number = 0
        while True:
            connection, _ = self._listener.accept()
            with connection:
                if self._closed:
                    return
                number += 1
                connection.settimeout(20)
                try:
                    self._script(Peer(connection), number)
                except (OSError, EOFError):
                    continue
                except AssertionError as error:
                    self.errors.append(error)


Start = Callable[..., Door]
Serve = Callable[..., int]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A CA and a door's certificate."""
    made = Authority(tmp_path_factory.mktemp("pki"))
    made.certificate(DOOR)
    return made


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a scripted server; its port."""
    servers: list[Server] = []

    def start(script: Callable[[Peer, int], None], receive_buffer: int = 0) -> int:
        servers.append(Server(script, receive_buffer))
        return servers[-1].port

    yield start
    for server in servers:
        server.close()


@pytest.fixture(params=[32, 64], ids=["32-bit", "64-bit"])
def start(request: pytest.FixtureRequest, serve: Serve, authority: Authority, tmp_path: Path) -> Iterator[Start]:
    """Starts doors; it needs `serve` so that the doors go first."""
    doors: list[Door] = []

    def make(port: int, **changes: Any) -> Door:
        files = authority.folder
        timing = {**HURRY, **changes.pop("timing", {})}
        setup = {
            "mode": "client",
            "plain": True,
            "companion_id": DOOR,
            "host": LOOPBACK,
            "port": port,
            "name": NAME,
            "ca": str(authority.der),
            "cert": str(files / f"{DOOR}.der"),
            "key": str(files / f"{DOOR}.key.der"),
            "timing": timing,
            **changes,
        }
        path = tmp_path / f"door{len(doors)}.json"
        path.write_text(json.dumps(setup))
        doors.append(Door(path, request.param))
        return doors[-1]

    yield make
    for door in doors:
        door.kill()


BEFORE_GREETING = [
    b"",
    b"\x00",
    b"\x20",
    b"\x20\x02\x00\x05",
    b"\x20\x03\x00\x00\x00",
    b"\x20\xff\xff\xff\xff\xff",
    publish(b"early"),
    b"\x90\x03\x00\x01\x01",
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"\xd0\x00",
    b"\x20\x82\x80\x80\x00\x00\x00",
]
AFTER_GREETING = [
    b"\x00\x00",
    b"\xf0\x00",
    b"\x40\x02\x00\x09",
    b"\x40\x03\x00\x01\x00",
    b"\x42\x02\x00\x01",
    b"\xd0\x00",
    b"\x20\x02\x00\x00",
    b"\x90\x03\x00\x01\x01",
    b"\x30\x00",
    b"\x30\x01\x00",
    b"\x32\x02\x00\x05",
    b"\x30\x02\xff\xff",
    publish(b"x", 0),
    publish(b"x", 7, head=0x34),
    publish(b"x", 7, head=0x36),
    b"\x30\xff\xff\xff\xff\x01",
    b"\x62\x02\x00\x01",
    b"\x40\xff\xff\xff\x7f",
    publish(b"cut short")[:-3],
    b"\x32\x04\x00\x01a\x00",
]


def test_whatever_a_server_says_the_door_comes_back(start: Start, serve: Serve) -> None:
    chance = random.Random(1)
    noise = [chance.randbytes(chance.randrange(1, 3000)) for _ in range(20)]
    refusals = [b"\x90\x03\x00\x01\x80", b"\x90\x03\x00\x02\x01", b"\x90\x02\x00\x01"]

    def script(peer: Peer, number: int) -> None:
        at = number - 1
        if at < len(BEFORE_GREETING) + len(noise):
            peer.packet()
            peer.send((BEFORE_GREETING + noise)[at])
            return
        at -= len(BEFORE_GREETING) + len(noise)
        if at < len(refusals):
            peer.packet()
            peer.send(CONNACK)
            peer.packet()
            peer.send(refusals[at])
            return
        at -= len(refusals)
        peer.greet()
        if at < len(AFTER_GREETING) + len(noise):
            peer.send((AFTER_GREETING + noise)[at])
            return
        peer.send(publish(b"at last"))
        peer.wait_for_end()

    door = start(serve(script), timing={"base_ms": 4, "cap_ms": 8})
    door.wait(text="at last")
    wrong = len(BEFORE_GREETING) + len(refusals) + len(AFTER_GREETING) + 2 * len(noise)
    assert len(door.all("trouble")) == wrong
    assert {said["kind"] for said in door.all("trouble")} <= {"Broken", "OSError"}
    heaps = [said["heap"] for said in door.all("trouble")]
    assert heaps[-1] <= heaps[10] + 2048, "nothing is left of a broken connection"


def test_a_server_that_does_not_speak_tls_is_left(start: Start, serve: Serve) -> None:
    def script(peer: Peer, number: int) -> None:
        peer.connection.recv(100)
        peer.send(b"\x15\x03\x03\x00\x02\x02\x28" if number % 2 else os.urandom(200))

    door = start(serve(script), plain=False)
    troubles = door.wait_for_many("trouble", 4)
    assert {said["kind"] for said in troubles} <= {"OSError", "ValueError", "Broken"}
    assert door.alive


def test_a_server_that_falls_silent_is_left_and_found_again(start: Start, serve: Serve) -> None:
    pings = threading.Semaphore(0)

    def script(peer: Peer, number: int) -> None:
        peer.greet()
        if number == 1:
            peer.wait_for_end()
            return
        while True:
            if peer.packet() == b"\xc0":
                peer.send(b"\xd0\x00")
                pings.release()

    door = start(serve(script), timing={"keepalive_s": 1, "answer_ms": 400})
    trouble = door.wait("trouble", trouble="no answer")
    assert trouble["ms"] - door.wait(up=1)["ms"] >= 850, "half a keepalive, then the patience"
    door.wait(up=2)
    for _ in range(5):
        assert pings.acquire(timeout=20)
    assert len(door.all("trouble")) == 1


def test_every_message_is_acknowledged_once_whatever_its_size(start: Start, serve: Serve) -> None:
    sizes = [0, 1, 100, 127, 128, 4322, 4323, 4324, 4325, 9000, 200_000, 3]
    ids: list[int] = []
    done = threading.Event()

    def script(peer: Peer, number: int) -> None:
        peer.greet()
        for n, size in enumerate(sizes):
            peer.send(publish(b"x" * size, n + 1))
        for n in range(40):
            peer.send(publish(b"quick", 100 + n))
        while len(ids) < len(sizes) + 40:
            packet = peer.packet()
            assert packet[0] == 0x40
            ids.append(int.from_bytes(packet[1:3], "big"))
        done.set()
        peer.wait_for_end()

    door = start(serve(script))
    assert done.wait(20)
    assert ids == [*range(1, len(sizes) + 1), *range(100, 140)]
    heard = [said["size"] for said in door.wait_for_many("message", len(sizes) + 40)]
    assert heard[: len(sizes)] == [size if size <= 4352 - 4 - len(DOWN) else -1 for size in sizes]


def test_packets_that_come_byte_by_byte_are_understood(start: Start, serve: Serve) -> None:
    def script(peer: Peer, number: int) -> None:
        peer.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.packet()
        for byte in CONNACK:
            peer.send(bytes([byte]))
        peer.packet()
        for byte in publish(b"before the SUBACK") + SUBACK + publish(b"after it", 8):
            peer.send(bytes([byte]))
        assert peer.packet() == b"\x40\x00\x07"
        assert peer.packet() == b"\x40\x00\x08"
        peer.wait_for_end()

    door = start(serve(script))
    door.wait(text="before the SUBACK")
    door.wait(text="after it")


def test_no_more_than_four_are_in_flight_and_a_cancelled_one_tears_nothing(start: Start, serve: Serve) -> None:
    seen: list[bytes] = []
    arrived = threading.Semaphore(0)
    answer = threading.Event()

    def script(peer: Peer, number: int) -> None:
        peer.greet()
        for _ in range(4):
            seen.append(peer.packet())
            arrived.release()
        answer.wait(20)
        for packet in seen[:4]:
            peer.send(b"\x40\x02" + packet[3 + packet[2] :][:2])
        while True:
            packet = peer.packet()
            if packet[0] & 0xF0 == 0x30:
                seen.append(packet)
                arrived.release()
                peer.send(b"\x40\x02" + packet[3 + packet[2] :][:2])

    door = start(serve(script), timing={"answer_ms": 15000})
    door.wait("up")
    for n in range(10):
        door.tell(publish=[UP, f"text {n}", False])
    for _ in range(4):
        assert arrived.acquire(timeout=20)
    assert not arrived.acquire(blocking=False), "the fifth waits for an acknowledgement"
    for n in (0, 2, 5, 8):  # in flight, in flight, waiting for a place, waiting for a place
        door.tell(cancel=n)
    answer.set()
    for _ in range(4):
        assert arrived.acquire(timeout=20)
    texts = [packet[5 + packet[2] :].decode() for packet in seen]
    assert texts == [f"text {n}" for n in (0, 1, 2, 3, 4, 6, 7, 9)]
    door.wait_for_many("published", 6)
    assert sorted(said["published"] for said in door.all("published")) == [1, 3, 4, 6, 7, 9]
    identities = [packet[3 + packet[2] :][:2] for packet in seen]
    assert len(set(identities)) == len(identities)
    assert not door.all("trouble")


def test_a_server_that_reads_slowly_gets_every_byte(start: Start, serve: Serve) -> None:
    texts = [f"{n:04d}" * 250 for n in range(40)]
    found: list[str] = []
    may_read = threading.Event()

    def script(peer: Peer, number: int) -> None:
        peer.greet()
        # It hears far more than it can answer, for what it sends is stuck.
        for n in range(100):
            peer.send(publish(b"y", n + 1, topic=b"a/" + DOWN))
        may_read.wait(20)
        while len(found) < len(texts):
            packet = peer.packet()
            if packet[0] & 0xF0 == 0x30:
                found.append(packet[5 + packet[2] :].decode())
                peer.send(b"\x40\x02" + packet[3 + packet[2] :][:2])
        peer.wait_for_end()

    door = start(serve(script, receive_buffer=2048), send_buffer=2048)
    door.wait("up")
    door.tell(flood=len(texts))
    door.wait_for_many("message", 8)
    may_read.set()
    door.wait_for_many("flooded", 4)
    door.wait_for_many("message", 100)
    assert sorted(found) == texts
    assert not door.all("trouble")
