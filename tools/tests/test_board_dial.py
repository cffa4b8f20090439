"""The simulated board's dial: whatever the other end does, no socket stays open."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from tools.firmware_folder import FIRMWARE
from tools.processes import LOOPBACK
from tools.tests.net_parts import Authority
from tools.virtual.firmware import binary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DIALS = """
import asyncio, json, os, sys
from board import Board

port, tries, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
certificates = [open(folder + name, "rb").read() for name in ("/ca.der", "/c-801-test.der", "/c-801-test.key.der")]

async def attempt():
    reader, writer = Board.dial("127.0.0.1", port, "broker.test", *certificates)
    try:
        writer.write(b"hello")
        await writer.drain()
        if await reader.read(1) == b"":
            raise OSError("closed")
    finally:
        writer.close()
        await writer.wait_closed()

async def main():
    failed = []
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(tries):
        try:
            await asyncio.wait_for(attempt(), 0.5)
        except (OSError, asyncio.TimeoutError) as error:
            failed.append(type(error).__name__)
    print(json.dumps({"failed": len(failed), "left": len(os.listdir("/proc/self/fd")) - before}))

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA, the door's certificate and key, and the script that dials."""
    made = Authority(tmp_path_factory.mktemp("pki"))
    made.certificate("c-801-test")
    (made.folder / "dials.py").write_text(_DIALS)
    return made.folder


@pytest.fixture(params=["closes", "says nonsense", "is silent"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """A server that is no broker."""
    server = socket.create_server((LOOPBACK, 0))
    held: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                channel, _ = server.accept()
            except OSError:
                return
            if request.param == "says nonsense":
                channel.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")
            if request.param == "closes":
                channel.close()
            else:
                held.append(channel)

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1]
    server.close()
    for channel in held:
        channel.close()


def dialled(folder: Path, port: int, tries: int) -> dict[str, int]:
    """What was left after so many tries."""
    boards = [FIRMWARE / "boards" / name for name in ("sim", "both")]
    said = subprocess.run(
        [binary(32), "-X", "heapsize=512K", str(folder / "dials.py"), str(port), str(tries), str(folder)],
        env={**os.environ, "MICROPYPATH": ":".join([*map(str, boards), str(FIRMWARE), ".frozen"])},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    found: dict[str, int] = json.loads(said.stdout)
    return found


def test_a_handshake_that_fails_leaves_no_socket_open(folder: Path, port: int) -> None:
    assert dialled(folder, port, 12) == {"failed": 12, "left": 0}


def test_a_connection_that_is_refused_leaves_no_socket_open(folder: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
    assert dialled(folder, port, 30) == {"failed": 30, "left": 0}
