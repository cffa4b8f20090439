"""The waters between a door and its broker: each weather does to a connection what it says."""

from __future__ import annotations

import random
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from tools.faults.strait import NameServer, Strait
from tools.processes import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def strait() -> Iterator[Strait]:
    """A strait before a server that says everything back."""
    listener = socket.create_server((LOOPBACK, 0))

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                while chunk := connection.recv(4096):
                    connection.sendall(chunk)
            except OSError:
                return

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    with Strait(listener.getsockname()[1], random.Random(5)) as made:
        yield made
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def dial(strait: Strait) -> socket.socket:
    """A connection through it."""
    return socket.create_connection((LOOPBACK, strait.port), timeout=10)


def echo(connection: socket.socket, size: int = 100) -> bytes:
    """What comes back of so many bytes; fewer if it ends."""
    connection.sendall(bytes(size))
    found = b""
    while len(found) < size and (more := connection.recv(size - len(found))):
        found += more
    return found


def silent(connection: socket.socket) -> bool:
    """Whether nothing comes, not even an end."""
    connection.settimeout(0.1)
    try:
        connection.recv(1)
    except TimeoutError:
        return True
    finally:
        connection.settimeout(10)
    return False


def test_clear_weather_carries_everything(strait: Strait) -> None:
    with dial(strait) as connection:
        assert echo(connection, 50_000) == bytes(50_000)


def test_a_shut_strait_drops_what_is_connected_and_what_dials(strait: Strait) -> None:
    with dial(strait) as connection:
        echo(connection)
        strait.turns("shut")
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    with dial(strait) as connection:
        assert connection.recv(1) == b""


def test_a_stall_keeps_what_is_said_until_it_clears(strait: Strait) -> None:
    with dial(strait) as connection:
        echo(connection)
        strait.turns("stalled")
        connection.sendall(b"kept")
        assert silent(connection)
        strait.turns("clear")
        assert connection.recv(4) == b"kept"


def test_a_half_open_connection_is_dead_for_good_and_never_told(strait: Strait) -> None:
    with dial(strait) as connection, dial(strait) as other:
        echo(connection)
        echo(other)
        strait.turns("half_open")
        with dial(strait) as late:
            late.sendall(b"hello")
            assert silent(late)
            strait.turns("clear")
            connection.sendall(b"anybody")
            assert silent(connection)
            assert silent(late)
    with dial(strait) as fresh:
        assert echo(fresh) == bytes(100)


def test_a_torn_connection_ends_amid_what_the_broker_says(strait: Strait) -> None:
    strait.turns("torn")
    with dial(strait) as connection:
        connection.sendall(bytes(8000))
        with pytest.raises(ConnectionResetError):
            echo(connection, 8000)


def test_a_garbled_connection_has_one_bit_wrong(strait: Strait) -> None:
    strait.turns("garbled")
    with dial(strait) as connection:
        assert sum(echo(connection, 4000)) == 1


def test_a_slow_strait_drips(strait: Strait) -> None:
    strait.turns("slow")
    with dial(strait) as connection:
        connection.sendall(bytes(1000))
        assert 0 < len(connection.recv(1000)) < 1000
        strait.turns("clear")


def test_a_name_server_may_fall_silent() -> None:
    names = NameServer()
    asked = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x06broker\x04test\x00\x00\x01\x00\x01"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.connect((LOOPBACK, names.port))
        door.settimeout(10)
        door.send(asked)
        assert door.recv(512).endswith(socket.inet_aton(LOOPBACK))
        names.silent = True
        door.send(asked)
        assert silent(door)
        assert names.asked == 2
    names.close()
