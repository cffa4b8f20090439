"""The cable of a virtual companion: forwards, drops when pulled, forwards again on the same port."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest

from tools.hotel.cable import Cable


@pytest.fixture
def echo():
    """A server that gives back what it gets; its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                threading.Thread(target=answer, args=(near,), daemon=True).start()

    def answer(near):
        with near, contextlib.suppress(OSError):
            while chunk := near.recv(1000):
                near.sendall(chunk)

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def ask(port):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        line.sendall(b"ping")
        return line.recv(1000)


def test_a_plugged_cable_carries_both_ways(echo):
    with Cable(echo) as cable:
        assert ask(cable.port) == b"ping"


def test_a_pulled_cable_drops_what_is_connected_and_what_dials(echo):
    with Cable(echo) as cable, socket.create_connection(("127.0.0.1", cable.port), timeout=5) as line:
        line.sendall(b"one")
        assert line.recv(1000) == b"one"
        cable.pull()
        assert line.recv(1000) == b""
        with contextlib.suppress(ConnectionError):
            assert ask(cable.port) == b""


def test_a_cable_put_back_carries_again_on_the_same_port(echo):
    with Cable(echo) as cable:
        port = cable.port
        cable.pull()
        cable.plug()
        assert cable.port == port
        assert ask(port) == b"ping"


def test_a_closed_cable_gives_its_port_back(echo):
    with Cable(echo) as cable:
        port = cable.port
    with socket.create_server(("127.0.0.1", port)):
        pass
