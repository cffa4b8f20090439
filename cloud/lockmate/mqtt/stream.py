"""A TLS stream over a socket that never blocks: what comes is read in large pieces, what goes is sent in large ones.

Beside ssl.SSLSocket: that one asks the system twice for each record, and the broker sends a record for each message.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lockmate.mqtt.stop import Stop

_PIECE = 65_536


class StreamEnded(OSError):
    """The other side hung up."""


class Stream:
    """Connected, with the handshake done; raises OSError (ssl.SSLError is one), as every method does."""

    def __init__(self, context: ssl.SSLContext, name: str, host: str, port: int, *, seconds: float,
                 stop: Stop | None = None) -> None:
        self._from, self._to = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._from, self._to, server_hostname=name)
        self._room = memoryview(bytearray(4 * _PIECE))  # more than what a piece decrypts to
        self._unsent = b""
        self._socket = socket.create_connection((host, port), seconds)
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._shake_hands(time.monotonic() + seconds, stop)
        except BaseException:
            self.close()
            raise

    def fileno(self) -> int:
        """For select."""
        return self._socket.fileno()

    @property
    def unsent(self) -> bool:
        """Whether something waits for the socket to take it."""
        return bool(self._unsent) or self._to.pending > 0

    def read(self) -> bytes:
        """What has come, decrypted, at most a piece; empty if nothing is whole yet. Raises StreamEnded."""
        try:
            data = self._socket.recv(_PIECE)
        except (BlockingIOError, InterruptedError):
            return b""
        if not data:
            raise StreamEnded("the broker hung up")
        self._from.write(data)
        room, size = self._room, 0
        try:
            while size < len(room) and (count := self._into(room[size:])):
                size += count
        except ssl.SSLWantReadError:
            return bytes(room[:size])
        except ssl.SSLZeroReturnError:
            pass
        if not size:
            raise StreamEnded("the broker hung up")
        return bytes(room[:size])  # the end itself shows at the next read

    def _into(self, room: memoryview) -> int:
        """Decrypt the next record into `room`; its bytes."""
        count: Any = self._tls.read(_PIECE, room)  # with a buffer it tells how many, whatever its type says
        return int(count)

    def write(self, data: bytes | bytearray) -> None:
        """Encrypt; `flush` sends it."""
        self._tls.write(data)

    def flush(self) -> None:
        """Send as much as the socket takes now."""
        data = self._unsent + self._to.read()
        sent = 0
        try:
            while sent < len(data):
                sent += self._socket.send(data[sent : sent + 4 * _PIECE])
        except (BlockingIOError, InterruptedError):
            pass
        finally:
            self._unsent = data[sent:]

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def _shake_hands(self, end: float, stop: Stop | None) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self.flush()
            else:
                self.flush()
                return
            readers: list[Stream | Stop] = [self, stop] if stop is not None else [self]
            writers = [self] if self.unsent else []
            ready, _, _ = select.select(readers, writers, [], max(0.0, end - time.monotonic()))
            if stop is not None and stop.requested:
                raise StreamEnded("the worker was asked to end")
            if time.monotonic() > end:
                raise TimeoutError("the broker does not answer")
            if self in ready:
                data = self._socket.recv(_PIECE)
                if not data:
                    raise StreamEnded("the broker hung up")
                self._from.write(data)
